-- receipt.sql
--		Does everything about a request fit together, here and in receipts that
--		have left the database?
--
-- A receipt has all that the hashes of a request are made of.  So it is checked
-- by itself, and what is in the tables is checked as the receipt that it gives.
-- docs/reference/evidence.md tells how to do that elsewhere.

-- ---- times and hashes in receipts -----------------------------------------

CREATE FUNCTION hitl.utc_text(instant timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
	RETURN to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
COMMENT ON FUNCTION hitl.utc_text(timestamptz) IS 'an instant as receipts have it: ISO 8601, UTC, microseconds';

CREATE FUNCTION hitl.read_utc(instant text) RETURNS timestamptz
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF instant IS NOT NULL AND hitl.utc_text(instant::timestamptz) <> instant THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_datetime_format',
			MESSAGE = format('"%s" is not written as times in receipts are', instant);
	END IF;
	RETURN instant::timestamptz;
END
$$;
COMMENT ON FUNCTION hitl.read_utc(text) IS 'the instant that a receipt has; an error for one that is written differently';

CREATE FUNCTION hitl.receipt_hash(previous text, value jsonb) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
	RETURN encode(sha256(coalesce(decode(previous, 'hex'), ''::bytea) || convert_to(value::text, 'UTF8')), 'hex');
COMMENT ON FUNCTION hitl.receipt_hash(text, jsonb) IS
	'SHA-256 of a hash and of the text of a value; hashes in hexadecimal';

-- ---- what the policy makes of answers -------------------------------------

CREATE FUNCTION hitl.evaluate_answers(
	policy jsonb,
	policy_state text,
	answers jsonb,
	opened_at timestamptz,
	decided_at timestamptz,
	OUT status text,
	OUT reason text,
	OUT decided_by text,
	OUT exact boolean,
	OUT excludes_requester boolean,
	OUT excludes_editors boolean
) RETURNS record
	AS 'MODULE_PATHNAME', 'hitl_evaluate_answers' LANGUAGE C STABLE;
COMMENT ON FUNCTION hitl.evaluate_answers(jsonb, text, jsonb, timestamptz, timestamptz) IS
	'what a policy makes of the answers of a round at a time; exact is false where it goes by a number of people that was not kept';

CREATE FUNCTION hitl.outcome_text(status text, reason text, decided_by text) RETURNS text LANGUAGE sql IMMUTABLE
	RETURN concat(status, ' (' || reason || ')', ' by ' || decided_by);
COMMENT ON FUNCTION hitl.outcome_text(text, text, text) IS 'an outcome in words';

-- ---- receipts -------------------------------------------------------------

CREATE FUNCTION hitl.compose_receipt(approval_id uuid) RETURNS jsonb
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
BEGIN ATOMIC
	SELECT jsonb_build_object(
		'version', 1, 'approval_id', a.id, 'workflow_id', a.workflow_id, 'step_name', a.step_name,
		'awaited', a.token IS NOT NULL,
		'title', a.title, 'description', a.description, 'approval_type', a.approval_type,
		'context_data', a.context_data, 'answer_schema', a.answer_schema,
		'content_hash', encode(a.content_hash, 'hex'), 'round', a.round,
		'earlier_contents', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'round', c.round, 'title', c.title, 'description', c.description, 'context_data', c.context_data,
				'answer_schema', c.answer_schema, 'content_hash', encode(c.content_hash, 'hex'), 'replaced_by', c.replaced_by,
				'replaced_at', hitl.utc_text(c.replaced_at)) ORDER BY c.round)
			FROM hitl.approval_contents c WHERE c.approval_id = a.id), '[]'),
		'policy', a.policy, 'policy_state', a.policy_state,
		'requested_by', a.requested_by, 'requested_role', a.requested_role, 'requesters', to_jsonb(a.requesters),
		'requested_at', hitl.utc_text(a.requested_at), 'request_hash', encode(a.request_hash, 'hex'))
		|| jsonb_build_object(
		'acts', coalesce((
			SELECT jsonb_agg(jsonb_build_object(
				'number', r.number, 'round', r.round, 'approver_id', r.approver_id,
				'on_behalf_of', to_jsonb(r.on_behalf_of), 'names', to_jsonb(r.names), 'decision', r.decision,
				'standing', r.standing, 'response_data', r.response_data, 'feedback', r.feedback, 'edits', r.edits,
				'content_hash', encode(r.content_hash, 'hex'), 'channel', r.channel, 'evidence', r.evidence,
				'session_role', r.session_role, 'caller_role', r.caller_role,
				'responded_at', hitl.utc_text(r.responded_at), 'hash', encode(r.hash, 'hex')) ORDER BY r.number)
			FROM hitl.approval_responses r WHERE r.approval_id = a.id), '[]'),
		'act_count', a.acts, 'last_hash', encode(a.last_hash, 'hex'),
		'outcome', jsonb_build_object(
			'status', a.status, 'decided_by', a.decided_by, 'reason', a.reason,
			'decided_at', hitl.utc_text(a.decided_at), 'decision_hash', encode(a.decision_hash, 'hex')),
		'workflow_event', (
			SELECT jsonb_build_object('seq', w.last_event, 'hash', encode(w.event_hash, 'hex'))
			FROM hitl.workflows w WHERE w.id = a.workflow_id AND w.event_hash IS NOT NULL))
	FROM hitl.approval_requests a WHERE a.id = compose_receipt.approval_id;
