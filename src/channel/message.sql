-- message.sql
--		Messages and pages for people, and the answers that come back by forms.
--		docs/reference/messages.md describes the documents.

CREATE FUNCTION hitl.render_mail(document jsonb) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'hitl_render_mail' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.render_mail(jsonb) IS
	'a notification as mail: {"subject", "text", "html"}; its templates, if it has any, go before the usual form';

CREATE FUNCTION hitl.render_template(template jsonb, document jsonb) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'hitl_render_template' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.render_template(jsonb, jsonb) IS
	'a template, {{ SQL/JSON path }} in its strings, with what the paths match in a document';

CREATE FUNCTION hitl.check_templates(input jsonb, is_mail boolean) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_check_templates' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.check_templates(jsonb, boolean) IS
	'refuse malformed templates: in the strings of the input, or, of a mail, in its member templates';

CREATE FUNCTION hitl.render_slack(document jsonb) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'hitl_render_slack' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.render_slack(jsonb) IS
	'a notification as a message of Slack: {"text", "blocks"}, with buttons while it can be answered';

CREATE FUNCTION hitl.render_slack_modal(document jsonb) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'hitl_render_slack_modal' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.render_slack_modal(jsonb) IS
	'the form of a request as a view of Slack, with a reason; "decision" of the document says what is answered, else it asks';

CREATE FUNCTION hitl.render_page(page jsonb) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_render_page' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.render_page(jsonb) IS
	'a page of the gateway as HTML: no script, one style sheet, nothing from elsewhere';

CREATE FUNCTION hitl.page_policy(html text) RETURNS text
	AS 'MODULE_PATHNAME', 'hitl_page_policy' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.page_policy(text) IS
	'the Content-Security-Policy of a page: it has no script, and its style sheet is known by its hash';

CREATE FUNCTION hitl.read_form_answer(fields jsonb, schema jsonb) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'hitl_read_form_answer' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.read_form_answer(jsonb, jsonb) IS
	'the answer in the fields of a page''s form, whose names are JSON pointers; what does not fit the schema stays a text';

CREATE FUNCTION hitl.read_slack_answer("values" jsonb, schema jsonb) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'hitl_read_slack_answer' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.read_slack_answer(jsonb, jsonb) IS
	'the answer in the values of a view of Slack (view.state.values)';
