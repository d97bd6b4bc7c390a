-- ids of version 7 that carry a partition number
SELECT hitl.partition_of(hitl.uuidv7(0)), hitl.partition_of(hitl.uuidv7(4095)),
	   hitl.partition_of(hitl.uuidv7(1234));
SELECT hitl.partition_of(hitl.uuidv7()) BETWEEN 0 AND 4095 AS drawn;
-- version, variant, and the time in the first 48 bits
SELECT substr(id::text, 15, 1) AS version, substr(id::text, 20, 1) IN ('8', '9', 'a', 'b') AS variant,
	   abs(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000
		   - extract(epoch FROM clock_timestamp())) < 60 AS of_now
FROM hitl.uuidv7(7) AS id;
SELECT count(DISTINCT hitl.uuidv7(5)) FROM generate_series(1, 1000);
-- errors
SELECT hitl.uuidv7(-1);
SELECT hitl.uuidv7(4096);
SELECT hitl.partition_of(NULL) IS NULL AS null_in_null_out;
-- what belongs to a workflow shares its partition
SELECT hitl.create_workflow('partition') AS id \gset
SELECT hitl.partition_of(hitl.request_approval('Go on?', workflow_id => :'id'))
	 = hitl.partition_of(:'id') AS shared;
