--
-- PostgreSQL database dump
--


-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: hitl; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION hitl WITH SCHEMA pg_catalog VERSION '0.1.0';


--
-- Name: EXTENSION hitl; Type: COMMENT; Schema: -; Owner:
--

COMMENT ON EXTENSION hitl IS 'durable agent workflows, human approvals, checkpoints and rollback';


--
-- Name: finished; Type: VIEW; Schema: public; Owner: postgres
--

CREATE VIEW public.finished AS
 SELECT workflow_steps.workflow_id,
    workflow_steps.step_name,
    workflow_steps.outcome
   FROM hitl.workflow_steps;


ALTER TABLE public.finished OWNER TO postgres;

--
-- Data for Name: acting_grants; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.acting_grants (grantee, approver_id, granted_by, granted_at) FROM stdin;
boss	ann	postgres	2026-11-22 15:34:42.925476+00
\.


--
-- Data for Name: approval_requests; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.approval_requests (id, workflow_id, token, step_name, title, description, approval_type, requested_from, required_approvers, approval_threshold, context_data, channels, status, content_hash, requested_by, requested_role, requested_at, expires_at, decided_at, decided_by, reason) FROM stdin;
01a203e5-360c-7b0b-b5c7-25d339c3b22d	01a203e5-3606-7b0b-9188-b1f719b765a4	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	pending	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	waiting	postgres	2026-11-22 15:34:42.961965+00	\N	\N	\N	\N
01a203e5-361a-70c8-939a-06ff2ee6d4ac	01a203e5-3609-70c8-b803-cc4880b79466	1	ask	Still?	\N	binary	\N	{ann,bob}	\N	{}	{hook}	pending	\\x24e318912cd1cbb6b1f0b61488a211d50b855e1b16b27ef1183bbf937709b21b	goes on after failure	postgres	2026-11-22 15:34:42.971373+00	\N	\N	\N	\N
01a203e5-361a-7f96-ab3b-cb41bcf3fcb7	01a203e5-3609-7f96-a203-a221e7ee2e74	2	draft	Good?	\N	binary	{ann}	\N	\N	{"task": "Draft", "result": {"answer": "Draft"}}	\N	pending	\\x6cf9310bc7c4c0eff637263e343b7ed340cbb1953e1f4b71603b3531f326d3af	reviewed	postgres	2026-11-22 15:34:42.971414+00	\N	\N	\N	\N
01a203e5-361a-7fe5-bb79-ee385b4b9ca9	01a203e5-3609-7fe5-a7d8-44aaca5ad8d9	1	drop	Drop?	\N	binary	{ann}	\N	\N	{"task": "Drop it"}	\N	pending	\\xc246fdf8d2c886e833cd041bfb0a4fec80e5d4b25b0b1f6b3121846d15275220	asked before	postgres	2026-11-22 15:34:42.971422+00	\N	\N	\N	\N
01a203e5-360b-7ce3-967b-d20bef48ffd1	01a203e5-3602-7ce3-858f-d8e59539a67c	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	approved	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	approved	postgres	2026-11-22 15:34:42.961478+00	\N	2026-11-22 15:34:42.991396+00	ann	\N
01a203e5-360b-7307-90db-7715ea6e7514	01a203e5-3605-7307-b57e-3021a6871687	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	rejected	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	rejected	postgres	2026-11-22 15:34:42.961935+00	\N	2026-11-22 15:34:42.998157+00	ann	\N
01a203e5-360b-78e6-a0e1-15eb6b0334b6	01a203e5-3605-78e6-b4d1-43e470ab00bf	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	cancelled	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	cancelled	postgres	2026-11-22 15:34:42.961947+00	\N	2026-11-22 15:34:43.000545+00	\N	withdrawn by its workflow
01a203e5-360b-7733-b427-a29e6f2b0613	01a203e5-3605-7733-b339-8f7b42469a52	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	cancelled	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	rolled back	postgres	2026-11-22 15:34:42.961954+00	\N	2026-11-22 15:34:43.002488+00	\N	withdrawn by its workflow
01a203e5-360c-752d-81cd-06dfa9869b9d	01a203e5-3605-752d-b905-da1508d53b66	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	cancelled	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	gone on	postgres	2026-11-22 15:34:42.96196+00	\N	2026-11-22 15:34:43.003151+00	\N	withdrawn by its workflow
01a203e5-363c-752d-98d5-22c8d1510cd6	01a203e5-3605-752d-b905-da1508d53b66	4	ask	Go on with something else?	\N	binary	{ann}	\N	\N	{}	\N	pending	\\x295fb40ad01dded6c9ce8ee651de521c71d6865b207725e0881755b296f512a2	gone on	postgres	2026-11-22 15:34:43.004564+00	\N	\N	\N	\N
01a203e5-3640-7615-b84a-92c09204b35e	\N	\N	\N	Some day?	\N	binary	\N	{ann,bob}	\N	{}	\N	pending	\\x619a9215ff12d06ac57d56dbdbcd99a790e009a3b8b7ea840a1e21d940158ff7	postgres	postgres	2026-11-22 15:34:43.009203+00	\N	\N	\N	\N
01a203e5-360c-74dc-80bb-20e7141966b0	01a203e5-3606-74dc-adf1-48798570b772	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	approved	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	answered	postgres	2026-11-22 15:34:42.961974+00	\N	2026-11-22 15:34:43.052399+00	ann	\N
\.


--
-- Data for Name: approval_responses; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.approval_responses (approval_id, approver_id, decision, response_data, feedback, content_hash, session_role, caller_role, responded_at) FROM stdin;
01a203e5-360b-7ce3-967b-d20bef48ffd1	ann	approved	\N	as approved	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	postgres	postgres	2026-11-22 15:34:42.991127+00
01a203e5-360b-7307-90db-7715ea6e7514	ann	rejected	\N	as rejected	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	postgres	postgres	2026-11-22 15:34:42.998114+00
01a203e5-3640-7615-b84a-92c09204b35e	ann	approved	\N	\N	\\x619a9215ff12d06ac57d56dbdbcd99a790e009a3b8b7ea840a1e21d940158ff7	postgres	postgres	2026-11-22 15:34:43.009472+00
01a203e5-360c-74dc-80bb-20e7141966b0	ann	approved	\N	\N	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	postgres	postgres	2026-11-22 15:34:43.052241+00
\.


--
-- Data for Name: channel_configurations; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.channel_configurations (name, channel_type, settings, signing_secret_name, is_default, active, created_at) FROM stdin;
hook	webhook	{"url": "http://127.0.0.1:9902/hook"}	\N	f	t	2026-11-22 15:34:42.94461+00
\.


