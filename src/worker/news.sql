-- news.sql
--		What happens to approval requests of no workflow, for those who follow events.

CREATE FUNCTION hitl.approval_news(
	after bigint, upto bigint, OUT number bigint, OUT approval_id uuid, OUT event_type text, OUT happened_at timestamptz
) RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL SAFE ROWS 10
	AS 'MODULE_PATHNAME', 'hitl_approval_news';
COMMENT ON FUNCTION hitl.approval_news(bigint, bigint) IS
	'what has happened last to approval requests of no workflow, after one number (NULL: all that is known) and up to another one; without an id: what is not known any more';

CREATE FUNCTION hitl.approval_news_since() RETURNS timestamptz
	LANGUAGE c VOLATILE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'hitl_approval_news_since';
COMMENT ON FUNCTION hitl.approval_news_since() IS
	'since when all that has happened to approval requests of no workflow is known by hitl.approval_news';

CREATE FUNCTION hitl.publish_approval(approval_id uuid, event_type text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'hitl_publish_approval';
COMMENT ON FUNCTION hitl.publish_approval(uuid, text) IS
	'tell those who follow events what has happened to an approval request of no workflow, when the transaction commits';
