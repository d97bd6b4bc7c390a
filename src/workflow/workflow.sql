-- workflow.sql
--		The mailbox of the workflows.

CREATE SEQUENCE hitl.messages_id_seq;
CREATE TABLE hitl.messages (
	due_at timestamptz NOT NULL DEFAULT now(),
	id bigint NOT NULL DEFAULT nextval('hitl.messages_id_seq'),
	workflow_id uuid NOT NULL,
	kind text NOT NULL,
	body jsonb NOT NULL DEFAULT '{}',
	PRIMARY KEY (due_at, id)
);
