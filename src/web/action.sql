-- action.sql
--		The pages on which people answer: by a link in a message, or signed in.
--
-- Nothing is decided by looking, since mail scanners look at every link.  A form is
-- submitted by a person, with the hash of what he was shown.

-- ---- what both ways share ---------------------------------------------------

CREATE FUNCTION hitl.approval_page(
	request jsonb, approval_id uuid, person jsonb, key text, more jsonb DEFAULT '{}',
	status integer DEFAULT 200, headers jsonb DEFAULT '{}', links jsonb DEFAULT NULL
) RETURNS jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	approval hitl.approval_requests;
	document jsonb := hitl.request_document(approval_id);
	own text;
	page jsonb;
BEGIN
	SELECT * INTO approval FROM hitl.approval_requests a WHERE a.id = approval_page.approval_id;
	SELECT r.decision INTO own FROM hitl.approval_responses r
	WHERE r.approval_id = approval.id AND r.standing AND r.approver_id = person ->> 'name';
	page := jsonb_build_object('approval', document -> 'approval', 'responses', document -> 'responses',
							   'principal', person);
	IF own IS NOT NULL THEN
		page := page || jsonb_build_object('page', 'result', 'decision', own);
	ELSIF approval.status <> 'pending' THEN
		page := page || CASE approval.status WHEN 'expired' THEN '{"page": "expired"}'
			WHEN 'cancelled' THEN '{"page": "decided", "message": "This request was withdrawn, so it cannot be answered any more."}'
			ELSE '{"page": "decided"}' END::jsonb;
	ELSIF NOT EXISTS (SELECT FROM hitl.pending_of(person ->> 'name', true) AS p (id) WHERE p.id = approval.id) THEN
		page := page || '{"page": "request", "message": "You see this request, but your answer to it is not asked for."}';
	ELSE
		page := page || jsonb_build_object('page', 'request', 'action', request ->> 'path',
			'csrf', hitl.form_code(key, format('answer:%s:%s', approval.id, person ->> 'name'), approval.content_hash));
		IF request -> 'query' ->> 'decision' IN ('approved', 'rejected') THEN
			page := page || jsonb_build_object('page', 'confirm', 'decision', request -> 'query' -> 'decision',
											   'links', jsonb_build_object('review', request ->> 'path'));
		END IF;
		IF approval.wanted = 'information' THEN
			page := page || '{"message": "A question was asked, which is not answered yet."}';
		END IF;
	END IF;
	IF links IS NOT NULL THEN
		-- Also where there is nothing to answer, one signs out by a form.
		page := jsonb_build_object('csrf', hitl.form_code(key, 'page')) || page
			|| jsonb_build_object('links', coalesce(page -> 'links', '{}') || links);
	ELSIF page ? 'csrf' THEN
		more := more || jsonb_build_object('message', concat_ws(E'\n\n', coalesce(more ->> 'message', page ->> 'message'),
			hitl.as_sentence('You answer as ' || (person ->> 'display_name'))));
	END IF;
	RETURN hitl.http_page(page || more, status, headers);
END
$$;
COMMENT ON FUNCTION hitl.approval_page(jsonb, uuid, jsonb, text, jsonb, integer, jsonb, jsonb) IS
	'the page on which somebody answers a request, or that tells what came of it';

-- A button that is pressed twice sends its form twice: that is one answer.
CREATE FUNCTION hitl.is_last_answer(approval_id uuid, principal text, decision text, answer jsonb, feedback text) RETURNS boolean
	LANGUAGE sql STABLE
	RETURN (SELECT (r.approver_id, r.decision) = (is_last_answer.principal, is_last_answer.decision)
				   AND r.response_data IS NOT DISTINCT FROM answer AND r.feedback IS NOT DISTINCT FROM is_last_answer.feedback
			FROM hitl.approval_responses r JOIN hitl.approval_requests a ON a.id = r.approval_id AND a.round = r.round
			WHERE r.approval_id = is_last_answer.approval_id ORDER BY r.number DESC LIMIT 1) IS TRUE;
COMMENT ON FUNCTION hitl.is_last_answer(uuid, text, text, jsonb, text) IS
	'whether the last that was done about a request is this answer';

-- Answers as a form says.  NULL: done.
CREATE FUNCTION hitl.answer_by_form(
	request jsonb, fields jsonb, approval_id uuid, person jsonb, key text, channel text, evidence jsonb,
	links jsonb DEFAULT NULL, used boolean DEFAULT false
) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shown bytea := hitl.check_form_code(request, fields ->> 'csrf', key,
										format('answer:%s:%s', approval_id, person ->> 'name'));
	decision text := fields ->> 'decision';
	-- Those of the answer are called by their JSON pointers.
	form jsonb := (SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') FROM jsonb_each(fields) AS f
				   WHERE f.key ~ '^(/|$)');
	reason text := nullif(btrim(fields ->> 'feedback'), '');
	typed jsonb := jsonb_strip_nulls(jsonb_build_object('feedback', fields -> 'feedback'));
	answer jsonb;
	detail text;
