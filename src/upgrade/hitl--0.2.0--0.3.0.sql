-- hitl--0.2.0--0.3.0.sql
--		Events chained by hash.
--
-- assemble.awk puts in what "@" refers to.  Definitions and control states of
-- 0.2.0 are good as they are.

-- ---- tables that change -------------------------------------------------

-- What is there gets no hash: it cannot be told any more whether it is what was written.
ALTER TABLE hitl.workflows ADD COLUMN event_hash bytea;
ALTER TABLE hitl.workflow_events ADD COLUMN hash bytea;

-- ---- functions that take other arguments --------------------------------

-- ---- the rest, in the order of a fresh installation ---------------------

-- @code src/hitl.sql
-- @code src/workflow/identifier.sql
-- @code src/workflow/definition.sql
-- @code src/workflow/workflow.sql
-- @code src/workflow/idempotency.sql
-- @code src/workflow/template.sql
-- @code src/workflow/statement.sql
-- @code src/approval/request.sql
-- @code src/undo/checkpoint.sql
-- @code src/worker/secret.sql
-- @code src/agent/model.sql
-- @code src/worker/limits.sql
-- @code src/worker/outbox.sql
-- @code src/worker/circuit_breaker.sql
-- @code src/channel/channel.sql
-- @code src/workflow/queue.sql
-- @code src/workflow/external.sql
-- @code src/workflow/signal.sql
-- @code src/workflow/child.sql
-- @code src/workflow/control.sql
-- @code src/workflow/command.sql
-- @code src/workflow/recovery.sql
-- @code src/approval/response.sql
-- @code src/workflow/status.sql
-- @all src/workflow/evidence.sql
-- @code src/workflow/await.sql
-- @code src/workflow/admission.sql
-- @code src/workflow/schedule.sql
-- @code src/workflow/retention.sql
-- @code src/workflow/display.sql
-- @code src/worker/worker.sql
-- @code src/access.sql