END;
COMMENT ON FUNCTION hitl.compose_receipt(uuid) IS 'a receipt as the tables give it, without signature';

CREATE FUNCTION hitl.receipt_signatures(receipt jsonb) RETURNS text[]
	AS 'MODULE_PATHNAME', 'hitl_receipt_signatures' LANGUAGE C STABLE STRICT
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION hitl.receipt_signatures(jsonb) IS
	'HMAC-SHA256 of the text of a receipt by the secret "receipts", and by earlier ones that are kept as "receipts.…"; NULL if that is not set';

CREATE FUNCTION hitl.decision_receipt(approval_id uuid) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	receipt jsonb;
	signatures text[];
BEGIN
	IF hitl.sees_approval(approval_id) THEN
		receipt := hitl.compose_receipt(approval_id);
	END IF;
	IF receipt IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'WF003',
			MESSAGE = format('approval request %s does not exist', approval_id),
			HINT = 'hitl.list_pending_approvals() lists those that wait for answers.';
	END IF;
	receipt := receipt || jsonb_build_object('issued_at', hitl.utc_text(clock_timestamp()));
	signatures := hitl.receipt_signatures(receipt);
	IF signatures IS NOT NULL THEN
		receipt := receipt || jsonb_build_object('signature',
			jsonb_build_object('algorithm', 'HMAC-SHA256', 'value', signatures[1]));
	END IF;
	RETURN receipt;
END
$$;
COMMENT ON FUNCTION hitl.decision_receipt(uuid) IS
	'all about a request and what was decided, with its hashes, to be kept elsewhere; signed if a secret "receipts" is set';

-- Everything that a receipt says of itself.
CREATE FUNCTION hitl.check_receipt(receipt jsonb) RETURNS TABLE (what text, fault text)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	contents jsonb;				-- of all rounds
	outcome jsonb := receipt -> 'outcome';
	content jsonb;
	act jsonb;
	hashes text[] := '{}';		-- of the contents
	policy jsonb;				-- by now
	previous text;				-- hash
	next_number integer := 1;
	current_round integer := 1;
	is_answer boolean;
	is_edit boolean;
	answers jsonb := '[]';
	people text[] := '{}';		-- who has answered in the last round, and for whom
	wants_changes boolean := false;
	wants_information boolean := false;
	opened_at timestamptz;
	reached timestamptz;
	verdict record;