BEGIN
	SELECT hitl.read_form_answer(form, a.answer_schema) INTO answer
	FROM hitl.approval_requests a WHERE a.id = answer_by_form.approval_id AND a.answer_schema IS NOT NULL;
	typed := typed || jsonb_build_object('answer', answer);
	IF decision IS DISTINCT FROM 'approved' THEN
		answer := NULL;
	END IF;
	IF hitl.is_last_answer(approval_id, person ->> 'name', decision, answer, reason) THEN
		RETURN NULL;
	ELSIF used THEN
		RETURN hitl.approval_page(request, approval_id, person, key,
			'{"page": "decided", "message": "This link has been used."}', 409, links => links);
	ELSIF coalesce(decision NOT IN ('approved', 'rejected', 'modified', 'abstained', 'information_requested'), true) THEN
		RETURN hitl.approval_page(request, approval_id, person, key, typed
			|| '{"message": "Please choose what you decide."}', 422, links => links);
	ELSIF reason IS NULL AND decision IN ('modified', 'information_requested') THEN
		RETURN hitl.approval_page(request, approval_id, person, key, typed || jsonb_build_object(
			'faults', jsonb_build_array(jsonb_build_object('field', 'feedback', 'message',
				CASE decision WHEN 'modified' THEN 'Please say what is to be changed.' ELSE 'Please write your question here.' END))),
			422, links => links);
	END IF;
	PERFORM hitl.respond_to_approval(approval_id, person ->> 'name', decision, response_data => answer,
		feedback => reason, content_hash => shown, channel => channel, evidence => evidence);
	RETURN NULL;
EXCEPTION
	WHEN SQLSTATE 'WF019' THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		RETURN hitl.approval_page(request, approval_id, person, key, typed || jsonb_build_object(
			'faults', (SELECT jsonb_agg(to_jsonb(f)) FROM hitl.answer_faults(detail) AS f)), 422, links => links);
	WHEN invalid_parameter_value THEN
		RETURN hitl.approval_page(request, approval_id, person, key, typed || jsonb_build_object('message', hitl.as_sentence(SQLERRM)), 422, links => links);
	WHEN SQLSTATE 'WF018' THEN
		RETURN hitl.approval_page(request, approval_id, person, key,
			(typed - 'answer') || '{"message": "The request has changed since you opened this page. Please look at it again."}',
			409, links => links);
	WHEN SQLSTATE 'WF011' THEN
		RETURN hitl.approval_page(request, approval_id, person, key, status => 409, links => links);
	WHEN SQLSTATE 'WF014' THEN
		RETURN hitl.approval_page(request, approval_id, person, key,
			'{"page": "decided", "message": "This was answered before, by you or by somebody for you."}', 409, links => links);
	WHEN SQLSTATE 'WF012' THEN
		RETURN hitl.approval_page(request, approval_id, person, key, '{"page": "expired"}', 410, links => links);
	WHEN SQLSTATE 'WF013' THEN
		RETURN hitl.approval_page(request, approval_id, person, key, status => 410, links => links);
END
$$;
COMMENT ON FUNCTION hitl.answer_by_form(jsonb, jsonb, uuid, jsonb, text, text, jsonb, jsonb, boolean) IS
	'answer a request as a submitted form says; NULL, or the page that tells why not';

-- ---- links in messages ------------------------------------------------------

-- Whoever has the link has the right to it, but not who is signed in as somebody else.
CREATE FUNCTION hitl.action_visitor(request jsonb, token hitl.action_tokens, OUT person jsonb, OUT refusal jsonb)
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	visitor record;
	principal text := hitl.principal_of(token.principal);
	holder hitl.principals;
