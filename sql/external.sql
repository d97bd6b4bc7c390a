-- tasks that programs outside do
\set SHOW_CONTEXT never
CREATE ROLE hitl_gpu;
CREATE ROLE hitl_cpu;
SELECT hitl.grant_access('hitl_gpu', 'worker'), hitl.grant_access('hitl_cpu', 'worker');
SELECT hitl.grant_queue('hitl_gpu', 'gpu'), hitl.grant_queue('hitl_cpu', 'cpu');
CREATE PROCEDURE wait_for(condition text) LANGUAGE plpgsql AS $$
DECLARE
	holds boolean;
BEGIN
	FOR i IN 1..3000 LOOP
		EXECUTE condition INTO holds;
		COMMIT;
		IF holds THEN
			RETURN;
		END IF;
		PERFORM pg_sleep(0.01);
	END LOOP;
	RAISE 'in vain: %', condition;
END $$;
CREATE FUNCTION start_task(options jsonb DEFAULT '{}') RETURNS uuid LANGUAGE sql AS $$
	SELECT hitl.execute_workflow(hitl.create_workflow('Outside', workflow_definition =>
		jsonb_build_object('steps', jsonb_build_array(
			'{"name": "draw", "type": "task", "task": "draw {{ $.variables.what }}", "context": {"size": 7},
			  "executor": "external", "queue": "gpu"}'::jsonb || options)),
		input_data => '{"what": "a cat"}')) $$;
CREATE PROCEDURE wait_for_task() LANGUAGE plpgsql AS $$
BEGIN
	CALL wait_for('SELECT count(*) = 1 FROM hitl.external_tasks WHERE status = ''queued''');
END $$;
CREATE FUNCTION attempt(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
	detail text;
	hint text;
BEGIN
	EXECUTE command INTO answer;
	RETURN answer;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ': ' || regexp_replace(SQLERRM, '[0-9a-f-]{36}', '<id>'),
					 nullif(detail, ''), nullif(hint, ''));
END $$;
\pset format unaligned

-- claim, tell of progress, complete
SELECT start_task() AS id \gset
CALL wait_for_task();
SELECT * FROM hitl.task_queues WHERE oldest <= clock_timestamp() \gset
\echo :queue :queued :delayed :claimed
SET ROLE hitl_gpu;
SELECT *, idempotency_key AS key FROM hitl.claim_tasks('gpu', 10, '5 minutes', 'drawer 1') \gset
SELECT :'workflow_id' = :'id' AS mine, :'step_name' AS step, :'task' AS task, :'context' AS context, :'attempt' AS attempt,
	   :'lease_until'::timestamptz - now() BETWEEN '4 minutes' AND '6 minutes' AS lease,
	   replace(:'task_id', left(:'key', 32), '...') AS task_id, right(:'key', 4) AS key;
SELECT count(*) FROM hitl.claim_tasks('gpu');
SELECT hitl.heartbeat_task(:'task_id', '1 hour', '{"percent": 50}') > now() + interval '50 minutes' AS prolonged;
RESET ROLE;
SELECT status, claimed_by, claimed_role, progress FROM hitl.external_tasks WHERE workflow_id = :'id';
SELECT queue, queued, delayed, claimed FROM hitl.task_queues;
SET ROLE hitl_gpu;
SELECT attempt(format('SELECT hitl.complete_task(%L, ''{"file": "cat.png"}'')', :'task_id'));
SELECT attempt(format('SELECT hitl.complete_task(%L, ''{"file": "cat.png"}'')', :'task_id'));
SELECT attempt(format('SELECT hitl.fail_task(%L, ''too late'')', :'task_id'));
SELECT attempt(format('SELECT hitl.heartbeat_task(%L)', :'task_id'));
RESET ROLE;
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT data -> 'steps' AS steps FROM hitl.workflows WHERE id = :'id';
SELECT event, step FROM hitl.workflow_timeline(:'id');

-- a failure: not repeated by default, repeated where the step says so
SELECT start_task() AS id \gset
CALL wait_for_task();
SELECT task_id FROM hitl.claim_tasks('gpu') \gset
SELECT attempt(format('SELECT hitl.fail_task(%L, ''no such cat'', ''strange'')', :'task_id'));
SELECT attempt(format('SELECT hitl.fail_task(%L, ''no such cat'', ''validation_error'')', :'task_id'));
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT error ->> 'kind' AS kind, error ->> 'message' AS message FROM hitl.workflows WHERE id = :'id';
SELECT status, error FROM hitl.external_tasks WHERE workflow_id = :'id';
SELECT start_task('{"retry": {"max_attempts": 2, "base_delay": 0.01}}') AS id \gset
CALL wait_for_task();
SELECT task_id, idempotency_key AS key FROM hitl.claim_tasks('gpu') \gset
SELECT attempt(format('SELECT hitl.fail_task(%L, ''out of ink'', ''timeout'')', :'task_id'));
SELECT attempt(format('SELECT hitl.fail_task(%L, ''out of ink'', ''timeout'')', :'task_id'));
CALL wait_for_task();
SELECT task_id, attempt, idempotency_key = :'key' AS same_key FROM hitl.claim_tasks('gpu') \gset
\echo attempt :attempt, the same key: :same_key
SELECT attempt(format('SELECT hitl.fail_task(%L, ''out of ink'', ''timeout'')', :'task_id'));
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT status, claims, lapses, attempt, error FROM hitl.external_tasks WHERE workflow_id = :'id' ORDER BY token;
SELECT event, step FROM hitl.workflow_timeline(:'id') OFFSET 2;

-- a task given back, then one whose lease ends
SELECT start_task() AS id \gset
CALL wait_for_task();
SELECT task_id FROM hitl.claim_tasks('gpu') \gset
SELECT attempt(format('SELECT hitl.release_task(%L)', :'task_id'));
SELECT attempt(format('SELECT hitl.release_task(%L)', :'task_id'));
CALL wait_for_task();
SELECT task_id AS first FROM hitl.claim_tasks('gpu', 1, '1 millisecond') \gset
CALL wait_for_task();
SELECT status, claims, lapses FROM hitl.external_tasks WHERE workflow_id = :'id';
-- ... is still that of its worker while no other has claimed it
SELECT hitl.heartbeat_task(:'first', '1 millisecond') IS NOT NULL AS prolonged;
CALL wait_for_task();
SELECT task_id AS second FROM hitl.claim_tasks('gpu') \gset
SELECT attempt(format('SELECT hitl.complete_task(%L)', :'first'));
SELECT attempt(format('SELECT hitl.heartbeat_task(%L)', :'first'));
-- withdrawn
SELECT hitl.transition_workflow_status(:'id', 'cancelled');
SELECT attempt(format('SELECT hitl.heartbeat_task(%L)', :'second'));
SELECT attempt(format('SELECT hitl.complete_task(%L, ''1'')', :'second'));
SELECT status, due_at FROM hitl.external_tasks WHERE workflow_id = :'id';

-- nobody takes it in time
SELECT start_task('{"timeout": 0.05}') AS id \gset
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT error ->> 'kind' AS kind FROM hitl.workflows WHERE id = :'id';
SELECT status FROM hitl.external_tasks WHERE workflow_id = :'id';
-- workers that die of it
SELECT start_task() AS id \gset
DO $$ BEGIN
	FOR i IN 1..5 LOOP
		CALL wait_for_task();
		PERFORM hitl.claim_tasks('gpu', 1, '1 millisecond');
		COMMIT;
	END LOOP;
END $$;
CALL hitl.await_workflow(:'id', timeout => '30 seconds');
SELECT error ->> 'kind' AS kind, error ->> 'message' AS message FROM hitl.workflows WHERE id = :'id';

-- limits: at once, and in a time
SELECT hitl.set_limit('queue', 'gpu', max_concurrency => 2);
SELECT count(start_task()) FROM generate_series(1, 4);
CALL wait_for('SELECT count(*) = 4 FROM hitl.external_tasks WHERE status = ''queued''');
SELECT count(*) FROM hitl.claim_tasks('gpu', 3);
SELECT count(*) FROM hitl.claim_tasks('gpu', 3);
SELECT hitl.complete_task(overlay(id::text PLACING '0001' FROM 33)::uuid) FROM hitl.external_tasks WHERE status = 'claimed' ORDER BY id LIMIT 1;
SELECT count(*) FROM hitl.claim_tasks('gpu', 3);
SELECT hitl.set_limit('queue', '*', max_rate => 3, per => '1 day');
SELECT hitl.drop_limit('queue', 'gpu');
SELECT start_task() AS id \gset
SELECT start_task() AS id \gset
CALL wait_for('SELECT count(*) = 3 FROM hitl.external_tasks WHERE status = ''queued''');
SELECT count(*) FROM hitl.claim_tasks('gpu', 2);
SELECT start_task() AS id \gset
CALL wait_for('SELECT count(*) = 2 FROM hitl.external_tasks WHERE status = ''queued''');
SELECT count(*) FROM hitl.claim_tasks('gpu', 2);
SELECT count(*) FROM hitl.claim_tasks('gpu', 2);
SELECT status, count(*), bool_or(due_at > now() + interval '50 seconds') AS due_later
FROM hitl.external_tasks WHERE status IN ('queued', 'delayed') GROUP BY status;
SELECT hitl.drop_limit('queue', '*');
SELECT count(hitl.transition_workflow_status(id, 'cancelled')) > 0 AS cancelled FROM hitl.workflows WHERE name = 'Outside' AND status = 'running';

-- bad input
\set VERBOSITY sqlstate
SELECT hitl.claim_tasks(NULL);
SELECT hitl.claim_tasks('');
SELECT hitl.claim_tasks(repeat('x', 201));
SELECT hitl.claim_tasks('gpu', 0);
SELECT hitl.claim_tasks('gpu', 1001);
SELECT hitl.claim_tasks('gpu', NULL);
SELECT hitl.claim_tasks('gpu', 1, '0');
SELECT hitl.claim_tasks('gpu', 1, '8 days');
SELECT hitl.claim_tasks('gpu', 1, NULL);
SELECT hitl.heartbeat_task(NULL);
SELECT hitl.heartbeat_task(:'second', '-1 second');
SELECT hitl.complete_task(NULL);
SELECT hitl.complete_task('00000000-0000-7000-8000-000000000001');
SELECT hitl.complete_task(:'key');
SELECT hitl.fail_task(:'second', NULL);
SELECT hitl.fail_task(:'second', 'x', NULL);
SELECT hitl.complete_task(:'second', jsonb_build_array(repeat('x', 5000000)));
SELECT hitl.complete_task(:'second', (repeat('[', 300) || repeat(']', 300))::jsonb);
SELECT hitl.grant_queue('hitl_missing', 'gpu');
SELECT hitl.grant_queue('hitl_gpu', '');
\set VERBOSITY default

-- who may
SET ROLE hitl_cpu;
SELECT hitl.claim_tasks('gpu');
SELECT count(*) FROM hitl.claim_tasks('cpu');
SELECT hitl.complete_task(:'second', '1');
SELECT hitl.grant_queue('hitl_cpu', 'gpu');
SELECT count(*) FROM hitl.external_tasks;
RESET ROLE;
SELECT hitl.grant_queue('hitl_cpu', '*');
SET ROLE hitl_cpu;
SELECT count(*) FROM hitl.claim_tasks('gpu');
RESET ROLE;
SELECT hitl.revoke_queue('hitl_cpu', '*'), hitl.revoke_queue('hitl_cpu', '*');
SET ROLE hitl_cpu;
\set VERBOSITY sqlstate
SELECT hitl.claim_tasks('gpu');
\set VERBOSITY default
RESET ROLE;
SELECT hitl.revoke_access('hitl_gpu'), hitl.revoke_access('hitl_cpu'), hitl.revoke_queue('hitl_gpu', 'gpu'), hitl.revoke_queue('hitl_cpu', 'cpu');
DROP ROLE hitl_gpu, hitl_cpu;
DROP PROCEDURE wait_for_task();
DROP PROCEDURE wait_for(text);
DROP FUNCTION start_task(jsonb);
DROP FUNCTION attempt(text);
