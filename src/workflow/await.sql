-- await.sql
--		Waiting in a session, without a snapshot and without polling.

CREATE PROCEDURE hitl.await_workflow(
	workflow_id uuid,
	timeout interval DEFAULT NULL,
	INOUT status text DEFAULT NULL
)
	AS 'MODULE_PATHNAME', 'hitl_await_workflow' LANGUAGE C;
COMMENT ON PROCEDURE hitl.await_workflow(uuid, interval, text) IS
	'wait until a workflow has ended (completed, failed, rejected, cancelled or rolled_back) or has the given status, and return its status; on time-out the one it has then';

CREATE PROCEDURE hitl.await_approval(
	approval_id uuid,
	timeout interval DEFAULT NULL,
	INOUT status text DEFAULT NULL
)
	AS 'MODULE_PATHNAME', 'hitl_await_approval' LANGUAGE C;
COMMENT ON PROCEDURE hitl.await_approval(uuid, interval, text) IS
	'wait until an approval request is decided and return its status; on time-out "pending"';
