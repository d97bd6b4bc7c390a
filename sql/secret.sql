-- Secrets: set, replaced, listed, deleted; faults; who may.
\set SHOW_CONTEXT never
SELECT hitl.set_secret('openai', 'sk-first');
SELECT hitl.set_secret(name => 'openai', value => 'sk-second');
SELECT hitl.set_secret('hook.key_1', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
SELECT name, value FROM hitl.secrets ORDER BY name;
SELECT name, updated_at IS NOT NULL AS updated FROM hitl.secret_names ORDER BY name;
SELECT hitl.delete_secret('hook.key_1'), hitl.delete_secret('hook.key_1');

-- Hosts to which http steps may send it: kept by a new value, unless they are given.
SELECT hitl.set_secret('openai', 'sk-third', '{API.example.org, "api.example.org:8443", "[2001:db8::1]"}');
SELECT hitl.set_secret('openai', 'sk-fourth');
SELECT value, allowed_hosts FROM hitl.secrets WHERE name = 'openai';
SELECT hitl.set_secret('openai', 'sk-fifth', '{}');
SELECT name, allowed_hosts FROM hitl.secret_names;

\set VERBOSITY default
SELECT hitl.set_secret(NULL, 'x');
SELECT hitl.set_secret('x', NULL);
SELECT hitl.set_secret('', 'x');
SELECT hitl.set_secret('two words', 'x');
SELECT hitl.set_secret('x', '');
SELECT hitl.set_secret('x', E'token\n');
SELECT hitl.set_secret('x', 'y', '{NULL}');
SELECT hitl.set_secret('x', 'y', '{*}');
SELECT hitl.set_secret('x', 'y', '{https://example.org}');
SELECT hitl.set_secret('x', 'y', '{{a},{b}}');
SELECT hitl.set_secret('x', 'y', array_fill('a'::text, ARRAY[101]));
SELECT hitl.delete_secret(NULL);

-- Whoever may read and write all data may not read these.
CREATE ROLE regress_hitl_reader;
GRANT pg_read_all_data, pg_write_all_data TO regress_hitl_reader;
SET ROLE regress_hitl_reader;
SELECT * FROM hitl.secrets;
SELECT name FROM hitl.secret_names;
UPDATE hitl.secrets SET value = 'mine';
INSERT INTO hitl.secrets (name, value, created_by) VALUES ('mine', 'x', 'me');
RESET ROLE;
DROP OWNED BY regress_hitl_reader;
DROP ROLE regress_hitl_reader;
SELECT hitl.delete_secret('openai');

-- Nothing of it is dumped; the outbox is.
SELECT c.relname FROM pg_extension e, unnest(e.extconfig) AS t (id) JOIN pg_class c ON c.oid = t.id
WHERE e.extname = 'hitl' AND c.relname IN ('secrets', 'outbox');
