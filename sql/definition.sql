-- every fault with its pointer, all at once
SELECT * FROM hitl.validate_definition('{"steps": [
	{"name": "a", "type": "task", "task": "Do it", "on_error": "goto:nowhere"},
	{"name": "a", "type": "approval"},
	{"type": "checkpoint"},
	{"name": "b", "type": "teleport"},
	{"name": "c", "type": "task", "task": 5},
	{"name": "d", "type": "task", "task": "x", "when": "$.variables.amount >"},
	{"name": "e", "type": "task", "task": "pay {{ $.variables.amount "},
	{"name": "f", "type": "approval", "title": "ok?", "required_approvers": ["x", "y"], "approval_threshold": 3},
	{"name": "g", "type": "task", "task": "x", "retires": {}}
]}') ORDER BY pointer, message;
SELECT * FROM hitl.validate_definition('[]');
SELECT * FROM hitl.validate_definition('{}');
SELECT * FROM hitl.validate_definition('{"steps": []}');
SELECT * FROM hitl.validate_definition('{"steps": "none"}');
SELECT * FROM hitl.validate_definition(NULL);
-- valid ones have no faults; these shapes must go on working unchanged
SELECT count(*) FROM hitl.validate_definition('{
	"name": "Example Workflow", "description": "Workflow description",
	"steps": [{"name": "step_name", "type": "task", "task": "Task description for agent",
		"create_checkpoint": true, "requires_approval": true,
		"approval_config": {"title": "Approval Title", "description": "What needs approval",
			"type": "form", "requested_from": "approver@company.com",
			"context_data": {"additional": "context"}},
		"context": {"step_specific": "data"}}]}');
SELECT count(*) FROM hitl.validate_definition('{"name": "Production Deployment", "steps": [
	{"name": "pre_deployment_checks", "type": "task", "task": "Run tests and security scans", "create_checkpoint": true},
	{"name": "deployment_approval", "type": "approval", "title": "Production Deploy Approval",
	 "approval_type": "form", "requested_from": "devops@company.com"},
	{"name": "deploy", "type": "task", "task": "Deploy to production", "create_checkpoint": true}]}');
-- a faulty definition is not stored
\set SHOW_CONTEXT never
SELECT hitl.create_workflow('faulty', workflow_definition => '{"steps": [{"name": "a", "type": "task"}, {"type": "x"}]}');
\echo :SQLSTATE
-- equal content is stored once
SELECT hitl.create_workflow('one', workflow_definition => '{"steps": [{"name": "a", "type": "checkpoint"}]}') IS NOT NULL AS created;
SELECT hitl.create_workflow('two', workflow_definition => '{"steps": [{"type": "checkpoint", "name": "a"}]}') IS NOT NULL AS created;
SELECT count(DISTINCT definition_hash) FROM hitl.workflows WHERE name IN ('one', 'two');