BEGIN
	IF jsonb_typeof(receipt) <> 'object' OR receipt -> 'version' IS DISTINCT FROM '1' THEN
		what := 'receipt';
		fault := 'not one of version 1';
		RETURN NEXT;
		RETURN;
	END IF;
	IF NOT receipt ?& ARRAY['approval_id', 'workflow_id', 'step_name', 'awaited', 'title', 'description', 'approval_type', 'context_data',
		'answer_schema', 'content_hash', 'round', 'earlier_contents', 'policy', 'policy_state', 'requested_by', 'requested_role',
		'requesters', 'requested_at', 'request_hash', 'acts', 'act_count', 'last_hash', 'outcome', 'workflow_event'] THEN
		what := 'receipt';
		fault := 'incomplete';
		RETURN NEXT;
		RETURN;
	END IF;

	-- What was asked.
	what := 'content';
	contents := receipt -> 'earlier_contents' || jsonb_build_array(receipt);
	FOR content IN SELECT c.value FROM jsonb_array_elements(contents) WITH ORDINALITY AS c ORDER BY c.ordinality LOOP
		hashes := hashes || (content ->> 'content_hash');
		what := format('content of round %s', cardinality(hashes));
		IF (content ->> 'round')::integer IS DISTINCT FROM cardinality(hashes) THEN
			fault := 'missing: another one is in its place';
			RETURN NEXT;
		END IF;
		IF content ->> 'content_hash' IS DISTINCT FROM hitl.receipt_hash(NULL, jsonb_build_object('title', content -> 'title',
			'description', content -> 'description', 'context_data', content -> 'context_data', 'approval_type', receipt -> 'approval_type') ||
			CASE WHEN content ->> 'answer_schema' IS NULL THEN '{}' ELSE jsonb_build_object('answer_schema', content -> 'answer_schema') END) THEN
			fault := 'changed: the hash is that of another content';
			RETURN NEXT;
		END IF;
	END LOOP;
	what := 'policy';
	policy := receipt -> 'policy';
	FOR act IN
		SELECT a.value FROM jsonb_array_elements(receipt -> 'acts') WITH ORDINALITY AS a
		WHERE a.value ->> 'decision' = 'reassigned' ORDER BY a.ordinality DESC
	LOOP
		IF policy IS DISTINCT FROM act #> '{response_data,new_policy}' THEN
			fault := format('changed after act %s, which had made it another one', act ->> 'number');
			RETURN NEXT;
		END IF;
		policy := act #> '{response_data,policy}';
	END LOOP;
	what := 'request';
	previous := receipt ->> 'request_hash';
	IF previous IS DISTINCT FROM hitl.receipt_hash(NULL, jsonb_build_array(receipt -> 'approval_id', receipt -> 'workflow_id',
		receipt -> 'step_name', hashes[1], policy, receipt -> 'requested_by', receipt -> 'requested_role',
		hitl.microseconds(hitl.read_utc(receipt ->> 'requested_at')))) THEN
		fault := 'changed: the hash is that of another question';
		RETURN NEXT;
	END IF;

	-- What was done about it.
	opened_at := hitl.read_utc(receipt ->> 'requested_at');
	reached := opened_at;
	FOR act IN SELECT a.value FROM jsonb_array_elements(receipt -> 'acts') WITH ORDINALITY AS a ORDER BY a.ordinality LOOP
		what := format('act %s', next_number);
		IF (act ->> 'number')::integer IS DISTINCT FROM next_number THEN
			fault := 'missing: another one follows';
			RETURN NEXT;
			next_number := coalesce((act ->> 'number')::integer, next_number);
			what := format('act %s', next_number);
		END IF;
		IF act ->> 'hash' IS DISTINCT FROM hitl.receipt_hash(previous, jsonb_build_array(receipt -> 'approval_id', act -> 'number',
			act -> 'round', act -> 'approver_id', act -> 'on_behalf_of', act -> 'names', act -> 'decision', act -> 'response_data',
			act -> 'feedback', act -> 'edits', act -> 'content_hash', act -> 'channel', act -> 'evidence', act -> 'session_role',
			act -> 'caller_role', hitl.microseconds(hitl.read_utc(act ->> 'responded_at')))) THEN
			fault := 'changed: the hash is that of another act, or after another act';
			RETURN NEXT;
		END IF;
		previous := act ->> 'hash';
		is_answer := act ->> 'decision' IN ('approved', 'rejected', 'modified', 'abstained');
		is_edit := act ->> 'decision' = 'revised' OR act ->> 'edits' IS NOT NULL;
		wants_information := act ->> 'decision' = 'information_requested'
			OR (wants_information AND NOT is_edit AND act ->> 'decision' <> 'information_given');
		IF is_edit THEN
			content := contents -> (current_round - 1);
			current_round := current_round + 1;
			opened_at := hitl.read_utc(act ->> 'responded_at');
			IF content -> 'replaced_by' IS DISTINCT FROM act -> 'approver_id'
				OR content -> 'replaced_at' IS DISTINCT FROM act -> 'responded_at' THEN
				fault := format('has changed the content, but that of round %s was not replaced so', current_round - 1);
				RETURN NEXT;
			END IF;
		END IF;
		IF (act ->> 'round')::integer IS DISTINCT FROM current_round THEN
			fault := format('of round %s, in round %s', act ->> 'round', current_round);
			RETURN NEXT;
		END IF;
		IF act ->> 'content_hash' IS DISTINCT FROM hashes[(act ->> 'round')::integer] THEN
			fault := 'about another content than that of its round';
			RETURN NEXT;
		END IF;
		IF (act ->> 'standing')::boolean THEN
			IF NOT is_answer OR (act ->> 'round')::integer <> cardinality(hashes) THEN
				fault := 'counted, though it is no answer of the last round';
				RETURN NEXT;
			ELSIF act ->> 'approver_id' = ANY (people) THEN
				fault := format('a second answer of "%s"', act ->> 'approver_id');
				RETURN NEXT;
			END IF;
			people := people || (act ->> 'approver_id') ||
				ARRAY(SELECT jsonb_array_elements_text(CASE jsonb_typeof(act -> 'on_behalf_of') WHEN 'array' THEN act -> 'on_behalf_of' ELSE '[]' END));
			IF act ->> 'decision' = 'modified' AND NOT is_edit AND NOT (receipt ->> 'awaited')::boolean THEN
				wants_changes := true;
			ELSE
				reached := hitl.read_utc(act ->> 'responded_at');
				answers := answers || jsonb_build_object('person', act -> 'approver_id', 'names', act -> 'names', 'at', act -> 'responded_at',
					'choice', CASE WHEN is_edit THEN 'approved' WHEN act ->> 'decision' = 'modified' THEN 'rejected' ELSE act ->> 'decision' END);
			END IF;
		ELSIF is_answer AND NOT is_edit AND (act ->> 'round')::integer = cardinality(hashes) THEN
			fault := 'not counted, though it is an answer of the last round';
			RETURN NEXT;
		END IF;
		next_number := next_number + 1;
	END LOOP;
	what := 'acts';
	IF current_round <> cardinality(hashes) THEN
		fault := format('those of round %s are missing', cardinality(hashes));
		RETURN NEXT;
	END IF;
	IF next_number - 1 IS DISTINCT FROM (receipt ->> 'act_count')::integer THEN
		fault := format('there are %s of %s', next_number - 1, receipt ->> 'act_count');
		RETURN NEXT;
	ELSIF previous IS DISTINCT FROM receipt ->> 'last_hash' THEN
		fault := 'the last one has another hash than the request says';
		RETURN NEXT;
	END IF;

	-- What came of it.
	what := 'outcome';
	IF outcome ->> 'status' = 'pending' THEN
		IF num_nonnulls(outcome ->> 'decided_by', outcome ->> 'reason', outcome ->> 'decided_at', outcome ->> 'decision_hash') > 0 THEN
			fault := 'pending, though there is something of a decision';
			RETURN NEXT;
		END IF;
	ELSIF outcome ->> 'decision_hash' IS DISTINCT FROM hitl.receipt_hash(receipt ->> 'last_hash', jsonb_build_array(outcome -> 'status',
		hitl.microseconds(hitl.read_utc(outcome ->> 'decided_at')), outcome -> 'decided_by', outcome -> 'reason')) THEN
		fault := 'changed: the hash is that of another outcome';
		RETURN NEXT;
	END IF;
	reached := greatest(reached, opened_at);
	verdict := hitl.evaluate_answers(receipt -> 'policy', receipt ->> 'policy_state', answers, opened_at,
		coalesce(hitl.read_utc(outcome ->> 'decided_at'), reached));
	IF verdict.excludes_requester AND people && (ARRAY(SELECT jsonb_array_elements_text(receipt -> 'requesters')) ||
		CASE WHEN (receipt ->> 'awaited')::boolean THEN '{}' ELSE ARRAY[receipt ->> 'requested_by'] END) THEN
		fault := 'the requester has answered, whom the policy excludes';
		RETURN NEXT;
	END IF;
	IF verdict.excludes_editors
		AND people && ARRAY(SELECT c ->> 'replaced_by' FROM jsonb_array_elements(receipt -> 'earlier_contents') AS c) THEN
		fault := 'somebody has answered who had changed the content, whom the policy excludes';
		RETURN NEXT;
	END IF;
	IF outcome ->> 'reason' = 'rule' AND outcome ->> 'status' IN ('approved', 'rejected') THEN
		IF outcome ->> 'decided_by' IS NULL OR outcome ->> 'decided_by' !~ '^rule:' OR next_number > 1 THEN
			fault := 'decided by a rule, but not by one alone';
			RETURN NEXT;
		END IF;
		RETURN;
	END IF;
	-- Withdrawn, or ended by its requester.
	IF outcome ->> 'status' = 'cancelled' OR (outcome ->> 'status' = 'expired' AND outcome ->> 'decided_by' IS NOT NULL) THEN
		RETURN;
	END IF;
	IF verdict.status = 'approved' AND (wants_changes OR (wants_information AND verdict.reason <> 'approved')) THEN
		-- No approval before the changes are made, nor by silence before the question is answered.
		verdict.status := CASE outcome ->> 'status' WHEN 'pending' THEN 'pending' ELSE 'expired' END;
		verdict.reason := CASE outcome ->> 'status' WHEN 'pending' THEN NULL ELSE 'silence' END;
		verdict.decided_by := NULL;
	END IF;
	-- Versions before 0.3.0 kept no reason.
	IF outcome ->> 'reason' IS NULL AND outcome ->> 'status' <> 'pending' THEN
		verdict.reason := NULL;
	END IF;
	IF (verdict.status, verdict.reason, verdict.decided_by) IS DISTINCT FROM
		(outcome ->> 'status', outcome ->> 'reason', outcome ->> 'decided_by') THEN
		IF verdict.exact THEN
			fault := format('%s, but by its policy the answers make it %s',
				hitl.outcome_text(outcome ->> 'status', outcome ->> 'reason', outcome ->> 'decided_by'),
				hitl.outcome_text(verdict.status, verdict.reason, verdict.decided_by));
			RETURN NEXT;
		-- One that was approved but for the changes has not kept it either.
		ELSIF outcome ->> 'status' <> 'pending' THEN
			RAISE NOTICE 'the outcome of approval request % goes by who was in its groups then, which was not kept', receipt ->> 'approval_id';
		END IF;
	END IF;