--
-- Data for Name: definitions; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.definitions (hash, definition, created_at) FROM stdin;
\\x14aa09278ac956612c7ede398095462ec5deb90de8d5d59800cc5fe2277cd6da	{"name": "approved", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-22 15:34:42.94626+00
\\xf1594ccccea6e6f2827334c26d7fdee3dfba3e5a20b945a54d0ceaa00a1e0fdb	{"name": "rejected", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-22 15:34:42.94626+00
\\x1401fab14bf0b4e7085da04ee51155eb01a1f7de156ecc164859b1015c4dc9b5	{"name": "cancelled", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-22 15:34:42.94626+00
\\x036fb797eecaa4bcb01815f3c48dfb091c4089be26096c88bf35a52023ed78a4	{"name": "rolled back", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-22 15:34:42.94626+00
\\x428a800bd72d400bafa2a2870c4f0b29725e56604abb52a4d67cbda07600faec	{"name": "gone on", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-22 15:34:42.94626+00
\\x0143996c856008f8ad8092b6b825b2b34f2dd91f354132753ba61bb6c35c1c35	{"name": "waiting", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-22 15:34:42.94626+00
\\x86c09b594674b892dab50d5a88c659501252233021481094b2e742a9d7eeefef	{"name": "answered", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-22 15:34:42.94626+00
\\xf64e5b0c29da487b10763427af74d331ac10182b39dbdd533e4bbeaab119e30b	{"name": "completed", "steps": [{"name": "one", "task": "One", "type": "task"}, {"name": "two", "task": "Two", "type": "task"}]}	2026-11-22 15:34:42.952368+00
\\x488150a4abe89299d42eb1a3814bd2685f2072ce1195df577dd56443e50857b7	{"name": "failed", "steps": [{"name": "bad", "task": "{{ $.variables.missing }}", "type": "task"}]}	2026-11-22 15:34:42.952744+00
\\x6dedd5053ccbf12ae0ac828c391c392de38a0c56437192d04eaa657a45ab1b2e	{"name": "goes on after failure", "steps": [{"name": "bad", "task": "{{ $.variables.missing }}", "type": "task", "on_error": "continue"}, {"name": "ask", "type": "approval", "title": "Still?", "channels": ["hook"], "required_approvers": ["ann", "bob"]}, {"name": "last", "task": "Last", "type": "task"}]}	2026-11-22 15:34:42.953083+00
\\x951ee6a4641131265903ff0bbe886ad337326b4c15ced74ef893a816cc4fa9b4	{"name": "reviewed", "steps": [{"name": "draft", "task": "Draft", "type": "task", "approval_config": {"when": "after", "title": "Good?", "requested_from": "ann"}, "requires_approval": true}, {"name": "last", "task": "Send {{ $.steps.draft.answer }}", "type": "task"}]}	2026-11-22 15:34:42.953297+00
\\x0e6da3f57e4764d9797454587042a4b46ddc35aa8d594be283278223e07fafc6	{"name": "asked before", "steps": [{"name": "drop", "task": "Drop it", "type": "task", "approval_config": {"title": "Drop?", "requested_from": "ann"}, "create_checkpoint": true, "requires_approval": true}]}	2026-11-22 15:34:42.953453+00
\\x93166d69e5b68c308ae55876cb077135a1d1c7e6127cfe502fa631fec968cee8	{"name": "silent", "steps": [{"name": "before", "task": "Before", "type": "task"}, {"name": "think", "task": "Think", "type": "task", "model": "silent", "retry": {"policy": "fixed", "base_delay": "1 hour", "max_attempts": 9}, "timeout": "1 hour"}, {"name": "after", "task": "After {{ $.steps.think.answer }}", "type": "task"}]}	2026-11-22 15:34:42.953583+00
\\xeea3e1509ce53738d523e020a6153389b7261bd8d814cacbb6c7f001c7a3ebd8	{"name": "down", "steps": [{"name": "think", "task": "Think", "type": "task", "model": "down", "retry": {"policy": "fixed", "base_delay": "1 hour", "max_attempts": 9}}]}	2026-11-22 15:34:42.953773+00
\\x7bb021b6253d3be7d509d6eb3031b561c7230771621b66238e3c04849728275f	{"steps": [{"name": "only", "task": "Only", "type": "task"}]}	2026-11-22 15:34:43.006855+00
\\xf05d19b28126eba6c7a77d4d9d2c296100e5cadd39e22108b4ce0f225abecc22	{"steps": [{"name": "only", "task": "Only {{ $.variables.word }}", "type": "task"}]}	2026-11-22 15:34:43.057295+00
\.


--
-- Data for Name: messages; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.messages (due_at, id, workflow_id, kind, body) FROM stdin;
2026-11-22 15:34:43.053582+00	25	01a203e5-3606-74dc-adf1-48798570b772	approval	{"token": 2, "outcome": "approved", "decision": "approved", "step_name": "ask", "approval_id": "01a203e5-360c-74dc-80bb-20e7141966b0", "approver_id": "ann"}
2026-11-22 15:34:43.058367+00	26	01a203e5-3671-7a22-9757-cec55bca8978	start	{"actor": "postgres", "context": {"word": "this"}}
\.


--
-- Data for Name: models; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.models (name, provider, base_url, model, secret_name, parameters, is_default, timeout_seconds, created_at) FROM stdin;
echo	builtin	\N	\N	\N	{}	t	\N	2026-11-22 15:34:42.938487+00
silent	openai	http://127.0.0.1:9901/v1	m	key	{"temperature": 0.5}	f	\N	2026-11-22 15:34:42.944189+00
down	openai	http://127.0.0.1:9902/v1	m	\N	{}	f	\N	2026-11-22 15:34:42.944463+00
\.


--
-- Data for Name: outbox; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.outbox (id, purpose, workflow_id, token, approval_id, channel, method, url, headers, body, secret_name, signing_secret_name, idempotency_key, retry, timeout_seconds, status, attempts, next_attempt_at, response_status, response_body, error_kind, error_message, created_at, finished_at) FROM stdin;
01a203e5-361b-77c3-b0a7-dd3ac8a153ce	inference	01a203e5-3609-77c3-a095-1bddefab929c	2	\N	\N	POST	http://127.0.0.1:9901/v1/chat/completions	{}	{"model":"m","temperature":0.5,"messages":[{"role":"system","content":"You carry out one step of a workflow. Do the task you are given and answer with its result only. If the result is structured, answer with one JSON object."},{"role":"user","content":"Task: Think\\n\\nThe workflow's goal: the goal of silent\\n\\nResults of earlier steps:\\n{\\"before\\":{\\"answer\\":\\"Before\\"}}"}]}	key	\N	01a203e5-361b-77c3-b0a7-dd3ac8a153ce	{"policy": "fixed", "base_delay": "1 hour", "max_attempts": 9}	3600	sending	1	2026-11-22 16:35:42.977225+00	\N	\N	\N	\N	2026-11-22 15:34:42.970566+00	\N
01a203e5-361b-7c2a-a327-70f6fd5b6a2a	inference	01a203e5-3609-7c2a-b9e1-bc1f8a63fff8	1	\N	\N	POST	http://127.0.0.1:9902/v1/chat/completions	{}	{"model":"m","messages":[{"role":"system","content":"You carry out one step of a workflow. Do the task you are given and answer with its result only. If the result is structured, answer with one JSON object."},{"role":"user","content":"Task: Think\\n\\nThe workflow's goal: the goal of down"}]}	\N	\N	01a203e5-361b-7c2a-a327-70f6fd5b6a2a	{"policy": "fixed", "base_delay": "1 hour", "max_attempts": 9}	\N	queued	1	2026-11-22 16:34:25.078599+00	\N	\N	network_error	request to 127.0.0.1 failed: Failed to connect to 127.0.0.1 port 9902 after 0 ms: Couldn't connect to server	2026-11-22 15:34:42.970566+00	\N
01a203e5-361b-70c8-8961-072441baae25	notification	01a203e5-3609-70c8-b803-cc4880b79466	\N	01a203e5-361a-70c8-939a-06ff2ee6d4ac	hook	POST	http://127.0.0.1:9902/hook	{}	{"data": {"title": "Still?", "status": "pending", "step_name": "ask", "decided_at": null, "decided_by": null, "expires_at": null, "approval_id": "01a203e5-361a-70c8-939a-06ff2ee6d4ac", "description": null, "workflow_id": "01a203e5-3609-70c8-b803-cc4880b79466", "context_data": {}, "requested_at": "2026-11-22T15:34:42.971373+00:00", "requested_by": "goes on after failure", "approval_type": "binary", "requested_from": null, "approval_threshold": null, "required_approvers": ["ann", "bob"]}, "type": "approval.requested", "timestamp": "2026-11-22T15:34:42.971621Z"}	\N	\N	01a203e5-361b-70c8-8961-072441baae25	\N	\N	queued	1	2026-11-22 15:34:48.105599+00	\N	\N	network_error	request to 127.0.0.1 failed: Failed to connect to 127.0.0.1 port 9902 after 0 ms: Couldn't connect to server	2026-11-22 15:34:42.970566+00	\N
\.


--
-- Data for Name: workflow_checkpoints; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.workflow_checkpoints (id, workflow_id, name, step_name, description, event, control, data, abandoned, created_by, created_at) FROM stdin;
01a203e5-3607-7ce3-a412-ab13e5cfcaed	01a203e5-3602-7ce3-858f-d8e59539a67c	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795361682950779}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of approved", "variables": {"n": 12345678901234567890.5, "what": "it"}}	f	\N	2026-11-22 15:34:42.950779+00
01a203e5-360b-7307-a08d-f22249a11116	01a203e5-3605-7307-b57e-3021a6871687	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795361682950779}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of rejected", "variables": {"n": 12345678901234567890.5, "what": "it"}}	f	\N	2026-11-22 15:34:42.950779+00
01a203e5-360b-78e6-a311-787ea827e1b2	01a203e5-3605-78e6-b4d1-43e470ab00bf	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795361682950779}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of cancelled", "variables": {"n": 12345678901234567890.5, "what": "it"}}	f	\N	2026-11-22 15:34:42.950779+00
01a203e5-360b-7733-b180-c99105901fa6	01a203e5-3605-7733-b339-8f7b42469a52	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795361682950779}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of rolled back", "variables": {"n": 12345678901234567890.5, "what": "it"}}	f	\N	2026-11-22 15:34:42.950779+00
01a203e5-360b-752d-9afd-7fe01dd2c2ed	01a203e5-3605-752d-b905-da1508d53b66	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795361682950779}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of gone on", "variables": {"n": 12345678901234567890.5, "what": "it"}}	f	\N	2026-11-22 15:34:42.950779+00
01a203e5-360c-7b0b-a237-1672fde44622	01a203e5-3606-7b0b-9188-b1f719b765a4	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795361682950779}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of waiting", "variables": {"n": 12345678901234567890.5, "what": "it"}}	f	\N	2026-11-22 15:34:42.950779+00
01a203e5-360c-74dc-93e6-c0f5e067a604	01a203e5-3606-74dc-adf1-48798570b772	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795361682950779}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of answered", "variables": {"n": 12345678901234567890.5, "what": "it"}}	f	\N	2026-11-22 15:34:42.950779+00
01a203e5-361a-7fe5-b6e8-6fe5ebd8c6a6	01a203e5-3609-7fe5-a7d8-44aaca5ad8d9	drop	drop	\N	4	{"token": 0, "total": 1, "active": [{"step": "drop", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/0", "since_us": 1795361682970613, "checkpointed": true}], "status": "running", "entered": 1, "completed": 0}	{"task": "the goal of asked before", "variables": {}}	f	\N	2026-11-22 15:34:42.970613+00
01a203e5-3634-7ce3-96f7-bc7d462ba8da	01a203e5-3602-7ce3-858f-d8e59539a67c	last	last	\N	11	{"token": 2, "total": 4, "active": [{"step": "last", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/3", "since_us": 1795361682996568, "checkpointed": true}], "status": "running", "entered": 4, "completed": 3}	{"task": "the goal of approved", "steps": {"ask": {"decision": "approved", "feedback": "as approved", "approval_id": "01a203e5-360b-7ce3-967b-d20bef48ffd1", "approver_id": "ann"}, "first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	f	\N	2026-11-22 15:34:42.996568+00
01a203e5-363d-7b0b-a37b-37290bd5080e	01a203e5-3606-7b0b-9188-b1f719b765a4	by hand	\N	while it waits	8	{"token": 2, "total": 4, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 2, "attempt": 1, "position": "/steps/2", "since_us": 1795361682950779}], "status": "waiting_approval", "entered": 3, "completed": 2}	{"task": "the goal of waiting", "steps": {"first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	f	postgres	2026-11-22 15:34:43.00586+00
\.


--
-- Data for Name: workflow_events; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.workflow_events (workflow_id, seq, event_type, step_name, "position", data, delta, actor, created_at) FROM stdin;
01a203e5-3602-7ce3-858f-d8e59539a67c	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	2026-11-22 15:34:42.948311+00
01a203e5-3605-7307-b57e-3021a6871687	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	2026-11-22 15:34:42.949666+00
01a203e5-3605-78e6-b4d1-43e470ab00bf	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	2026-11-22 15:34:42.949833+00
01a203e5-3605-7733-b339-8f7b42469a52	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	2026-11-22 15:34:42.949912+00
01a203e5-3605-752d-b905-da1508d53b66	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	2026-11-22 15:34:42.949984+00
01a203e5-3606-7b0b-9188-b1f719b765a4	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	2026-11-22 15:34:42.950191+00
01a203e5-3606-74dc-adf1-48798570b772	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	2026-11-22 15:34:42.950237+00
01a203e5-3608-71b5-89d2-e90df164a690	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	2026-11-22 15:34:42.952518+00
01a203e5-3608-7c07-9c4d-11af82aa7630	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	2026-11-22 15:34:42.952973+00
01a203e5-3609-70c8-b803-cc4880b79466	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	2026-11-22 15:34:42.953171+00
01a203e5-3609-7f96-a203-a221e7ee2e74	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	2026-11-22 15:34:42.953379+00
01a203e5-3609-7fe5-a7d8-44aaca5ad8d9	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	2026-11-22 15:34:42.953512+00
01a203e5-3609-77c3-a095-1bddefab929c	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	2026-11-22 15:34:42.953659+00
01a203e5-3609-7c2a-b9e1-bc1f8a63fff8	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	2026-11-22 15:34:42.953843+00
01a203e5-3602-7ce3-858f-d8e59539a67c	2	state_updated	\N	\N	\N	{"task": "the goal of approved"}	postgres	2026-11-22 15:34:42.950779+00
01a203e5-3602-7ce3-858f-d8e59539a67c	3	workflow_started	\N	\N	\N	\N	postgres	2026-11-22 15:34:42.950779+00
01a203e5-3602-7ce3-858f-d8e59539a67c	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a203e5-3607-7ce3-a412-ab13e5cfcaed"}	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3602-7ce3-858f-d8e59539a67c	5	step_completed	begin	/steps/0	\N	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3602-7ce3-858f-d8e59539a67c	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	2026-11-22 15:34:42.950779+00
01a203e5-3602-7ce3-858f-d8e59539a67c	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a203e5-360b-7ce3-967b-d20bef48ffd1"}	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-7307-b57e-3021a6871687	2	state_updated	\N	\N	\N	{"task": "the goal of rejected"}	postgres	2026-11-22 15:34:42.950779+00
01a203e5-3605-7307-b57e-3021a6871687	3	workflow_started	\N	\N	\N	\N	postgres	2026-11-22 15:34:42.950779+00
01a203e5-3605-7307-b57e-3021a6871687	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a203e5-360b-7307-a08d-f22249a11116"}	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-7307-b57e-3021a6871687	5	step_completed	begin	/steps/0	\N	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-7307-b57e-3021a6871687	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-7307-b57e-3021a6871687	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a203e5-360b-7307-90db-7715ea6e7514"}	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-78e6-b4d1-43e470ab00bf	2	state_updated	\N	\N	\N	{"task": "the goal of cancelled"}	postgres	2026-11-22 15:34:42.950779+00
01a203e5-3605-78e6-b4d1-43e470ab00bf	3	workflow_started	\N	\N	\N	\N	postgres	2026-11-22 15:34:42.950779+00
01a203e5-3605-78e6-b4d1-43e470ab00bf	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a203e5-360b-78e6-a311-787ea827e1b2"}	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-78e6-b4d1-43e470ab00bf	5	step_completed	begin	/steps/0	\N	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-78e6-b4d1-43e470ab00bf	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-78e6-b4d1-43e470ab00bf	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a203e5-360b-78e6-a0e1-15eb6b0334b6"}	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-7733-b339-8f7b42469a52	2	state_updated	\N	\N	\N	{"task": "the goal of rolled back"}	postgres	2026-11-22 15:34:42.950779+00
01a203e5-3605-7733-b339-8f7b42469a52	3	workflow_started	\N	\N	\N	\N	postgres	2026-11-22 15:34:42.950779+00
01a203e5-3605-7733-b339-8f7b42469a52	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a203e5-360b-7733-b180-c99105901fa6"}	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-7733-b339-8f7b42469a52	5	step_completed	begin	/steps/0	\N	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-7733-b339-8f7b42469a52	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-7733-b339-8f7b42469a52	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a203e5-360b-7733-b427-a29e6f2b0613"}	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-752d-b905-da1508d53b66	2	state_updated	\N	\N	\N	{"task": "the goal of gone on"}	postgres	2026-11-22 15:34:42.950779+00
01a203e5-3605-752d-b905-da1508d53b66	3	workflow_started	\N	\N	\N	\N	postgres	2026-11-22 15:34:42.950779+00
01a203e5-3605-752d-b905-da1508d53b66	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a203e5-360b-752d-9afd-7fe01dd2c2ed"}	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-752d-b905-da1508d53b66	5	step_completed	begin	/steps/0	\N	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-752d-b905-da1508d53b66	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	2026-11-22 15:34:42.950779+00
01a203e5-3605-752d-b905-da1508d53b66	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a203e5-360c-752d-81cd-06dfa9869b9d"}	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3606-7b0b-9188-b1f719b765a4	2	state_updated	\N	\N	\N	{"task": "the goal of waiting"}	postgres	2026-11-22 15:34:42.950779+00
01a203e5-3606-7b0b-9188-b1f719b765a4	3	workflow_started	\N	\N	\N	\N	postgres	2026-11-22 15:34:42.950779+00
01a203e5-3606-7b0b-9188-b1f719b765a4	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a203e5-360c-7b0b-a237-1672fde44622"}	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3606-7b0b-9188-b1f719b765a4	5	step_completed	begin	/steps/0	\N	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3606-7b0b-9188-b1f719b765a4	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	2026-11-22 15:34:42.950779+00
01a203e5-3606-7b0b-9188-b1f719b765a4	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a203e5-360c-7b0b-b5c7-25d339c3b22d"}	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3606-74dc-adf1-48798570b772	2	state_updated	\N	\N	\N	{"task": "the goal of answered"}	postgres	2026-11-22 15:34:42.950779+00
01a203e5-3606-74dc-adf1-48798570b772	3	workflow_started	\N	\N	\N	\N	postgres	2026-11-22 15:34:42.950779+00
01a203e5-3606-74dc-adf1-48798570b772	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a203e5-360c-74dc-93e6-c0f5e067a604"}	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3606-74dc-adf1-48798570b772	5	step_completed	begin	/steps/0	\N	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3606-74dc-adf1-48798570b772	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	2026-11-22 15:34:42.950779+00
01a203e5-3606-74dc-adf1-48798570b772	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a203e5-360c-74dc-80bb-20e7141966b0"}	\N	\N	2026-11-22 15:34:42.950779+00
01a203e5-3608-71b5-89d2-e90df164a690	2	state_updated	\N	\N	\N	{"task": "the goal of completed"}	postgres	2026-11-22 15:34:42.970613+00
01a203e5-3608-71b5-89d2-e90df164a690	3	workflow_started	\N	\N	\N	\N	postgres	2026-11-22 15:34:42.970613+00
01a203e5-3608-71b5-89d2-e90df164a690	4	step_completed	one	/steps/0	\N	{"steps": {"one": {"answer": "One"}}}	\N	2026-11-22 15:34:42.970613+00
01a203e5-3608-71b5-89d2-e90df164a690	5	step_completed	two	/steps/1	\N	{"steps": {"two": {"answer": "Two"}}}	\N	2026-11-22 15:34:42.970613+00
01a203e5-3608-71b5-89d2-e90df164a690	6	workflow_completed	\N	\N	\N	\N	\N	2026-11-22 15:34:42.970613+00
01a203e5-3608-7c07-9c4d-11af82aa7630	2	state_updated	\N	\N	\N	{"task": "the goal of failed"}	postgres	2026-11-22 15:34:42.970613+00
01a203e5-3608-7c07-9c4d-11af82aa7630	3	workflow_started	\N	\N	\N	\N	postgres	2026-11-22 15:34:42.970613+00
01a203e5-3608-7c07-9c4d-11af82aa7630	4	step_failed	bad	/steps/0	{"kind": "validation_error", "message": "template path $.variables.missing matches nothing"}	{"steps": {"bad": {"error": {"kind": "validation_error", "message": "template path $.variables.missing matches nothing"}}}}	\N	2026-11-22 15:34:42.970613+00
01a203e5-3608-7c07-9c4d-11af82aa7630	5	workflow_failed	bad	/steps/0	{"kind": "validation_error", "step": "bad", "message": "template path $.variables.missing matches nothing", "position": "/steps/0"}	\N	\N	2026-11-22 15:34:42.970613+00
01a203e5-3609-70c8-b803-cc4880b79466	2	state_updated	\N	\N	\N	{"task": "the goal of goes on after failure"}	postgres	2026-11-22 15:34:42.970613+00
01a203e5-3609-70c8-b803-cc4880b79466	3	workflow_started	\N	\N	\N	\N	postgres	2026-11-22 15:34:42.970613+00
01a203e5-3609-70c8-b803-cc4880b79466	4	step_failed	bad	/steps/0	{"kind": "validation_error", "message": "template path $.variables.missing matches nothing"}	{"steps": {"bad": {"error": {"kind": "validation_error", "message": "template path $.variables.missing matches nothing"}}}}	\N	2026-11-22 15:34:42.970613+00
01a203e5-3609-70c8-b803-cc4880b79466	5	approval_requested	ask	/steps/1	{"title": "Still?", "approval_id": "01a203e5-361a-70c8-939a-06ff2ee6d4ac"}	\N	\N	2026-11-22 15:34:42.970613+00
01a203e5-3609-7f96-a203-a221e7ee2e74	2	state_updated	\N	\N	\N	{"task": "the goal of reviewed"}	postgres	2026-11-22 15:34:42.970613+00
01a203e5-3609-7f96-a203-a221e7ee2e74	3	workflow_started	\N	\N	\N	\N	postgres	2026-11-22 15:34:42.970613+00
01a203e5-3609-7f96-a203-a221e7ee2e74	4	approval_requested	draft	/steps/0	{"title": "Good?", "approval_id": "01a203e5-361a-7f96-ab3b-cb41bcf3fcb7"}	\N	\N	2026-11-22 15:34:42.970613+00
01a203e5-3609-7fe5-a7d8-44aaca5ad8d9	2	state_updated	\N	\N	\N	{"task": "the goal of asked before"}	postgres	2026-11-22 15:34:42.970613+00
01a203e5-3609-7fe5-a7d8-44aaca5ad8d9	3	workflow_started	\N	\N	\N	\N	postgres	2026-11-22 15:34:42.970613+00
01a203e5-3609-7fe5-a7d8-44aaca5ad8d9	4	checkpoint_created	drop	/steps/0	{"checkpoint": "drop", "checkpoint_id": "01a203e5-361a-7fe5-b6e8-6fe5ebd8c6a6"}	\N	\N	2026-11-22 15:34:42.970613+00
01a203e5-3609-7fe5-a7d8-44aaca5ad8d9	5	approval_requested	drop	/steps/0	{"title": "Drop?", "approval_id": "01a203e5-361a-7fe5-bb79-ee385b4b9ca9"}	\N	\N	2026-11-22 15:34:42.970613+00
01a203e5-3609-77c3-a095-1bddefab929c	2	state_updated	\N	\N	\N	{"task": "the goal of silent"}	postgres	2026-11-22 15:34:42.970613+00
01a203e5-3609-77c3-a095-1bddefab929c	3	workflow_started	\N	\N	\N	\N	postgres	2026-11-22 15:34:42.970613+00
01a203e5-3609-77c3-a095-1bddefab929c	4	step_completed	before	/steps/0	\N	{"steps": {"before": {"answer": "Before"}}}	\N	2026-11-22 15:34:42.970613+00
01a203e5-3609-77c3-a095-1bddefab929c	5	task_requested	think	/steps/1	{"model": "silent", "request_id": "01a203e5-361b-77c3-b0a7-dd3ac8a153ce"}	\N	\N	2026-11-22 15:34:42.970613+00
01a203e5-3609-7c2a-b9e1-bc1f8a63fff8	2	state_updated	\N	\N	\N	{"task": "the goal of down"}	postgres	2026-11-22 15:34:42.970613+00
01a203e5-3609-7c2a-b9e1-bc1f8a63fff8	3	workflow_started	\N	\N	\N	\N	postgres	2026-11-22 15:34:42.970613+00
01a203e5-3609-7c2a-b9e1-bc1f8a63fff8	4	task_requested	think	/steps/0	{"model": "down", "request_id": "01a203e5-361b-7c2a-a327-70f6fd5b6a2a"}	\N	\N	2026-11-22 15:34:42.970613+00
01a203e5-3602-7ce3-858f-d8e59539a67c	8	approval_responded	ask	\N	{"decision": "approved", "feedback": "as approved", "approval_id": "01a203e5-360b-7ce3-967b-d20bef48ffd1"}	\N	ann	2026-11-22 15:34:42.996568+00
01a203e5-3602-7ce3-858f-d8e59539a67c	9	approval_approved	ask	\N	{"approval_id": "01a203e5-360b-7ce3-967b-d20bef48ffd1"}	\N	\N	2026-11-22 15:34:42.996568+00
01a203e5-3602-7ce3-858f-d8e59539a67c	10	step_completed	ask	/steps/2	\N	{"steps": {"ask": {"decision": "approved", "feedback": "as approved", "approval_id": "01a203e5-360b-7ce3-967b-d20bef48ffd1", "approver_id": "ann"}}}	\N	2026-11-22 15:34:42.996568+00
01a203e5-3602-7ce3-858f-d8e59539a67c	11	checkpoint_created	last	/steps/3	{"checkpoint": "last", "checkpoint_id": "01a203e5-3634-7ce3-96f7-bc7d462ba8da"}	\N	\N	2026-11-22 15:34:42.996568+00
01a203e5-3602-7ce3-858f-d8e59539a67c	12	step_completed	last	/steps/3	\N	{"steps": {"last": {"answer": "Finish after Do it"}}}	\N	2026-11-22 15:34:42.996568+00
01a203e5-3602-7ce3-858f-d8e59539a67c	13	workflow_completed	\N	\N	\N	\N	\N	2026-11-22 15:34:42.996568+00
01a203e5-3605-7307-b57e-3021a6871687	8	approval_responded	ask	\N	{"decision": "rejected", "feedback": "as rejected", "approval_id": "01a203e5-360b-7307-90db-7715ea6e7514"}	\N	ann	2026-11-22 15:34:42.999058+00
01a203e5-3605-7307-b57e-3021a6871687	9	approval_rejected	ask	\N	{"approval_id": "01a203e5-360b-7307-90db-7715ea6e7514"}	\N	\N	2026-11-22 15:34:42.999058+00
01a203e5-3605-7307-b57e-3021a6871687	10	step_failed	ask	/steps/2	{"kind": "rejected", "message": "rejected by ann: as rejected"}	{"steps": {"ask": {"decision": "rejected", "feedback": "as rejected", "approval_id": "01a203e5-360b-7307-90db-7715ea6e7514", "approver_id": "ann"}}}	\N	2026-11-22 15:34:42.999058+00
01a203e5-3605-7307-b57e-3021a6871687	11	workflow_rejected	ask	/steps/2	{"kind": "rejected", "step": "ask", "message": "rejected by ann: as rejected", "position": "/steps/2"}	\N	\N	2026-11-22 15:34:42.999058+00
01a203e5-3605-752d-b905-da1508d53b66	10	workflow_resumed	\N	\N	\N	\N	postgres	2026-11-22 15:34:43.004336+00
01a203e5-3605-752d-b905-da1508d53b66	11	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do something else"}}}	\N	2026-11-22 15:34:43.004336+00
01a203e5-3605-752d-b905-da1508d53b66	12	approval_requested	ask	/steps/2	{"title": "Go on with something else?", "approval_id": "01a203e5-363c-752d-98d5-22c8d1510cd6"}	\N	\N	2026-11-22 15:34:43.004336+00
01a203e5-3605-78e6-b4d1-43e470ab00bf	8	workflow_cancelled	\N	\N	{"actor": "postgres", "reason": "enough"}	\N	postgres	2026-11-22 15:34:42.999784+00
01a203e5-3605-7733-b339-8f7b42469a52	8	rolled_back	\N	\N	{"reason": "again", "checkpoint": "begin"}	{"$": {"task": "the goal of rolled back", "variables": {"n": 12345678901234567890.5, "what": "it"}}}	postgres	2026-11-22 15:34:43.001851+00
01a203e5-3605-752d-b905-da1508d53b66	8	rolled_back	\N	\N	{"reason": "again", "checkpoint": "begin"}	{"$": {"task": "the goal of gone on", "variables": {"n": 12345678901234567890.5, "what": "it"}}}	postgres	2026-11-22 15:34:43.003021+00
01a203e5-3605-752d-b905-da1508d53b66	9	state_updated	\N	\N	\N	{"variables": {"what": "something else"}}	postgres	2026-11-22 15:34:43.00358+00
01a203e5-3606-7b0b-9188-b1f719b765a4	8	checkpoint_created	\N	\N	{"checkpoint": "by hand", "description": "while it waits", "checkpoint_id": "01a203e5-363d-7b0b-a37b-37290bd5080e"}	\N	postgres	2026-11-22 15:34:43.00586+00
01a203e5-363e-7e01-9c91-3d96ce5bafbd	1	workflow_created	\N	\N	\N	{"variables": {}}	postgres	2026-11-22 15:34:43.006954+00
01a203e5-363e-7209-9b26-70f2b760c7f4	1	workflow_created	\N	\N	\N	{"variables": {}}	postgres	2026-11-22 15:34:43.007052+00
01a203e5-363e-7e01-9c91-3d96ce5bafbd	2	status_changed	\N	\N	{"to": "running", "from": "pending"}	\N	postgres	2026-11-22 15:34:43.007199+00
01a203e5-363e-7e01-9c91-3d96ce5bafbd	3	status_changed	\N	\N	{"to": "paused", "from": "running"}	\N	postgres	2026-11-22 15:34:43.007669+00
01a203e5-363f-793c-86a8-1e448b9941d1	1	workflow_created	\N	\N	\N	{"variables": {}}	clerk	2026-11-22 15:34:43.008061+00
01a203e5-3671-7a22-9757-cec55bca8978	1	workflow_created	\N	\N	\N	{"variables": {}}	postgres	2026-11-22 15:34:43.058178+00
\.


--
-- Data for Name: workflows; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.workflows (id, name, description, status, definition_hash, control, data, error, last_event, owner, created_by, created_at, started_at, finished_at) FROM stdin;
01a203e5-3605-7307-b57e-3021a6871687	rejected	by workflows-0.1.0.sql	rejected	\\xf1594ccccea6e6f2827334c26d7fdee3dfba3e5a20b945a54d0ceaa00a1e0fdb	{"token": 2, "total": 4, "active": [], "status": "rejected", "entered": 3, "completed": 2}	{"task": "the goal of rejected", "steps": {"ask": {"decision": "rejected", "feedback": "as rejected", "approval_id": "01a203e5-360b-7307-90db-7715ea6e7514", "approver_id": "ann"}, "first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	11	postgres	tester	2026-11-22 15:34:42.94626+00	2026-11-22 15:34:42.950779+00	2026-11-22 15:34:42.999058+00
01a203e5-3605-78e6-b4d1-43e470ab00bf	cancelled	by workflows-0.1.0.sql	cancelled	\\x1401fab14bf0b4e7085da04ee51155eb01a1f7de156ecc164859b1015c4dc9b5	{"token": 2, "total": 4, "active": [], "status": "cancelled", "entered": 3, "completed": 2}	{"task": "the goal of cancelled", "steps": {"first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	8	postgres	tester	2026-11-22 15:34:42.94626+00	2026-11-22 15:34:42.950779+00	2026-11-22 15:34:42.999784+00
01a203e5-3606-74dc-adf1-48798570b772	answered	by workflows-0.1.0.sql	waiting_approval	\\x86c09b594674b892dab50d5a88c659501252233021481094b2e742a9d7eeefef	{"token": 2, "total": 4, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 2, "attempt": 1, "position": "/steps/2", "since_us": 1795361682950779}], "status": "waiting_approval", "entered": 3, "completed": 2}	{"task": "the goal of answered", "steps": {"first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	7	postgres	tester	2026-11-22 15:34:42.94626+00	2026-11-22 15:34:42.950779+00	\N
01a203e5-3608-71b5-89d2-e90df164a690	completed	by workflows-0.1.0.sql	completed	\\xf64e5b0c29da487b10763427af74d331ac10182b39dbdd533e4bbeaab119e30b	{"token": 2, "total": 2, "active": [], "status": "completed", "entered": 2, "completed": 2}	{"task": "the goal of completed", "steps": {"one": {"answer": "One"}, "two": {"answer": "Two"}}, "variables": {}}	\N	6	postgres	tester	2026-11-22 15:34:42.952368+00	2026-11-22 15:34:42.970613+00	2026-11-22 15:34:42.970613+00
01a203e5-3608-7c07-9c4d-11af82aa7630	failed	by workflows-0.1.0.sql	failed	\\x488150a4abe89299d42eb1a3814bd2685f2072ce1195df577dd56443e50857b7	{"token": 0, "total": 1, "active": [], "status": "failed", "entered": 1, "completed": 0}	{"task": "the goal of failed", "steps": {"bad": {"error": {"kind": "validation_error", "message": "template path $.variables.missing matches nothing"}}}, "variables": {}}	{"kind": "validation_error", "step": "bad", "message": "template path $.variables.missing matches nothing", "position": "/steps/0"}	5	postgres	tester	2026-11-22 15:34:42.952744+00	2026-11-22 15:34:42.970613+00	2026-11-22 15:34:42.970613+00
01a203e5-3609-70c8-b803-cc4880b79466	goes on after failure	by workflows-0.1.0.sql	waiting_approval	\\x6dedd5053ccbf12ae0ac828c391c392de38a0c56437192d04eaa657a45ab1b2e	{"token": 1, "total": 3, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/1", "since_us": 1795361682970613}], "status": "waiting_approval", "entered": 2, "completed": 1}	{"task": "the goal of goes on after failure", "steps": {"bad": {"error": {"kind": "validation_error", "message": "template path $.variables.missing matches nothing"}}}, "variables": {}}	\N	5	postgres	tester	2026-11-22 15:34:42.953083+00	2026-11-22 15:34:42.970613+00	\N
01a203e5-3602-7ce3-858f-d8e59539a67c	approved	by workflows-0.1.0.sql	completed	\\x14aa09278ac956612c7ede398095462ec5deb90de8d5d59800cc5fe2277cd6da	{"token": 3, "total": 4, "active": [], "status": "completed", "entered": 4, "completed": 4}	{"task": "the goal of approved", "steps": {"ask": {"decision": "approved", "feedback": "as approved", "approval_id": "01a203e5-360b-7ce3-967b-d20bef48ffd1", "approver_id": "ann"}, "last": {"answer": "Finish after Do it"}, "first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	13	postgres	tester	2026-11-22 15:34:42.94626+00	2026-11-22 15:34:42.950779+00	2026-11-22 15:34:42.996568+00
01a203e5-3605-7733-b339-8f7b42469a52	rolled back	by workflows-0.1.0.sql	rolled_back	\\x036fb797eecaa4bcb01815f3c48dfb091c4089be26096c88bf35a52023ed78a4	{"round": 1, "token": 2, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 2, "position": "/steps/1", "since_us": 1795361682950779}], "status": "rolled_back", "entered": 3, "completed": 1}	{"task": "the goal of rolled back", "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	8	postgres	tester	2026-11-22 15:34:42.94626+00	2026-11-22 15:34:42.950779+00	\N
01a203e5-3609-77c3-a095-1bddefab929c	silent	by workflows-0.1.0.sql	running	\\x93166d69e5b68c308ae55876cb077135a1d1c7e6127cfe502fa631fec968cee8	{"token": 2, "total": 3, "active": [{"step": "think", "type": "task", "state": "waiting_reply", "token": 2, "attempt": 1, "position": "/steps/1", "since_us": 1795361682970613}], "status": "running", "entered": 2, "completed": 1}	{"task": "the goal of silent", "steps": {"before": {"answer": "Before"}}, "variables": {}}	\N	5	postgres	tester	2026-11-22 15:34:42.953583+00	2026-11-22 15:34:42.970613+00	\N
01a203e5-3609-7c2a-b9e1-bc1f8a63fff8	down	by workflows-0.1.0.sql	running	\\xeea3e1509ce53738d523e020a6153389b7261bd8d814cacbb6c7f001c7a3ebd8	{"token": 1, "total": 1, "active": [{"step": "think", "type": "task", "state": "waiting_reply", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795361682970613}], "status": "running", "entered": 1, "completed": 0}	{"task": "the goal of down", "variables": {}}	\N	4	postgres	tester	2026-11-22 15:34:42.953773+00	2026-11-22 15:34:42.970613+00	\N
01a203e5-3609-7f96-a203-a221e7ee2e74	reviewed	by workflows-0.1.0.sql	waiting_approval	\\x951ee6a4641131265903ff0bbe886ad337326b4c15ced74ef893a816cc4fa9b4	{"token": 2, "total": 2, "active": [{"call": {"task": "Draft", "model": null, "retry": null, "context": {}, "instructions": null, "timeout_seconds": null}, "step": "draft", "type": "task", "state": "waiting_approval", "token": 2, "result": {"answer": "Draft"}, "attempt": 1, "position": "/steps/0", "since_us": 1795361682970613}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of reviewed", "variables": {}}	\N	4	postgres	tester	2026-11-22 15:34:42.953297+00	2026-11-22 15:34:42.970613+00	\N
01a203e5-3609-7fe5-a7d8-44aaca5ad8d9	asked before	by workflows-0.1.0.sql	waiting_approval	\\x0e6da3f57e4764d9797454587042a4b46ddc35aa8d594be283278223e07fafc6	{"token": 1, "total": 1, "active": [{"call": {"task": "Drop it", "model": null, "retry": null, "context": {}, "instructions": null, "timeout_seconds": null}, "step": "drop", "type": "task", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795361682970613, "checkpointed": true}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asked before", "variables": {}}	\N	5	postgres	tester	2026-11-22 15:34:42.953453+00	2026-11-22 15:34:42.970613+00	\N
01a203e5-3606-7b0b-9188-b1f719b765a4	waiting	by workflows-0.1.0.sql	waiting_approval	\\x0143996c856008f8ad8092b6b825b2b34f2dd91f354132753ba61bb6c35c1c35	{"token": 2, "total": 4, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 2, "attempt": 1, "position": "/steps/2", "since_us": 1795361682950779}], "status": "waiting_approval", "entered": 3, "completed": 2}	{"task": "the goal of waiting", "steps": {"first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	8	postgres	tester	2026-11-22 15:34:42.94626+00	2026-11-22 15:34:42.950779+00	\N
01a203e5-3605-752d-b905-da1508d53b66	gone on	by workflows-0.1.0.sql	waiting_approval	\\x428a800bd72d400bafa2a2870c4f0b29725e56604abb52a4d67cbda07600faec	{"round": 1, "token": 4, "total": 4, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 4, "attempt": 2, "position": "/steps/2", "since_us": 1795361683004336}], "status": "waiting_approval", "entered": 5, "completed": 2}	{"task": "the goal of gone on", "steps": {"first": {"answer": "Do something else"}}, "variables": {"n": 12345678901234567890.5, "what": "something else"}}	\N	12	postgres	tester	2026-11-22 15:34:42.94626+00	2026-11-22 15:34:42.950779+00	\N
01a203e5-363e-7209-9b26-70f2b760c7f4	pending	\N	pending	\\x7bb021b6253d3be7d509d6eb3031b561c7230771621b66238e3c04849728275f	\N	{"variables": {}}	\N	1	postgres	postgres	2026-11-22 15:34:43.006855+00	\N	\N
01a203e5-363e-7e01-9c91-3d96ce5bafbd	by hand	\N	paused	\N	\N	{"variables": {}}	\N	3	postgres	postgres	2026-11-22 15:34:43.006855+00	2026-11-22 15:34:43.007199+00	\N
01a203e5-363f-793c-86a8-1e448b9941d1	of clerk	\N	pending	\\x7bb021b6253d3be7d509d6eb3031b561c7230771621b66238e3c04849728275f	\N	{"variables": {}}	\N	1	clerk	clerk	2026-11-22 15:34:43.007942+00	\N	\N
01a203e5-3671-7a22-9757-cec55bca8978	due	\N	pending	\\xf05d19b28126eba6c7a77d4d9d2c296100e5cadd39e22108b4ce0f225abecc22	\N	{"variables": {}}	\N	1	postgres	postgres	2026-11-22 15:34:43.057295+00	\N	\N
\.


--
-- Name: messages_id_seq; Type: SEQUENCE SET; Schema: hitl; Owner: postgres
--

SELECT pg_catalog.setval('hitl.messages_id_seq', 26, true);


--
-- Name: SCHEMA hitl; Type: ACL; Schema: -; Owner: postgres
--

GRANT USAGE ON SCHEMA hitl TO reader;
GRANT USAGE ON SCHEMA hitl TO boss;
GRANT USAGE ON SCHEMA hitl TO clerk;
GRANT USAGE ON SCHEMA hitl TO chief;
GRANT USAGE ON SCHEMA hitl TO "Some One";


--
-- Name: PROCEDURE await_approval(IN approval_id uuid, IN timeout interval, INOUT status text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON PROCEDURE hitl.await_approval(IN approval_id uuid, IN timeout interval, INOUT status text) TO reader;
GRANT ALL ON PROCEDURE hitl.await_approval(IN approval_id uuid, IN timeout interval, INOUT status text) TO boss;
GRANT ALL ON PROCEDURE hitl.await_approval(IN approval_id uuid, IN timeout interval, INOUT status text) TO clerk;
GRANT ALL ON PROCEDURE hitl.await_approval(IN approval_id uuid, IN timeout interval, INOUT status text) TO chief;


--
-- Name: PROCEDURE await_workflow(IN workflow_id uuid, IN timeout interval, INOUT status text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON PROCEDURE hitl.await_workflow(IN workflow_id uuid, IN timeout interval, INOUT status text) TO reader;
GRANT ALL ON PROCEDURE hitl.await_workflow(IN workflow_id uuid, IN timeout interval, INOUT status text) TO boss;
GRANT ALL ON PROCEDURE hitl.await_workflow(IN workflow_id uuid, IN timeout interval, INOUT status text) TO clerk;
GRANT ALL ON PROCEDURE hitl.await_workflow(IN workflow_id uuid, IN timeout interval, INOUT status text) TO chief;


--
-- Name: FUNCTION cancel_approval(approval_id uuid, reason text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.cancel_approval(approval_id uuid, reason text) TO clerk;
GRANT ALL ON FUNCTION hitl.cancel_approval(approval_id uuid, reason text) TO chief;


--
-- Name: FUNCTION configure_channel(name text, channel_type text, settings jsonb, signing_secret_name text, is_default boolean, active boolean); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.configure_channel(name text, channel_type text, settings jsonb, signing_secret_name text, is_default boolean, active boolean) TO chief;


--
-- Name: FUNCTION create_checkpoint(workflow_id uuid, checkpoint_name text, step_name text, description text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.create_checkpoint(workflow_id uuid, checkpoint_name text, step_name text, description text) TO clerk;
GRANT ALL ON FUNCTION hitl.create_checkpoint(workflow_id uuid, checkpoint_name text, step_name text, description text) TO chief;


--
-- Name: FUNCTION create_model(name text, base_url text, model text, provider text, secret_name text, parameters jsonb, is_default boolean, timeout_seconds integer); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.create_model(name text, base_url text, model text, provider text, secret_name text, parameters jsonb, is_default boolean, timeout_seconds integer) TO chief;


--
-- Name: FUNCTION create_workflow(name text, description text, workflow_definition jsonb, input_data jsonb, created_by text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.create_workflow(name text, description text, workflow_definition jsonb, input_data jsonb, created_by text) TO clerk;
GRANT ALL ON FUNCTION hitl.create_workflow(name text, description text, workflow_definition jsonb, input_data jsonb, created_by text) TO chief;
GRANT ALL ON FUNCTION hitl.create_workflow(name text, description text, workflow_definition jsonb, input_data jsonb, created_by text) TO "Some One" WITH GRANT OPTION;


--
-- Name: FUNCTION delete_secret(name text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.delete_secret(name text) TO chief;


--
-- Name: TABLE workflow_events; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.workflow_events TO chief;


--
-- Name: TABLE models; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.models TO chief;


--
-- Name: FUNCTION drop_model(name text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.drop_model(name text) TO chief;


--
-- Name: FUNCTION execute_workflow(workflow_id uuid, task text, context jsonb); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.execute_workflow(workflow_id uuid, task text, context jsonb) TO clerk;
GRANT ALL ON FUNCTION hitl.execute_workflow(workflow_id uuid, task text, context jsonb) TO chief;


--
-- Name: FUNCTION expire_approval(approval_id uuid); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.expire_approval(approval_id uuid) TO clerk;
GRANT ALL ON FUNCTION hitl.expire_approval(approval_id uuid) TO chief;


--
-- Name: FUNCTION expire_due_approvals(); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.expire_due_approvals() TO clerk;
GRANT ALL ON FUNCTION hitl.expire_due_approvals() TO chief;


--
-- Name: FUNCTION get_workflow_status(workflow_id uuid); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.get_workflow_status(workflow_id uuid) TO reader;
GRANT ALL ON FUNCTION hitl.get_workflow_status(workflow_id uuid) TO boss;
GRANT ALL ON FUNCTION hitl.get_workflow_status(workflow_id uuid) TO clerk;
GRANT ALL ON FUNCTION hitl.get_workflow_status(workflow_id uuid) TO chief;


--
-- Name: FUNCTION grant_access(grantee name, level text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.grant_access(grantee name, level text) TO chief;


--
-- Name: FUNCTION grant_acting(grantee name, approver_id text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.grant_acting(grantee name, approver_id text) TO chief;


--
-- Name: TABLE approval_requests; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.approval_requests TO chief;


--
-- Name: TABLE approval_responses; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.approval_responses TO chief;


--
-- Name: TABLE pending_approvals; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.pending_approvals TO chief;


--
-- Name: FUNCTION list_pending_approvals(requested_from text, workflow_id uuid); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.list_pending_approvals(requested_from text, workflow_id uuid) TO reader;
GRANT ALL ON FUNCTION hitl.list_pending_approvals(requested_from text, workflow_id uuid) TO boss;
GRANT ALL ON FUNCTION hitl.list_pending_approvals(requested_from text, workflow_id uuid) TO clerk;
GRANT ALL ON FUNCTION hitl.list_pending_approvals(requested_from text, workflow_id uuid) TO chief;


--
-- Name: FUNCTION partition_of(id uuid); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.partition_of(id uuid) TO reader;
GRANT ALL ON FUNCTION hitl.partition_of(id uuid) TO boss;
GRANT ALL ON FUNCTION hitl.partition_of(id uuid) TO clerk;
GRANT ALL ON FUNCTION hitl.partition_of(id uuid) TO chief;


--
-- Name: FUNCTION request_approval(title text, description text, approval_type text, requested_from text, required_approvers text[], approval_threshold integer, timeout_hours numeric, context_data jsonb, workflow_id uuid, requested_by text, channels text[]); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.request_approval(title text, description text, approval_type text, requested_from text, required_approvers text[], approval_threshold integer, timeout_hours numeric, context_data jsonb, workflow_id uuid, requested_by text, channels text[]) TO clerk;
GRANT ALL ON FUNCTION hitl.request_approval(title text, description text, approval_type text, requested_from text, required_approvers text[], approval_threshold integer, timeout_hours numeric, context_data jsonb, workflow_id uuid, requested_by text, channels text[]) TO chief;


--
-- Name: FUNCTION respond_to_approval(approval_id uuid, approver_id text, decision text, response_data jsonb, feedback text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.respond_to_approval(approval_id uuid, approver_id text, decision text, response_data jsonb, feedback text) TO boss;
GRANT ALL ON FUNCTION hitl.respond_to_approval(approval_id uuid, approver_id text, decision text, response_data jsonb, feedback text) TO clerk;
GRANT ALL ON FUNCTION hitl.respond_to_approval(approval_id uuid, approver_id text, decision text, response_data jsonb, feedback text) TO chief;


--
-- Name: FUNCTION retry_request(request_id uuid); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.retry_request(request_id uuid) TO chief;


--
-- Name: FUNCTION revoke_access(grantee name); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.revoke_access(grantee name) TO chief;


--
-- Name: FUNCTION revoke_acting(grantee name, approver_id text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.revoke_acting(grantee name, approver_id text) TO chief;


--
-- Name: FUNCTION rollback_workflow(workflow_id uuid, checkpoint_name text, reason text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.rollback_workflow(workflow_id uuid, checkpoint_name text, reason text) TO clerk;
GRANT ALL ON FUNCTION hitl.rollback_workflow(workflow_id uuid, checkpoint_name text, reason text) TO chief;


--
-- Name: FUNCTION set_secret(name text, value text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.set_secret(name text, value text) TO chief;


--
-- Name: FUNCTION transition_workflow_status(workflow_id uuid, new_status text, reason text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.transition_workflow_status(workflow_id uuid, new_status text, reason text) TO clerk;
GRANT ALL ON FUNCTION hitl.transition_workflow_status(workflow_id uuid, new_status text, reason text) TO chief;


--
-- Name: FUNCTION update_workflow_state(workflow_id uuid, new_state jsonb, step_name text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.update_workflow_state(workflow_id uuid, new_state jsonb, step_name text) TO clerk;
GRANT ALL ON FUNCTION hitl.update_workflow_state(workflow_id uuid, new_state jsonb, step_name text) TO chief;


--
-- Name: FUNCTION uuidv7(partition integer); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.uuidv7(partition integer) TO clerk;
GRANT ALL ON FUNCTION hitl.uuidv7(partition integer) TO chief;
GRANT ALL ON FUNCTION hitl.uuidv7(partition integer) TO "Some One";


--
-- Name: FUNCTION validate_definition(definition jsonb); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.validate_definition(definition jsonb) TO reader;
GRANT ALL ON FUNCTION hitl.validate_definition(definition jsonb) TO boss;
GRANT ALL ON FUNCTION hitl.validate_definition(definition jsonb) TO clerk;
GRANT ALL ON FUNCTION hitl.validate_definition(definition jsonb) TO chief;


--
-- Name: FUNCTION worker_status(OUT kind text, OUT number integer, OUT pid integer, OUT state text, OUT state_since timestamp with time zone, OUT started_at timestamp with time zone, OUT handled bigint, OUT errors bigint, OUT last_error text, OUT last_error_at timestamp with time zone); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.worker_status(OUT kind text, OUT number integer, OUT pid integer, OUT state text, OUT state_since timestamp with time zone, OUT started_at timestamp with time zone, OUT handled bigint, OUT errors bigint, OUT last_error text, OUT last_error_at timestamp with time zone) TO chief;


--
-- Name: FUNCTION workflow_timeline(workflow_id uuid); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.workflow_timeline(workflow_id uuid) TO reader;
GRANT ALL ON FUNCTION hitl.workflow_timeline(workflow_id uuid) TO boss;
GRANT ALL ON FUNCTION hitl.workflow_timeline(workflow_id uuid) TO clerk;
GRANT ALL ON FUNCTION hitl.workflow_timeline(workflow_id uuid) TO chief;


--
-- Name: TABLE acting_grants; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.acting_grants TO chief;


--
-- Name: TABLE channel_configurations; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.channel_configurations TO chief;


--
-- Name: TABLE definitions; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.definitions TO chief;


--
-- Name: TABLE messages; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.messages TO chief;


--
-- Name: TABLE notifications; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.notifications TO chief;


--
-- Name: TABLE secret_names; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.secret_names TO chief;


--
-- Name: TABLE workers; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.workers TO chief;


--
-- Name: TABLE workflow_checkpoints; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.workflow_checkpoints TO chief;


--
-- Name: TABLE workflow_steps; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.workflow_steps TO chief;
GRANT SELECT ON TABLE hitl.workflow_steps TO "Some One";


--
-- Name: TABLE workflows; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.workflows TO chief;


--
-- PostgreSQL database dump complete
--


