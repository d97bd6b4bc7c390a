-- who may do what
\set SHOW_CONTEXT never
CREATE ROLE hitl_nobody;
CREATE ROLE hitl_viewer;
CREATE ROLE hitl_approver;
CREATE ROLE hitl_operator;
CREATE ROLE hitl_operator2;
CREATE ROLE hitl_admin;
SELECT hitl.grant_access('hitl_viewer', 'viewer'), hitl.grant_access('hitl_approver', 'approver'),
	   hitl.grant_access('hitl_operator', 'operator'), hitl.grant_access('hitl_operator2', 'operator'),
	   hitl.grant_access('hitl_admin', 'admin');
SELECT hitl.grant_access('hitl_viewer', 'king');
SELECT hitl.grant_access('hitl_missing', 'viewer');
-- a role without grants can do nothing at all
SELECT count(*) AS callable FROM pg_proc
WHERE pronamespace = 'hitl'::regnamespace AND has_function_privilege('hitl_nobody', oid, 'EXECUTE');
SELECT count(*) AS readable FROM pg_class
WHERE relnamespace = 'hitl'::regnamespace AND relkind IN ('r', 'v', 'S')
  AND has_table_privilege('hitl_nobody', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE');
SELECT has_schema_privilege('hitl_nobody', 'hitl', 'USAGE') AS "usage";
-- each level contains the ones below it; no level writes tables or reads secrets
SELECT level, count(*) FILTER (WHERE object_type = 'FUNCTION') AS functions,
	   count(*) FILTER (WHERE object_type = 'PROCEDURE') AS procedures,
	   count(*) FILTER (WHERE object_type = 'TABLE') AS tables
FROM hitl.access_levels() WHERE level <> 'gateway' GROUP BY level ORDER BY min(CASE level
	WHEN 'worker' THEN 0 WHEN 'participant' THEN 0.5 WHEN 'viewer' THEN 1 WHEN 'approver' THEN 2 WHEN 'operator' THEN 3 ELSE 4 END);
SELECT r.rolname, count(*) FILTER (WHERE has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')) AS writable,
	   bool_or(has_table_privilege(r.oid, 'hitl.secrets', 'SELECT')) AS secrets
FROM pg_roles r, pg_class c
WHERE r.rolname LIKE 'hitl\_%' AND c.relnamespace = 'hitl'::regnamespace AND c.relkind IN ('r', 'v')
GROUP BY r.rolname ORDER BY r.rolname;
-- every function that runs with its owner's rights has a search_path of its own
SELECT oid::regprocedure FROM pg_proc
WHERE pronamespace = 'hitl'::regnamespace AND prosecdef
  AND NOT coalesce(proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false);
-- and every public object has a comment
SELECT p.oid::regprocedure FROM pg_proc p
WHERE pronamespace = 'hitl'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.oid::regclass FROM pg_class c
WHERE relnamespace = 'hitl'::regnamespace AND relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL;

\set VERBOSITY sqlstate
SET ROLE hitl_viewer;
SELECT count(*) FROM hitl.list_pending_approvals('nobody at all');
SELECT hitl.respond_to_approval('00000000-0000-7000-8000-000000000000', 'x', 'approved');
SELECT hitl.create_workflow('x');
SELECT hitl.set_secret('a', 'b');
SELECT * FROM hitl.workflows;
SET ROLE hitl_approver;
SELECT hitl.respond_to_approval('00000000-0000-7000-8000-000000000000', 'hitl_approver', 'approved');
SELECT hitl.request_approval('x');
SET ROLE hitl_operator;
SELECT hitl.create_workflow('mine', created_by => 'somebody') AS id \gset
SELECT hitl.request_approval('Go?', requested_from => 'boss@example.org') AS approval \gset
SELECT hitl.set_secret('a', 'b');
SELECT hitl.grant_acting('hitl_operator', '*');
SELECT * FROM hitl.acting_grants;
-- another operator has no say in it
SET ROLE hitl_operator2;
SELECT hitl.execute_workflow(:'id', task => 'x');
SELECT hitl.transition_workflow_status(:'id', 'cancelled');
SELECT hitl.update_workflow_state(:'id', '{}');
SELECT hitl.create_checkpoint(:'id', 'x');
SELECT hitl.rollback_workflow(:'id');
SELECT hitl.request_approval('x', workflow_id => :'id');
SELECT hitl.cancel_approval(:'approval');
SELECT hitl.expire_approval(:'approval');
RESET ROLE;
-- ... unless it becomes a member of the owner
GRANT hitl_operator TO hitl_operator2;
SET ROLE hitl_operator2;
SELECT hitl.transition_workflow_status(:'id', 'running');
RESET ROLE;
REVOKE hitl_operator FROM hitl_operator2;
SELECT owner, created_by FROM hitl.workflows WHERE id = :'id';

-- deciding for somebody else
SET ROLE hitl_operator;
SELECT hitl.respond_to_approval(:'approval', 'boss@example.org', 'approved');
RESET ROLE;
SELECT hitl.grant_acting('hitl_operator', 'boss@example.org');
SELECT grantee, approver_id, granted_by = current_user AS by_me FROM hitl.acting_grants;
SET ROLE hitl_operator;
SELECT hitl.respond_to_approval(:'approval', 'boss@example.org', 'approved');
SELECT hitl.request_approval('Next?', requested_from => 'boss@example.org') AS approval \gset
RESET ROLE;
SELECT caller_role, session_role = session_user AS session FROM hitl.approval_responses WHERE approver_id = 'boss@example.org';
SELECT hitl.revoke_acting('hitl_operator', 'boss@example.org');
SELECT hitl.revoke_acting('hitl_operator', 'boss@example.org');
SET ROLE hitl_operator;
SELECT hitl.respond_to_approval(:'approval', 'boss@example.org', 'approved');
RESET ROLE;
-- a role answers as itself, and as a role it belongs to
SELECT hitl.request_approval('You?', requested_from => 'hitl_approver') AS approval \gset
SET ROLE hitl_operator;
SELECT hitl.respond_to_approval(:'approval', 'hitl_approver', 'approved');
SET ROLE hitl_approver;
SELECT hitl.respond_to_approval(:'approval', 'hitl_approver', 'approved');
RESET ROLE;
SELECT hitl.grant_acting('hitl_missing', '*');
SELECT hitl.grant_acting('hitl_operator', '');
\set VERBOSITY default
-- all can be taken back
SELECT hitl.revoke_access('hitl_viewer'), hitl.revoke_access('hitl_approver'), hitl.revoke_access('hitl_operator'),
	   hitl.revoke_access('hitl_operator2'), hitl.revoke_access('hitl_admin');
SELECT hitl.transition_workflow_status(:'id', 'cancelled');
DROP ROLE hitl_nobody, hitl_viewer, hitl_approver, hitl_operator, hitl_operator2, hitl_admin;
