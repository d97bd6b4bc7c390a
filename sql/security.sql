-- what must not be possible, whatever a role contrives
\set SHOW_CONTEXT never
CREATE ROLE hitl_attacker;
CREATE ROLE hitl_dropped;
SELECT hitl.grant_access('hitl_attacker', 'operator');
CREATE SCHEMA attack AUTHORIZATION hitl_attacker;
-- a function in an index is run by whoever analyzes the table (autovacuum:
-- the superuser), but acts for the role that owns the table
SELECT hitl.request_approval('Pay?', requested_from => 'cfo') AS approval \gset
SELECT hitl.create_workflow('theirs') AS id \gset
SET ROLE hitl_attacker;
CREATE FUNCTION attack.sneak(i integer) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF i = 1 THEN
		PERFORM hitl.respond_to_approval(current_setting('attack.approval')::uuid, 'cfo', 'approved');
	ELSIF i = 2 THEN
		PERFORM hitl.transition_workflow_status(current_setting('attack.workflow')::uuid, 'cancelled');
	ELSE
		PERFORM hitl.create_workflow('whose?');
	END IF;
	RETURN 'done';
EXCEPTION WHEN insufficient_privilege THEN
	RAISE NOTICE '% %', i, sqlerrm;
	RETURN i::text;
END $$;
CREATE TABLE attack.bait (i integer);
INSERT INTO attack.bait VALUES (1), (2), (3);
SET client_min_messages = warning;
SET attack.approval = :'approval';
SET attack.workflow = :'id';
CREATE INDEX ON attack.bait (attack.sneak(i));
RESET client_min_messages;
RESET ROLE;
ANALYZE attack.bait;
SELECT status, decided_by FROM hitl.approval_requests WHERE id = :'approval';
SELECT status FROM hitl.workflows WHERE id = :'id';
DROP SCHEMA attack CASCADE;
-- a grant to a role that is gone stands in nobody's way
SELECT hitl.grant_acting('hitl_dropped', '*'), hitl.grant_acting('hitl_attacker', 'cfo');
DROP ROLE hitl_dropped;
SET ROLE hitl_attacker;
SELECT hitl.respond_to_approval(:'approval', 'cfo', 'rejected');
RESET ROLE;
SELECT hitl.revoke_acting('hitl_dropped', '*'), hitl.revoke_acting('hitl_attacker', 'cfo');
-- many approvers cost little, and a double one is found among them
SET statement_timeout = '5s';
SELECT hitl.request_approval('All?', required_approvers => array_agg('approver-' || n)) IS NOT NULL AS asked
FROM generate_series(1, 20000) AS n;
SELECT hitl.request_approval('All?', required_approvers => array_agg('approver-' || n % 19999))
FROM generate_series(1, 20000) AS n;
RESET statement_timeout;
SELECT hitl.request_approval('All?', required_approvers => '{a,NULL}');
SELECT hitl.transition_workflow_status(:'id', 'cancelled');
SELECT hitl.revoke_access('hitl_attacker');
-- what others are given by default is not given here
\set here :DBNAME
CREATE DATABASE hitl_generous;
\c hitl_generous
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO hitl_attacker;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO hitl_attacker;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO hitl_attacker;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO PUBLIC;
CREATE EXTENSION hitl;
SELECT has_schema_privilege('hitl_attacker', 'hitl', 'USAGE') AS "usage",
	   (SELECT count(*) FROM pg_class WHERE relnamespace = 'hitl'::regnamespace AND relkind IN ('r', 'v', 'S')
		AND (CASE relkind WHEN 'S' THEN has_sequence_privilege('hitl_attacker', oid, 'USAGE')
			 ELSE has_table_privilege('hitl_attacker', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER') END)) AS tables,
	   (SELECT count(*) FROM pg_proc WHERE pronamespace = 'hitl'::regnamespace
		AND has_function_privilege('hitl_attacker', oid, 'EXECUTE')) AS functions;
\c :here
DROP DATABASE hitl_generous;
DROP ROLE hitl_attacker;