BEGIN
	IF token.hash IS NULL THEN
		refusal := hitl.http_page('{"page": "not_found"}', 404);
		RETURN;
	END IF;
	SELECT * INTO holder FROM hitl.principals p WHERE p.name = principal;
	person := hitl.person_document(principal);
	SELECT * INTO visitor FROM hitl.web_visitor(request);
	IF NOT holder.active THEN
		refusal := hitl.http_page('{"page": "error", "message": "The person to whom this message was sent cannot answer any more."}', 403);
	ELSIF holder.name IS NOT NULL AND token.address IS NOT NULL
		AND token.address IS DISTINCT FROM holder.email AND token.address IS DISTINCT FROM holder.slack_user THEN
		refusal := hitl.http_page('{"page": "error", "message": "The address to which this message was sent is in use no more. Look into newer messages, or sign in."}', 403);
	ELSIF visitor.principal <> principal THEN
		refusal := hitl.http_page(jsonb_build_object('page', 'error', 'principal', visitor.person,
			'message', 'This message was sent to somebody else. Whoever is asked answers himself.'), 403);
	ELSIF visitor.principal IS NULL AND coalesce(current_setting('hitl.action_links_need_sign_in', true), 'off')::boolean THEN
		refusal := hitl.http_page(jsonb_build_object('page', 'sign_in', 'action', '/sign-in',
			'csrf', hitl.form_code(visitor.key, 'sign-in'),
			'message', 'Please sign in first, and then open the link in the message again.'), 403, visitor.cookies);
	ELSIF token.used_at IS NULL AND token.expires_at <= clock_timestamp() THEN
		refusal := hitl.http_page('{"page": "expired", "message": "The time of this link is over."}', 410);
	ELSIF token.used_at IS NOT NULL AND EXISTS (SELECT FROM hitl.approval_requests a WHERE a.id = token.approval_id AND a.status = 'pending')
		AND NOT EXISTS (SELECT FROM hitl.approval_responses r
						WHERE r.approval_id = token.approval_id AND r.standing AND r.approver_id = principal) THEN
		refusal := hitl.http_page(jsonb_build_object('page', 'error', 'principal', person,
			'message', 'This link was used for an answer that does not count any more, since the request has changed. Look into newer messages, or sign in.'), 410);
	ELSIF EXISTS (SELECT FROM hitl.approval_requests a WHERE a.id = token.approval_id AND a.status = 'pending')
		AND NOT hitl.principal_sees_approval(principal, token.approval_id) THEN
		refusal := hitl.http_page(jsonb_build_object('page', 'error', 'principal', person,
			'message', 'You are not asked any more: somebody else is.'), 403);
	ELSIF NOT EXISTS (SELECT FROM hitl.approval_requests a WHERE a.id = token.approval_id) THEN
		refusal := hitl.http_page('{"page": "not_found"}', 404);
	END IF;
END
$$;
COMMENT ON FUNCTION hitl.action_visitor(jsonb, hitl.action_tokens) IS
	'as whom a link in a message answers, or why it does not';

