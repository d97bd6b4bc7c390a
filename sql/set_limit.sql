-- Limits of hosts, queues and templates: set, replaced, removed; faults.
\set SHOW_CONTEXT never
SELECT hitl.set_limit('host', 'API.example.org', max_concurrency => 4);
SELECT hitl.set_limit('host', '*', max_rate => 100);
SELECT hitl.set_limit('host', 'api.example.org:8443', max_rate => 60, per => '1 minute');
SELECT hitl.set_limit('host', '[2001:db8::1]:8443', max_concurrency => 1);
SELECT hitl.set_limit('queue', 'GPU', max_concurrency => 2, max_rate => 10, per => '24 hours');
SELECT hitl.set_limit('template', 'refund', max_concurrency => 20);
SELECT hitl.set_limit('template', 'refund', max_rate => 5);
SELECT kind, name, max_concurrency, max_rate, per, updated_by = current_user AS by_me
FROM hitl.limits ORDER BY kind, name;
SELECT hitl.drop_limit('host', 'Api.Example.Org'), hitl.drop_limit('host', 'api.example.org'),
	   hitl.drop_limit('queue', 'gpu'), hitl.drop_limit('queue', 'GPU');

SELECT hitl.set_limit(NULL, 'x', 1);
SELECT hitl.set_limit('host', NULL, 1);
SELECT hitl.set_limit('weather', 'x', 1);
SELECT hitl.set_limit('host', '', 1);
SELECT hitl.set_limit('host', 'https://example.org', 1);
SELECT hitl.set_limit('host', 'example.org/path', 1);
SELECT hitl.set_limit('host', 'example.org:https', 1);
SELECT hitl.set_limit('host', '2001:db8::1', 1);
SELECT hitl.set_limit('host', '*.example.org', 1);
SELECT hitl.set_limit('host', 'example.org');
SELECT hitl.set_limit('host', 'example.org', 0);
SELECT hitl.set_limit('host', 'example.org', max_rate => 0);
SELECT hitl.set_limit('host', 'example.org', max_rate => 100001);
SELECT hitl.set_limit('host', 'example.org', max_rate => 1, per => NULL);
SELECT hitl.set_limit('host', 'example.org', max_rate => 1, per => '0');
SELECT hitl.set_limit('host', 'example.org', max_rate => 1, per => '-1 day');
SELECT hitl.set_limit('host', 'example.org', max_rate => 1, per => '25 hours');
SELECT hitl.set_limit('host', 'example.org', max_rate => 1, per => '1 month');
SELECT hitl.drop_limit('host', NULL);
SELECT hitl.limits_changed();
TRUNCATE hitl.limits;

-- By what requests are queued: the host, and when they are due.
SELECT url, hitl.request_origin(url) FROM (VALUES
	('https://API.example.org/v1?x=http://other/'), ('https://api.example.org:443'),
	('HTTP://api.example.org:80/'), ('http://api.example.org:443#a'), ('https://api.example.org:8443?a'),
	('https://user:pass@api.example.org/'), ('https://[2001:DB8::1]:443/'), ('ftp://example.org/'),
	('smtp://Mail.example.org'), ('smtp://mail.example.org:587/hitl'), ('smtp://mail.example.org:25'), ('SMTPS://mail.example.org:465'),
	('smtps://mail.example.org:587'), ('smt://x'),
	('not a url'), ('://'), ('')) AS u (url);
SELECT length(hitl.request_origin('https://' || repeat('a', 1000) || '.example.org/'));
SELECT attempts, priority, due AT TIME ZONE 'UTC' AS due, hitl.request_rank(due, '2030-01-01 12:00Z', attempts::int, priority::smallint)
	AT TIME ZONE 'UTC' AS rank
FROM (VALUES (0, 0, '2030-01-01 12:00Z'::timestamptz), (0, 9, '2030-01-01 12:00Z'), (0, 9, '2030-01-01 11:00Z'),
	(0, 9, '2030-01-01 13:00Z'), (1, 9, '2030-01-01 12:00Z'), (0, 9, '-infinity'), (0, 9, 'infinity')) AS r (attempts, priority, due);
