-- Secrets: set, replaced, listed, deleted; faults; who may.
\set SHOW_CONTEXT never
SELECT hitl.set_secret('openai', 'sk-first');
SELECT hitl.set_secret(name => 'openai', value => 'sk-second');
SELECT hitl.set_secret('hook.key_1', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
SELECT name, value FROM hitl.secrets ORDER BY name;
SELECT name, updated_at IS NOT NULL AS updated FROM hitl.secret_names ORDER BY name;
SELECT hitl.delete_secret('hook.key_1'), hitl.delete_secret('hook.key_1');

\set VERBOSITY default
SELECT hitl.set_secret(NULL, 'x');
SELECT hitl.set_secret('x', NULL);
SELECT hitl.set_secret('', 'x');
SELECT hitl.set_secret('two words', 'x');
SELECT hitl.set_secret('x', '');
SELECT hitl.set_secret('x', E'token\n');
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