EXCEPTION WHEN data_exception OR data_corrupted OR invalid_parameter_value OR syntax_error_or_access_rule_violation OR SQLSTATE 'WF055' THEN
	fault := 'malformed: ' || SQLERRM;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION hitl.check_receipt(jsonb) IS
	'what does not fit together in a receipt, by itself; no rows if everything does';

CREATE FUNCTION hitl.verify_receipt(receipt jsonb) RETURNS TABLE (what text, fault text)
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	id uuid;
	body jsonb := CASE jsonb_typeof(receipt) WHEN 'object' THEN receipt - 'signature' ELSE receipt END;
	signatures text[] := hitl.receipt_signatures(body);
	stored jsonb;
	event_hash text;
	difference record;
BEGIN
	what := 'signature';
	IF receipt ->> 'signature' IS NULL THEN
		IF signatures IS NOT NULL THEN
			fault := 'missing, though the secret "receipts" is set';
			RETURN NEXT;
		END IF;
	ELSIF signatures IS NULL THEN
		RAISE NOTICE 'the signature is not checked: the secret "receipts" is not set';
	-- Hashes are compared, so that the time that it takes tells nothing.
	ELSIF receipt #>> '{signature,algorithm}' IS DISTINCT FROM 'HMAC-SHA256' OR NOT coalesce((
		SELECT bool_or(sha256(convert_to(s, 'UTF8')) = sha256(convert_to(receipt #>> '{signature,value}', 'UTF8')))
		FROM unnest(signatures) AS s), false) THEN
		fault := 'not that of this receipt';
		RETURN NEXT;
	END IF;
	RETURN QUERY SELECT c.what, c.fault FROM hitl.check_receipt(body) AS c;

	-- Is it what the tables have?
	what := 'request';
	BEGIN
		id := (body ->> 'approval_id')::uuid;
		stored := hitl.compose_receipt(id);
	EXCEPTION WHEN data_exception THEN
		fault := 'malformed: ' || SQLERRM;
		RETURN NEXT;
	END;
	IF stored IS NOT NULL THEN
		IF (stored ->> 'request_hash') IS DISTINCT FROM (body ->> 'request_hash') THEN
			fault := 'another one than in the tables';
			RETURN NEXT;
		END IF;
		FOR difference IN
			SELECT coalesce(r.value ->> 'number', '?') AS number, s.value IS NULL AS missing
			FROM jsonb_array_elements(CASE jsonb_typeof(body -> 'acts') WHEN 'array' THEN body -> 'acts' ELSE '[]' END) WITH ORDINALITY AS r
			LEFT JOIN jsonb_array_elements(stored -> 'acts') AS s ON s.value -> 'number' = r.value -> 'number'
			WHERE s.value -> 'hash' IS DISTINCT FROM r.value -> 'hash' ORDER BY r.ordinality
		LOOP
			what := format('act %s', difference.number);
			fault := CASE WHEN difference.missing THEN 'missing in the tables' ELSE 'another one than in the tables' END;
			RETURN NEXT;
		END LOOP;
		IF body #>> '{outcome,status}' IS DISTINCT FROM 'pending' AND
			(stored -> 'outcome') IS DISTINCT FROM (body -> 'outcome') THEN
			what := 'outcome';
			fault := format('another one than in the tables, where it is %s', stored #>> '{outcome,status}');
			RETURN NEXT;
		END IF;
	END IF;
	IF jsonb_typeof(body -> 'workflow_event') = 'object' THEN
		what := 'workflow';
		BEGIN
			SELECT encode(e.hash, 'hex') INTO event_hash
			FROM hitl.workflows w LEFT JOIN hitl.workflow_events e
				ON e.workflow_id = w.id AND e.seq = (body #>> '{workflow_event,seq}')::integer
			WHERE w.id = (body ->> 'workflow_id')::uuid;
			IF FOUND AND event_hash IS DISTINCT FROM body #>> '{workflow_event,hash}' THEN
				fault := format('event %s is not the one that the receipt knows', body #>> '{workflow_event,seq}');
				RETURN NEXT;
			END IF;
			IF FOUND AND stored IS NULL THEN
				fault := 'its approval request is missing';
				RETURN NEXT;
			END IF;
		EXCEPTION WHEN data_exception THEN
			fault := 'malformed: ' || SQLERRM;
			RETURN NEXT;
		END;
	END IF;
	IF id IS NOT NULL AND stored IS NULL THEN
		RAISE NOTICE 'approval request % does not exist any more: the receipt is checked by itself', body ->> 'approval_id';
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.verify_receipt(jsonb) IS
	'what is wrong with a receipt of hitl.decision_receipt, or in the tables, as far as it tells; no rows if nothing is';

-- ---- requests in the tables -----------------------------------------------

-- One request, but for what its workflow knows.
CREATE FUNCTION hitl.verify_request(approval_id uuid) RETURNS TABLE (what text, fault text)
	LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off
AS $$
DECLARE
	approval hitl.approval_requests;
	asks text[];
	rule hitl.rule_decisions;
BEGIN
	RETURN QUERY SELECT c.what, c.fault FROM hitl.check_receipt(hitl.compose_receipt(verify_request.approval_id)) AS c;
	SELECT * INTO approval FROM hitl.approval_requests a WHERE a.id = verify_request.approval_id;
	what := 'request';
	IF approval.opened_at IS DISTINCT FROM coalesce((SELECT c.replaced_at FROM hitl.approval_contents c
			WHERE c.approval_id = verify_request.approval_id AND c.round = approval.round - 1), approval.requested_at) THEN
		fault := 'the round began at another time';
		RETURN NEXT;
	END IF;
	asks := ARRAY(SELECT k.name FROM hitl.approval_asks k WHERE k.approval_id = verify_request.approval_id);
	IF approval.status <> 'pending' THEN
		IF asks <> '{}' THEN
			what := 'asks';
			fault := 'there are some, though the request is not pending';
			RETURN NEXT;
		END IF;
	ELSIF NOT (asks @> approval.asked AND asks <@ approval.asked) THEN
		what := 'asks';
		fault := 'others than the request has';
		RETURN NEXT;
	END IF;
	SELECT * INTO rule FROM hitl.rule_decisions d WHERE d.approval_id = verify_request.approval_id AND d.mode = 'active';
	IF (approval.status IN ('approved', 'rejected') AND approval.reason = 'rule') IS TRUE
		IS DISTINCT FROM (rule.action IN ('approve', 'deny') IS TRUE)
		OR (approval.reason = 'rule' AND rule.action IN ('approve', 'deny')
			AND (approval.decided_by <> 'rule:' || rule.rule
				 OR approval.status <> CASE rule.action WHEN 'approve' THEN 'approved' ELSE 'rejected' END)) THEN
		what := 'rule';
		fault := 'what the rules have said is not what was decided';
		RETURN NEXT;
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.verify_request(uuid) IS
	'a part of hitl.verify_approval and hitl.verify_events: what does not fit together in the rows of a request';

-- Do the events of a workflow and its requests agree?  Both may be many.
CREATE FUNCTION hitl.verify_outcomes(workflow_id uuid, only_approval uuid DEFAULT NULL)
	RETURNS TABLE (approval_id text, fault text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET enable_nestloop = off SET enable_seqscan = off
BEGIN ATOMIC
	WITH told AS MATERIALIZED (
		SELECT e.seq, e.event_type, e.data ->> 'approval_id' AS approval_id, e.data ->> 'decision_hash' AS decision_hash
		FROM hitl.workflow_events e
		WHERE e.workflow_id = verify_outcomes.workflow_id
		  AND e.event_type IN ('approval_requested', 'approval_approved', 'approval_rejected', 'approval_expired', 'approval_cancelled')
		  AND (only_approval IS NULL OR e.data ->> 'approval_id' = only_approval::text)
	), requests AS MATERIALIZED (
		SELECT a.id::text AS approval_id, a.status, encode(a.decision_hash, 'hex') AS decision_hash,
			   a.status = 'cancelled' AND a.decided_by IS NULL AND a.reason = 'withdrawn by its workflow' AS withdrawn
		FROM hitl.approval_requests a
		WHERE a.workflow_id = verify_outcomes.workflow_id AND (only_approval IS NULL OR a.id = only_approval)
	)
	SELECT t.approval_id, format('missing, though event %s tells of it', t.seq)
	FROM told t
	WHERE t.event_type = 'approval_requested' AND NOT EXISTS (SELECT FROM requests r WHERE r.approval_id = t.approval_id)
	UNION ALL
	SELECT r.approval_id, CASE WHEN t.event_type <> 'approval_' || r.status
							   THEN format('%s, but event %s has it %s', r.status, t.seq, substr(t.event_type, 10))
							   ELSE format('the hash of its outcome is not the one in event %s', t.seq) END
	FROM requests r JOIN told t ON t.approval_id = r.approval_id AND t.event_type <> 'approval_requested'
	WHERE t.event_type <> 'approval_' || r.status OR t.decision_hash <> r.decision_hash
	UNION ALL
	-- The engine may not have got round to it; or could not process what the workflow was told.
	SELECT r.approval_id, format('%s, but no event tells of it', r.status)
	FROM requests r
	WHERE r.status <> 'pending' AND NOT r.withdrawn
	  AND NOT EXISTS (SELECT FROM told t WHERE t.approval_id = r.approval_id AND t.event_type <> 'approval_requested')
	  AND NOT EXISTS (SELECT FROM hitl.messages m
					  WHERE m.workflow_id = verify_outcomes.workflow_id AND m.kind = 'approval' AND m.body ->> 'approval_id' = r.approval_id)
	  AND NOT EXISTS (SELECT FROM hitl.workflow_events e
					  WHERE e.workflow_id = verify_outcomes.workflow_id AND e.event_type = 'workflow_failed'
						AND e.data ->> 'kind' IN ('system_error', 'timeout') AND e.data ? 'sqlstate')
	  AND EXISTS (SELECT FROM hitl.workflows w WHERE w.id = verify_outcomes.workflow_id);
END;
COMMENT ON FUNCTION hitl.verify_outcomes(uuid, uuid) IS
	'a part of hitl.verify_approval and hitl.verify_events: where the events of a workflow and its approval requests disagree';

CREATE FUNCTION hitl.verify_approval(approval_id uuid) RETURNS TABLE (what text, fault text)
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	workflow uuid;
BEGIN
	SELECT a.workflow_id INTO workflow FROM hitl.approval_requests a WHERE a.id = verify_approval.approval_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'WF003',
			MESSAGE = format('approval request %s does not exist', approval_id),
			HINT = 'hitl.list_pending_approvals() lists those that wait for answers.';
	END IF;
	RETURN QUERY SELECT v.what, v.fault FROM hitl.verify_request(verify_approval.approval_id) AS v;
	RETURN QUERY SELECT 'workflow', v.fault FROM hitl.verify_outcomes(workflow, verify_approval.approval_id) AS v;
END
$$;
COMMENT ON FUNCTION hitl.verify_approval(uuid) IS
	'what does not fit together in an approval request, its contents, answers and outcome, and what its workflow knows of it; no rows if everything does';
