-- every violation of an answer, with its place and keyword
SELECT * FROM hitl.validate_answer('{
	"type": "object", "required": ["approved_amount", "justification"], "additionalProperties": false,
	"properties": {
		"approved_amount": {"type": "number", "minimum": 0, "maximum": 12345678901234567890.12},
		"justification": {"type": "string", "minLength": 10},
		"cost_center": {"type": "string", "pattern": "^[A-Z]{2}\\d{3}$"},
		"on": {"type": "string", "format": "date"}}}',
	'{"approved_amount": 12345678901234567890.13, "cost_center": "AB12x", "on": "31.1.2026", "more": 1}')
ORDER BY pointer, keyword;
SELECT count(*) FROM hitl.validate_answer('{"properties": {"a": {"pattern": "^\\w+$"}}}', '{"a": "x_1"}');
-- answers have members in no order, and numbers in any notation
SELECT count(*) FROM hitl.validate_answer('{"enum": [{"a": 1, "b": [2.50]}]}', '{"b": [2.5], "a": 1.0}');
-- regular expressions are those of ECMA-262: no class is the locale's, no end is a line's
SELECT pattern, answer, NOT EXISTS (
	SELECT FROM hitl.validate_answer(jsonb_build_object('pattern', pattern), to_jsonb(answer))) AS valid
FROM (VALUES
	('^\d$', '7'), ('^\d$', '٧'),
	('^\w$', 'e'), ('^\w$', 'é'), ('^\W$', 'é'),
	('^\s$', E'\u00a0'), ('^\s$', E'\u180e'), ('^\S$', E'\ufeff'),
	('^a$', E'a\n'), ('^a$', E'b\na'), ('a.b', E'a\nb'), ('a[^x]b', E'a\nb'), ('a[\s\S]b', E'a\nb'),
	('A', 'a'), ('^[\u{1F600}-\u{1F64F}]{2}$', '😀😃'),
	('\bto\b', 'go to it'), ('\bto\b', 'tomato'), ('o\Bm', 'tomato'), ('\bé', 'aé'),
	('^(?=.*\d)(?!.*x).{3,}$', 'ab1'), ('^(?=.*\d)(?!.*x).{3,}$', 'ax1'), ('(?<=a)b(?<!c)', 'ab'),
	('^(a|b|)+?c$', 'abbac'), ('^[\]\[\-\\^]+$', ']-[^\'), ('^[^\]\[\-\\^]+$', 'a]'), ('^[\^]$', '^'),
	('^a\/b\.c\-d$', 'a/b.c-d'), ('^\cI\x20\u0041$', E'\t A'), ('', ''), ('^a{0,255}$', repeat('a', 255))
) AS v (pattern, answer);
-- what is not supported is refused, never ignored
SELECT * FROM hitl.validate_schema('{
	"$id": "https://example.com/a", "type": "text", "maximum": "9", "minlength": 3, "format": "ipv4",
	"properties": {"a": {"pattern": "(?i)a"}, "b": {"pattern": "(?=a)*"}, "c": {"pattern": "\\p{L}"}, "d": 1},
	"allOf": [{"$ref": "#/allOf/0"}], "anyOf": [{"$ref": "#/nowhere"}, {"$ref": "https://example.com/b"}],
	"unevaluatedProperties": false}')
ORDER BY pointer;
SELECT count(*) FROM hitl.validate_schema('{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "t",
	"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#"}}}}');
SELECT * FROM hitl.validate_answer('{"type": "text", "maximum": "9"}', '1');
-- nothing is no answer
SELECT * FROM hitl.validate_answer('true', 'null');
SELECT * FROM hitl.validate_answer('true', NULL);
SELECT * FROM hitl.validate_answer(NULL, '1');
SELECT * FROM hitl.validate_schema(NULL);
-- what takes too long is not valid: here, 2^30 ways
SELECT a.* FROM (
	SELECT jsonb_build_object('$ref', '#/$defs/n0', '$defs', jsonb_object_agg('n' || i,
		CASE i WHEN 30 THEN 'false'::jsonb
		ELSE jsonb_build_object('anyOf', jsonb_build_array(
			jsonb_build_object('$ref', '#/$defs/n' || i + 1),
			jsonb_build_object('$ref', '#/$defs/n' || i + 1))) END)) AS schema
	FROM generate_series(0, 30) AS i) AS s, hitl.validate_answer(s.schema, '1') AS a;
-- a pattern that takes long can be cancelled
SET statement_timeout = '300ms';
SELECT count(*) FROM generate_series(1, 1000000) AS i,
	LATERAL hitl.validate_answer('{"items": {"pattern": "(a|b|ab)*(c|d){20,200}x"}}',
		to_jsonb(array_fill(repeat('ab', 100), ARRAY[100]))) AS a;
RESET statement_timeout;
SELECT count(*) FROM hitl.validate_answer('{"items": {"pattern": "(a|b|ab)*(c|d){20,200}x"}}', '["ab"]');
-- more schemas than are kept
SELECT sum((SELECT count(*) FROM hitl.validate_answer(jsonb_build_object('maximum', i), '100')))
FROM generate_series(1, 250) AS i;
-- who may
CREATE ROLE hitl_answer_nobody;
CREATE ROLE hitl_answer_reader;
SELECT hitl.grant_access('hitl_answer_reader', 'viewer');
SET ROLE hitl_answer_nobody;
SELECT * FROM hitl.validate_answer('true', '1');
SET ROLE hitl_answer_reader;
SELECT count(*) FROM hitl.validate_answer('false', '1');
SELECT count(*) FROM hitl.validate_schema('false');
RESET ROLE;
SELECT hitl.revoke_access('hitl_answer_reader');
DROP ROLE hitl_answer_nobody, hitl_answer_reader;
