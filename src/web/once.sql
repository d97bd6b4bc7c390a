-- once.sql
--		Requests that can be repeated without being done twice.

CREATE TABLE hitl.http_repeats (
	sender text NOT NULL,				-- principal, "webhook:" and a sender, "slack:" and a channel
	key text NOT NULL,					-- Idempotency-Key, webhook-id, or the hash of the body
	request_hash bytea NOT NULL,		-- SHA-256 of method, path and body
	response jsonb NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (sender, key)
);
COMMENT ON TABLE hitl.http_repeats IS
	'responses to requests with a key, which are given again when the same request comes again';
SELECT pg_extension_config_dump('hitl.http_repeats', '');
CREATE INDEX http_repeats_created ON hitl.http_repeats (created_at);

-- Taken before the request is served: who sends it again meanwhile waits.
CREATE FUNCTION hitl.take_request(request jsonb, sender text, key text) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	hash bytea := sha256(convert_to(jsonb_build_array(request -> 'method', request -> 'path',
													  request -> 'body')::text, 'UTF8'));
	before hitl.http_repeats;
BEGIN
	IF key IS NULL THEN
		RETURN NULL;
	ELSIF length(key) NOT BETWEEN 1 AND 255 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the key of a request must have 1 to 255 characters';
	END IF;
	DELETE FROM hitl.http_repeats r
	WHERE r.ctid IN (SELECT o.ctid FROM hitl.http_repeats o
					 WHERE o.created_at < now() - interval '7 days' LIMIT 100 FOR UPDATE SKIP LOCKED);
	LOOP
		INSERT INTO hitl.http_repeats (sender, key, request_hash, response)
		VALUES (take_request.sender, take_request.key, hash, 'null') ON CONFLICT DO NOTHING;
		IF FOUND THEN
			RETURN NULL;
		END IF;
		SELECT * INTO before FROM hitl.http_repeats r
		WHERE r.sender = take_request.sender AND r.key = take_request.key;
		EXIT WHEN FOUND;
	END LOOP;
	IF before.request_hash <> hash THEN
		RAISE EXCEPTION USING ERRCODE = 'WF016',
			MESSAGE = format('key "%s" was used for another request', key),
			HINT = 'Repeat a request with the very path and body it had, or take another key.';
	END IF;
	RETURN before.response;
END
$$;
COMMENT ON FUNCTION hitl.take_request(jsonb, text, text) IS
	'the response that a request with this key had before; NULL: it is to be served';

CREATE FUNCTION hitl.keep_response(response jsonb, sender text, key text) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE hitl.http_repeats r SET response = keep_response.response
	WHERE r.sender = keep_response.sender AND r.key = keep_response.key;
	RETURN response;
END
$$;
COMMENT ON FUNCTION hitl.keep_response(jsonb, text, text) IS
	'keep the response to a request for when it comes again';
