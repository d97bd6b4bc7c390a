-- action_token.sql
--		Links in messages, by which their recipients answer without signing in.

CREATE TABLE hitl.action_tokens (
	hash bytea PRIMARY KEY,				-- hitl.token_hash(); the token stands in the message alone
	notification_id uuid,				-- of the message
	approval_id uuid NOT NULL,
	principal text NOT NULL,			-- the recipient, as whom it answers
	content_hash bytea NOT NULL,		-- of what the message showed
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	expires_at timestamptz NOT NULL,
	used_at timestamptz,
	address text						-- to which it was sent: e-mail address or Slack user
);
COMMENT ON TABLE hitl.action_tokens IS
	'tokens of links in messages, each by its hash: whose answer to which request it stands for';
SELECT pg_extension_config_dump('hitl.action_tokens', '');
CREATE INDEX action_tokens_approval ON hitl.action_tokens (approval_id);

CREATE FUNCTION hitl.make_action_token(notification_id uuid, approval_id uuid, principal text, expires_at timestamptz,
									   address text DEFAULT NULL)
	RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	secret text := hitl.random_token();
BEGIN
	INSERT INTO hitl.action_tokens (hash, notification_id, approval_id, principal, content_hash, expires_at, address)
	SELECT hitl.token_hash(secret), make_action_token.notification_id, a.id,
		   hitl.principal_of(make_action_token.principal), a.content_hash, make_action_token.expires_at,
		   make_action_token.address
	FROM hitl.approval_requests a WHERE a.id = make_action_token.approval_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'WF003',
			MESSAGE = format('approval request %s does not exist', coalesce(approval_id::text, 'NULL')),
			HINT = 'hitl.list_pending_approvals() lists those that wait for answers.';
	END IF;
	RETURN secret;
END
$$;
COMMENT ON FUNCTION hitl.make_action_token(uuid, uuid, text, timestamptz, text) IS
	'a token by which whoever has it answers a request as a principal, once; kept by its hash only';