CREATE FUNCTION hitl.http_action_page(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	secret text := request -> 'args' ->> 'token';
	token hitl.action_tokens;
	visitor record;
BEGIN
	SELECT * INTO token FROM hitl.action_tokens t WHERE t.hash = hitl.token_hash(secret);
	SELECT * INTO visitor FROM hitl.action_visitor(request, token);
	RETURN coalesce(visitor.refusal, hitl.approval_page(request, token.approval_id, visitor.person, secret,
		CASE WHEN EXISTS (SELECT FROM hitl.approval_requests a WHERE a.id = token.approval_id AND a.status = 'pending'
						  AND a.content_hash <> token.content_hash)
			THEN '{"message": "The request has changed since the message was sent. This is what it says now."}'
			ELSE '{}' END::jsonb));
EXCEPTION WHEN query_canceled OR OTHERS THEN
	RETURN hitl.http_error_page(SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION hitl.http_action_page(jsonb) IS
	'GET /a/{token}: what a link in a message leads to; nothing is decided by it';

CREATE FUNCTION hitl.http_action(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	secret text := request -> 'args' ->> 'token';
	token hitl.action_tokens;
	visitor record;
	fields jsonb;
	refusal jsonb;
BEGIN
	fields := hitl.form_fields(request);
	SELECT * INTO token FROM hitl.action_tokens t WHERE t.hash = hitl.token_hash(secret) FOR UPDATE;
	SELECT * INTO visitor FROM hitl.action_visitor(request, token);
	IF visitor.refusal IS NOT NULL THEN
		RETURN visitor.refusal;
	END IF;
	refusal := hitl.answer_by_form(request, fields, token.approval_id, visitor.person, secret,
		coalesce((SELECT c.channel_type FROM hitl.notification_ledger n JOIN hitl.channel_configurations c ON c.name = n.channel
				  WHERE n.id = token.notification_id), 'web'),
		hitl.request_evidence(request)
			|| jsonb_strip_nulls(jsonb_build_object('method', 'action_link', 'notification', token.notification_id)),
		used => token.used_at IS NOT NULL);
	IF refusal IS NOT NULL THEN
		RETURN refusal;
	END IF;
	-- A question is no decision: who asked it answers by the same link.
	UPDATE hitl.action_tokens t SET used_at = clock_timestamp()
	WHERE t.hash = token.hash AND fields ->> 'decision' <> 'information_requested';
	RETURN hitl.http_see_other(request ->> 'path');
EXCEPTION WHEN query_canceled OR OTHERS THEN
	RETURN hitl.http_error_page(SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION hitl.http_action(jsonb) IS
	'POST /a/{token}: answers as the one to whom the message was sent, once';

-- ---- signed in --------------------------------------------------------------

CREATE FUNCTION hitl.http_inbox_page(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	visitor record;
	items jsonb;
BEGIN
	SELECT * INTO visitor FROM hitl.web_visitor(request);
	IF visitor.principal IS NULL THEN
		RETURN hitl.http_ask_sign_in(request);
	END IF;
	items := hitl.pending_documents(visitor.principal, request -> 'query' ->> 'after', '100', false);
	RETURN hitl.http_page(jsonb_strip_nulls(jsonb_build_object('page', 'inbox', 'principal', visitor.person,
		'links', hitl.page_links(visitor.session)
			|| jsonb_strip_nulls(jsonb_build_object('next', '/approvals?after=' || (items ->> 'next'))),
		'csrf', hitl.form_code(visitor.key, 'inbox'),
		'items', (SELECT coalesce(jsonb_agg(jsonb_build_object('title', i.item -> 'title', 'url', '/approvals/' || (i.item ->> 'id'),
					'requested_by', hitl.person_document(i.item ->> 'requested_by') -> 'display_name',
					'requested_at', i.item -> 'requested_at', 'expires_at', i.item -> 'expires_at') ORDER BY i.number), '[]')
				  FROM jsonb_array_elements(items -> 'approvals') WITH ORDINALITY AS i (item, number)))),
		200, visitor.cookies);
EXCEPTION WHEN query_canceled OR OTHERS THEN
	RETURN hitl.http_error_page(SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION hitl.http_inbox_page(jsonb) IS 'GET /approvals: what one is asked';

-- What somebody does not see does not exist for him.
CREATE FUNCTION hitl.check_seen(principal text, approval_id uuid) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF hitl.principal_sees_approval(principal, approval_id) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION USING ERRCODE = 'WF003',
		MESSAGE = format('approval request %s does not exist', approval_id),
		HINT = 'Or it is one that you do not see.';
END
$$;
COMMENT ON FUNCTION hitl.check_seen(text, uuid) IS 'hide from a principal what it must not see';

CREATE FUNCTION hitl.http_approval_page(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	visitor record;
BEGIN
	SELECT * INTO visitor FROM hitl.web_visitor(request);
	IF visitor.principal IS NULL THEN
		RETURN hitl.http_ask_sign_in(request);
	END IF;
	PERFORM hitl.check_seen(visitor.principal, hitl.http_id(request));
	RETURN hitl.approval_page(request, hitl.http_id(request), visitor.person, visitor.key, headers => visitor.cookies,
		links => hitl.page_links(visitor.session));
EXCEPTION WHEN query_canceled OR OTHERS THEN
	RETURN hitl.http_error_page(SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION hitl.http_approval_page(jsonb) IS 'GET /approvals/{id}: a request, and the form to answer it';

CREATE FUNCTION hitl.http_approval_answer(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	visitor record;
BEGIN
	SELECT * INTO visitor FROM hitl.web_visitor(request);
	IF visitor.principal IS NULL THEN
		RETURN hitl.http_ask_sign_in(request);
	END IF;
	-- Whoever has its form has seen it.
	RETURN coalesce(hitl.answer_by_form(request, hitl.form_fields(request), hitl.http_id(request), visitor.person,
										visitor.key, 'web', visitor.evidence,
										hitl.page_links(visitor.session)),
					hitl.http_see_other(request ->> 'path'));
EXCEPTION WHEN query_canceled OR OTHERS THEN
	RETURN hitl.http_error_page(SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION hitl.http_approval_answer(jsonb) IS 'POST /approvals/{id}: answers as who is signed in';

CREATE FUNCTION hitl.http_home(request jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	RETURN hitl.http_see_other('/approvals');
COMMENT ON FUNCTION hitl.http_home(jsonb) IS 'GET /: leads to what one is asked';

INSERT INTO hitl.http_routes (method, path, function, description) VALUES
	('GET', '/', 'hitl.http_home(jsonb)', 'leads to /approvals'),
	('GET', '/a/{token}', 'hitl.http_action_page(jsonb)', 'what a link in a message leads to'),
	('POST', '/a/{token}', 'hitl.http_action(jsonb)', 'answers by a link in a message'),
	('GET', '/approvals', 'hitl.http_inbox_page(jsonb)', 'what one is asked'),
	('GET', '/approvals/{id}', 'hitl.http_approval_page(jsonb)', 'a request, and the form to answer it'),
	('POST', '/approvals/{id}', 'hitl.http_approval_answer(jsonb)', 'answers as who is signed in');
