-- child.sql
--		Child workflows: their rows have a parent_id.

CREATE VIEW hitl.child_workflows AS
	SELECT c.parent_id, c.id AS workflow_id, c.name, c.status, c.template, c.template_version,
		   c.depth, c.error, c.output, c.created_at, c.started_at, c.finished_at
	FROM hitl.workflows c
	WHERE c.parent_id IS NOT NULL;
COMMENT ON VIEW hitl.child_workflows IS
	'workflows that steps of other workflows have started';
