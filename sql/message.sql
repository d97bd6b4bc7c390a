-- messages and pages, and the answers that come back by forms
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
\set document '{"event": "approval.requested", "approval": {"id": "i", "title": "Pay <Arvo>", "status": "pending", "requested_by": "bob", "context_data": {"amount": 1200.50}, "content_hash": "ab"}, "links": {"review": "https://h/a/t", "approve": "https://h/a/t?decision=approved"}}'
-- mail
SELECT m ->> 'subject', m ->> 'text', left(m ->> 'html', 15), m ->> 'html' LIKE '%Pay &lt;Arvo&gt;%' FROM hitl.render_mail(:'document') AS m;
-- templates of the channel
SELECT hitl.render_mail(jsonb_set(:'document', '{templates}', '{"subject": "{{ $.approval.title }}: {{ $.approval.context_data.amount }}", "text": "{{ $.links.review }}", "html": "<p>{{ $.approval.title }}</p>"}'));
SELECT hitl.render_mail(jsonb_set(:'document', '{templates}', '{"subject": "{{ $.links.* ? (@ starts with \"https\") }}", "text": "x"}')) ->> 'subject';
SELECT hitl.render_mail(jsonb_set(:'document', '{templates}', '{"text": "{{ $.approval.expires_at }}"}'));
SELECT hitl.render_mail(jsonb_set(:'document', '{templates}', '{"html": "{{ $.approval. }}"}'));
SELECT hitl.render_mail(jsonb_set(:'document', '{templates}', '{"text": "{{ strict $.approval.expires_at }}"}'));
SELECT hitl.render_mail(jsonb_set(:'document', '{templates}', '{"text": "{{ $.approval.title.double() }}"}'));
SELECT hitl.render_mail('{}');
SELECT hitl.render_mail(NULL) IS NULL;
-- Slack
SELECT m ->> 'text', jsonb_path_query_array(m, '$.blocks[*].type') FROM hitl.render_slack(:'document') AS m;
SELECT jsonb_pretty(m -> 'blocks' -> -1 -> 'elements' -> 0) FROM hitl.render_slack(:'document') AS m;
SELECT m ->> 'private_metadata', jsonb_path_query_array(m, '$.blocks[*].block_id')
FROM hitl.render_slack_modal(jsonb_set(:'document', '{approval,answer_schema}', '{"properties": {"a/b": {"type": "string"}}}')) AS m;
SELECT hitl.render_slack('{"approval": {"id": "i", "title": "t", "status": "open"}}');
SELECT hitl.render_slack_modal('[]');
-- pages
SELECT regexp_replace(hitl.render_page('{"page": "not_found"}'), '<style>.*</style>', '');
SELECT hitl.render_page(:'document'::jsonb || '{"page": "request", "action": "/a/t", "csrf": "c"}') LIKE '%<h1 dir="auto">Pay &lt;Arvo&gt;</h1>%';
SELECT hitl.render_page('{"page": "home"}');
-- each style sheet is the same, so that one hash allows it
SELECT count(DISTINCT substring(hitl.render_page(d) FROM '<style>(.*?)</style>'))
FROM (VALUES ('{"page": "error"}'::jsonb), ('{"page": "sign_in", "action": "/x"}')) AS v (d);
-- answers
SELECT hitl.read_form_answer('{"/amount": "1200.50", "/tags": "a\r\nb", "/urgent": ["false", "true"], "/note": "", "csrf": "c"}',
	'{"type": "object", "properties": {"amount": {"type": "number"}, "tags": {"type": "array", "items": {"type": "string"}}, "urgent": {"type": "boolean"}, "note": {"type": "string"}}}');
SELECT v.pointer, v.message FROM hitl.validate_answer('{"properties": {"amount": {"type": "number"}}}',
	hitl.read_form_answer('{"/amount": "1,5"}', '{"properties": {"amount": {"type": "number"}}}')) AS v;
SELECT hitl.read_form_answer('[]', '{}');
SELECT hitl.read_form_answer('{"/": "[1, 2.0]"}', 'true');
SELECT hitl.read_slack_answer('{"answer/grade": {"value": {"type": "static_select", "selected_option": {"value": "1"}}}, "feedback": {"value": {"value": "x"}}}',
	'{"type": "object", "properties": {"grade": {"enum": ["a", 2.50]}}}');
SELECT hitl.read_slack_answer('{}', '{"type": "integer"}');
-- who may
CREATE ROLE hitl_message_admin;
SELECT hitl.grant_access('hitl_message_admin', 'admin');
SET ROLE hitl_message_admin;
SELECT hitl.render_mail('{}');
SELECT hitl.read_form_answer('{}', '{}');
RESET ROLE;
SELECT hitl.revoke_access('hitl_message_admin');
DROP ROLE hitl_message_admin;
