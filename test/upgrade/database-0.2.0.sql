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

CREATE EXTENSION hitl WITH SCHEMA pg_catalog VERSION '0.2.0';


--
-- Name: EXTENSION hitl; Type: COMMENT; Schema: -; Owner:
--

COMMENT ON EXTENSION hitl IS 'durable agent workflows, human approvals, checkpoints and rollback';


--
-- Name: be_slow(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.be_slow() RETURNS void
    LANGUAGE sql
    AS $$SELECT pg_sleep(600)$$;


ALTER FUNCTION public.be_slow() OWNER TO postgres;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: claims; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.claims (
    task_id uuid,
    workflow_id uuid,
    step_name text,
    task text,
    context jsonb,
    instructions text,
    attempt integer,
    lease_until timestamp with time zone,
    progress jsonb,
    idempotency_key uuid,
    created_at timestamp with time zone
);


ALTER TABLE public.claims OWNER TO postgres;

--
-- Name: divisor; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.divisor (
    n integer
);


ALTER TABLE public.divisor OWNER TO postgres;

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
boss	ann	postgres	2026-11-26 05:48:56.368455+00
\.


--
-- Data for Name: approval_requests; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.approval_requests (id, workflow_id, token, step_name, title, description, approval_type, requested_from, required_approvers, approval_threshold, context_data, channels, status, content_hash, requested_by, requested_role, requested_at, expires_at, decided_at, decided_by, reason) FROM stdin;
01a21666-5ad9-7fd7-8d7e-541737d3d404	01a21666-5ad7-7fd7-b37b-6c049ed783fe	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	pending	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	waiting	postgres	2026-11-26 05:48:56.412159+00	\N	\N	\N	\N
01a21666-5ad9-770e-a603-ab8328b04a0d	01a21666-5ad7-770e-9b00-a75991d395c4	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	pending	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	paused	postgres	2026-11-26 05:48:56.412173+00	\N	\N	\N	\N
01a21666-5ae4-7173-963e-58453f7efdec	01a21666-5adc-7173-830c-6db3b9cc9595	1	ask	Still?	\N	binary	\N	{ann,bob}	\N	{}	{hook}	pending	\\x24e318912cd1cbb6b1f0b61488a211d50b855e1b16b27ef1183bbf937709b21b	goes on after failure	postgres	2026-11-26 05:48:56.425487+00	\N	\N	\N	\N
01a21666-5ae4-70f3-b5c8-ec2522abb109	01a21666-5adc-70f3-94dd-aafbf7b7bf37	2	draft	Good?	\N	binary	{ann}	\N	\N	{"task": "Draft", "result": {"answer": "Draft"}}	\N	pending	\\x6cf9310bc7c4c0eff637263e343b7ed340cbb1953e1f4b71603b3531f326d3af	reviewed	postgres	2026-11-26 05:48:56.425555+00	\N	\N	\N	\N
01a21666-5ae4-74b7-85ae-883173e57db0	01a21666-5adc-74b7-bd80-9447aa6efc21	1	drop	Drop?	\N	binary	{ann}	\N	\N	{"task": "Drop it"}	\N	pending	\\xc246fdf8d2c886e833cd041bfb0a4fec80e5d4b25b0b1f6b3121846d15275220	asked before	postgres	2026-11-26 05:48:56.425565+00	\N	\N	\N	\N
01a21666-5ae4-7310-adab-2143b0bc70a5	01a21666-5add-7310-ae5b-92db9722b1f9	1	ask	one?	\N	binary	{ann}	\N	\N	{"n": 1}	\N	pending	\\xd693d552a1fa4e8625bb863a3572a3ff8488561e59ae16d1f8b65a5d3b960de3	asks one	postgres	2026-11-26 05:48:56.425572+00	\N	\N	\N	\N
01a21666-5ae4-71c6-9eaf-a5df2763fb53	01a21666-5ade-71c6-a9e0-1c5c2045b02a	1	ask	one?	\N	binary	{ann}	\N	\N	{"n": 1}	\N	pending	\\xd693d552a1fa4e8625bb863a3572a3ff8488561e59ae16d1f8b65a5d3b960de3	asks one, not for ever	postgres	2026-11-26 05:48:56.425579+00	2036-10-04 05:48:56.425579+00	\N	\N	\N
01a21666-5ae4-7159-a13d-45560590d42a	01a21666-5ade-7159-a53f-31be19cbe486	1	ask	a list?	\N	binary	{ann,bob}	\N	\N	{"n": 1}	\N	pending	\\x7a437b8a6f4ba0365729a0f704565b4407958d645e27f50e1c5df512853357fb	asks a list	postgres	2026-11-26 05:48:56.425588+00	\N	\N	\N	\N
01a21666-5ae4-7ab3-9243-d5c906191ef0	01a21666-5ade-7ab3-be90-9ad430b7e701	1	ask	a list?	\N	binary	{ann,bob}	\N	\N	{"n": 1}	\N	pending	\\x7a437b8a6f4ba0365729a0f704565b4407958d645e27f50e1c5df512853357fb	asks a list, not for ever	postgres	2026-11-26 05:48:56.425594+00	2036-10-04 05:48:56.425594+00	\N	\N	\N
01a21666-5ae4-7166-b9ff-c8abad47e64e	01a21666-5ade-7166-a1f5-1d8bc085628a	1	ask	all?	\N	binary	\N	{ann,bob}	\N	{"n": 1}	\N	pending	\\x3eeb8fd1b8e6889974aaf68eb86a9859caa6b92355b0635c2678701143b52a21	asks all, not for ever	postgres	2026-11-26 05:48:56.425607+00	2036-10-04 05:48:56.425607+00	\N	\N	\N
01a21666-5ae4-79cd-a3af-c4607eb3c5d9	01a21666-5adf-79cd-853f-4eb8348fe345	1	ask	one and another?	\N	binary	{ann,bob}	{ann}	2	{"n": 1}	\N	pending	\\x41615d38c3f183e4d19abf787989b61de18a50e159b58334e02e224dda1d6fbd	asks one and another	postgres	2026-11-26 05:48:56.425627+00	\N	\N	\N	\N
01a21666-5ae4-74af-8fd6-a67c9c17ae45	01a21666-5adf-74af-ba7a-b60f0d110810	1	ask	anybody?	\N	binary	\N	\N	\N	{"n": 1}	\N	pending	\\x1a995160fd98c633da1f2afd013f69775eac28f0c254e2407bb00a04b132e63e	asks anybody	postgres	2026-11-26 05:48:56.42564+00	\N	\N	\N	\N
01a21666-5ae4-724f-b9c7-860930a06f69	01a21666-5adf-724f-9162-ac2fcfd68885	1	ask	anybody?	\N	binary	\N	\N	\N	{"n": 1}	\N	pending	\\x1a995160fd98c633da1f2afd013f69775eac28f0c254e2407bb00a04b132e63e	asks anybody, not for ever	postgres	2026-11-26 05:48:56.425646+00	2036-10-04 05:48:56.425646+00	\N	\N	\N
01a21666-5ae4-7a24-bff9-ebc353642d22	01a21666-5adf-7a24-bc06-2e9d296b4c6b	1	ask	with a form?	A form	form	{ann}	\N	\N	{"n": 1}	\N	pending	\\xac4cf35d6ca89f4cd42fd01afea5ae00e58e20151b256fed49f023281ad405da	asks with a form	postgres	2026-11-26 05:48:56.425653+00	\N	\N	\N	\N
01a21666-5ae4-7b4a-8a5f-2af8c736a124	01a21666-5adf-7b4a-ac37-17275b48af43	1	ask	with a form?	A form	form	{ann}	\N	\N	{"n": 1}	\N	pending	\\xac4cf35d6ca89f4cd42fd01afea5ae00e58e20151b256fed49f023281ad405da	asks with a form, not for ever	postgres	2026-11-26 05:48:56.42566+00	2036-10-04 05:48:56.42566+00	\N	\N	\N
01a21666-5ae4-70fb-8c42-05035eab9c2b	01a21666-5ae0-70fb-925d-0f21bf3f7dc9	1	ask	for a budget?	\N	budget	{ann}	\N	\N	{"n": 1}	\N	pending	\\x18823a84b209e99c141833d7e4241692df22810702bc712f81c503fa2fb64828	asks for a budget	postgres	2026-11-26 05:48:56.425666+00	\N	\N	\N	\N
01a21666-5ae4-7abe-893d-6624aaaf4055	01a21666-5ae0-7abe-8a5a-9f91d4d7bb1c	1	ask	for a budget?	\N	budget	{ann}	\N	\N	{"n": 1}	\N	pending	\\x18823a84b209e99c141833d7e4241692df22810702bc712f81c503fa2fb64828	asks for a budget, not for ever	postgres	2026-11-26 05:48:56.425672+00	2036-10-04 05:48:56.425672+00	\N	\N	\N
01a21666-5ad9-7455-b724-4cdcd687643a	01a21666-5ad7-7455-b540-84470f54a277	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	approved	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	answered	postgres	2026-11-26 05:48:56.412168+00	\N	2026-11-26 05:48:56.53553+00	ann	\N
01a21666-5ae4-7586-90a2-4afb9e2d8fd7	01a21666-5ae0-7586-9205-d3c44cb56535	1	ask	Soon?	\N	binary	{ann}	\N	\N	{}	\N	pending	\\xfd1b5a6f960da7204a736389a4cc9bb0fc4cbb8f8a89b6c80e55644f5985309d	expires	postgres	2026-11-26 05:48:56.425678+00	2026-11-26 05:49:56.425678+00	\N	\N	\N
01a21666-5ae4-7a23-97ad-9fc917cf51eb	01a21666-5ae1-7a23-bade-d4bb27a18632	268435458	left	Left?	\N	binary	{ann}	\N	\N	{}	\N	pending	\\x8736f79adb55608380539eef3d5d9012746fa3d6b1bf70c247510a2a238290bf	branches	postgres	2026-11-26 05:48:56.42603+00	\N	\N	\N	\N
01a21666-5ae6-76b2-ab6d-da9ddb5a5d14	01a21666-5ae2-76b2-9d4c-71c76f53e710	268435459	look	Number 1?	\N	binary	{ann,bob}	\N	\N	{}	\N	pending	\\xdca9aa87055a2242cd6c11953ea9773316d3f14067667f405ca27961ae573814	each	postgres	2026-11-26 05:48:56.426041+00	\N	\N	\N	\N
01a21666-5aef-7fbd-a800-a3ec48499f72	01a21666-5ae9-7fbd-b540-068dc34e63c3	2	ask	Go on?	\N	binary	{ann}	\N	\N	{}	\N	pending	\\xc0a7328fdec76545f3ba1311ad351dff995f28f3f2e7ccb17fd5941f28af640d	to be undone	postgres	2026-11-26 05:48:56.43302+00	\N	\N	\N	\N
01a21666-5af8-7d5d-9127-d1de9e0c6551	01a21666-5aed-7d5d-9619-d779d03d62f9	1	ask	Refund 5?	\N	binary	{ann}	\N	\N	{}	\N	pending	\\x4561f9da3ae7ef9aa6cb5e10f195d31254ea5bf35f51ace7bfea71e0cabe7591	of a template	postgres	2026-11-26 05:48:56.441183+00	\N	\N	\N	\N
01a21666-5af8-749f-ba31-3b1f40104151	01a21666-5aee-749f-aa4c-6e94923818fa	1	ask	Child?	\N	binary	{ann}	\N	\N	{}	\N	pending	\\x7710769c741182758e6dbe8043c71fef116c31f9b4dc3d111369382274bf3b28	child of parent	postgres	2026-11-26 05:48:56.441226+00	\N	\N	\N	\N
01a21666-5afd-79dc-b192-383263784cab	01a21666-5aef-79dc-b2fb-c4cfad1a2eab	1	ask	Next?	\N	binary	{ann}	\N	\N	{}	\N	pending	\\xa6073cd288f7b3753c5e9691388f4abefe8932f82c0780fab15fdc3cdcd4d04c	first of two	postgres	2026-11-26 05:48:56.446108+00	\N	\N	\N	\N
01a21666-5b00-7d41-9fe4-4935c1158350	01a21666-5ae8-7d41-b6cd-fc478b3077ba	2	ask	So much?	\N	binary	{ann}	\N	\N	{}	\N	pending	\\xb8efcfbf19591cd63398429977bd2958517c8833d3129956d267ec71e5fc90d5	large	postgres	2026-11-26 05:48:56.450306+00	\N	\N	\N	\N
01a21666-5ad9-7b2d-878b-83baacf2ab09	01a21666-5ad5-7b2d-befb-8784277ec671	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	approved	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	approved	postgres	2026-11-26 05:48:56.411314+00	\N	2026-11-26 05:48:56.458951+00	ann	\N
01a21666-5ad9-7836-8d44-64606d3d1e02	01a21666-5ad7-7836-9cad-35774c14935c	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	rejected	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	rejected	postgres	2026-11-26 05:48:56.411605+00	\N	2026-11-26 05:48:56.462633+00	ann	\N
01a21666-5ae6-76b2-8546-9b3467231450	01a21666-5ae2-76b2-9d4c-71c76f53e710	536870917	look	Number 2?	\N	binary	{ann,bob}	\N	\N	{}	\N	approved	\\x1170ba5d54c79fac183df65062a7e475cf07826c7ccaa2bc634506942bc4df2b	each	postgres	2026-11-26 05:48:56.426047+00	\N	2026-11-26 05:48:56.464189+00	ann	\N
01a21666-5b10-76b2-9e56-015e822d9d0d	01a21666-5ae2-76b2-9d4c-71c76f53e710	805306376	look	Number 3?	\N	binary	{ann,bob}	\N	\N	{}	\N	pending	\\xbac3130bb554efaa762b8f6f101b0e9c0215a09a4148a92cc86cd000ebcd76c6	each	postgres	2026-11-26 05:48:56.46511+00	\N	\N	\N	\N
01a21666-5ae4-77a8-914d-7dbf825b203a	01a21666-5ade-77a8-bf8f-737f2609a0e5	1	ask	all?	\N	binary	\N	{ann,bob}	\N	{"n": 1}	\N	pending	\\x3eeb8fd1b8e6889974aaf68eb86a9859caa6b92355b0635c2678701143b52a21	asks all	postgres	2026-11-26 05:48:56.4256+00	\N	\N	\N	\N
01a21666-5ae4-7c48-98bb-fced6a25d15b	01a21666-5ade-7c48-bb21-be76445827a5	1	ask	two of three?	\N	binary	{ann,bob,cid}	\N	2	{"n": 1}	\N	pending	\\x5186f9397a6ea8fe6fb5f9a65baab80885a4888925b3a6fae99bcdcc89f59dc5	asks two of three	postgres	2026-11-26 05:48:56.425614+00	\N	\N	\N	\N
01a21666-5ae4-7338-b5c6-651f47629581	01a21666-5ade-7338-91a7-3edbbb3b1111	1	ask	two of three?	\N	binary	{ann,bob,cid}	\N	2	{"n": 1}	\N	pending	\\x5186f9397a6ea8fe6fb5f9a65baab80885a4888925b3a6fae99bcdcc89f59dc5	asks two of three, not for ever	postgres	2026-11-26 05:48:56.42562+00	2036-10-04 05:48:56.42562+00	\N	\N	\N
01a21666-5ae4-7f12-9e73-bf61357b7d47	01a21666-5adf-7f12-aab0-e702cacb75d0	1	ask	one and another?	\N	binary	{ann,bob}	{ann}	2	{"n": 1}	\N	pending	\\x41615d38c3f183e4d19abf787989b61de18a50e159b58334e02e224dda1d6fbd	asks one and another, not for ever	postgres	2026-11-26 05:48:56.425634+00	2036-10-04 05:48:56.425634+00	\N	\N	\N
01a21666-5ad9-7961-afdd-9fa8f0c94008	01a21666-5ad7-7961-ab1c-61078cfd616c	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	cancelled	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	cancelled	postgres	2026-11-26 05:48:56.412135+00	\N	2026-11-26 05:48:56.472397+00	\N	withdrawn by its workflow
01a21666-5ad9-7a9b-a4b7-3136a34dcce5	01a21666-5ad7-7a9b-8e29-15bb77e08138	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	cancelled	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	skipped	postgres	2026-11-26 05:48:56.412179+00	\N	2026-11-26 05:48:56.478168+00	\N	withdrawn by its workflow
01a21666-5ad9-7a51-b5f8-f22cdfa320e6	01a21666-5ad7-7a51-a842-b8be2f0911c8	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	cancelled	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	rolled back	postgres	2026-11-26 05:48:56.412146+00	\N	2026-11-26 05:48:56.485932+00	\N	withdrawn by its workflow
01a21666-5aee-746e-8b54-636c73dbcd56	01a21666-5ae2-746e-8441-b96010c48367	268435458	here	Here?	\N	binary	{ann}	\N	\N	{}	\N	cancelled	\\x094e5015a2b91ddacb259370225c4e9c1022d9b6ae3fd6f80c1085ece0e806c5	back in branches	postgres	2026-11-26 05:48:56.432973+00	\N	2026-11-26 05:48:56.488394+00	\N	withdrawn by its workflow
01a21666-5aee-746e-bafd-ba9072d9a450	01a21666-5ae2-746e-8441-b96010c48367	536870915	there	There?	\N	binary	{ann}	\N	\N	{}	\N	cancelled	\\x518534bd4dd2daf04c6355621a392ed461dc3d738145189348b94e9d3140c8c0	back in branches	postgres	2026-11-26 05:48:56.433006+00	\N	2026-11-26 05:48:56.488428+00	\N	withdrawn by its workflow
01a21666-5aef-7439-98b9-9b074cf483ea	01a21666-5ae8-7439-a355-1619162ed79c	2	ask	Go on?	\N	binary	{ann}	\N	\N	{}	\N	cancelled	\\xc0a7328fdec76545f3ba1311ad351dff995f28f3f2e7ccb17fd5941f28af640d	being undone	postgres	2026-11-26 05:48:56.433014+00	\N	2026-11-26 05:48:56.491254+00	\N	withdrawn by its workflow
01a21666-5b2b-7439-9a04-84d85fa59572	01a21666-5ae8-7439-a355-1619162ed79c	268435459	unpay	Take back?	\N	binary	{ann}	\N	\N	{}	\N	pending	\\x955237c5804562eef0d18ba0ea11d44b3cdc6417ec670e0e934c0bd4b7865a38	being undone	postgres	2026-11-26 05:48:56.492109+00	\N	\N	\N	\N
01a21666-5ad9-7e53-ac9e-399471aa3c4d	01a21666-5ad7-7e53-aa69-8dc2bffab29d	2	ask	Go on with it?	\N	binary	{ann}	\N	\N	{}	\N	cancelled	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	gone on	postgres	2026-11-26 05:48:56.412153+00	\N	2026-11-26 05:48:56.493076+00	\N	withdrawn by its workflow
01a21666-5b2f-7e53-8f57-b5e359f8acae	01a21666-5ad7-7e53-aa69-8dc2bffab29d	4	ask	Go on with something else?	\N	binary	{ann}	\N	\N	{}	\N	pending	\\x295fb40ad01dded6c9ce8ee651de521c71d6865b207725e0881755b296f512a2	gone on	postgres	2026-11-26 05:48:56.495247+00	\N	\N	\N	\N
01a21666-5b3c-706c-9275-b6d29329a2f7	\N	\N	\N	Some day?	\N	binary	\N	{ann,bob}	\N	{}	{hook}	pending	\\x619a9215ff12d06ac57d56dbdbcd99a790e009a3b8b7ea840a1e21d940158ff7	postgres	postgres	2026-11-26 05:48:56.509058+00	\N	\N	\N	\N
01a21666-5b3e-7ef0-a4aa-3a2375f4f994	\N	\N	\N	Anybody?	\N	budget	\N	\N	\N	{"amount": 12.50}	\N	pending	\\x55257712ec484d762a6a27c8aeec4951542f6860f034dae69dcd171e17b1f7ab	postgres	postgres	2026-11-26 05:48:56.51052+00	\N	\N	\N	\N
01a21666-5b3e-783f-b828-35bf3241faf0	\N	\N	\N	Before long?	In years	form	{ann}	\N	\N	{}	\N	pending	\\xe93f00479cc9374e144d51f551b64ceb44a2b273baf6302ebb712cac0605c198	postgres	postgres	2026-11-26 05:48:56.510796+00	2036-01-11 13:48:56.510797+00	\N	\N	\N
01a21666-5b3f-747f-8707-a696ea2a788c	\N	\N	\N	Two?	\N	binary	\N	\N	2	{}	\N	pending	\\x014a0e4451ee9bda0d4573afe136bfb3693bc7c9dd86045548b101ae7af74da0	postgres	postgres	2026-11-26 05:48:56.511118+00	\N	\N	\N	\N
01a21666-5b3f-7806-ab25-e50059c676b1	\N	\N	\N	Yes?	\N	binary	\N	\N	\N	{}	\N	approved	\\x4e22ab49a44b29662bd918c40c0b0845a35273f223d09d0ee3d2d180561f5ad6	postgres	postgres	2026-11-26 05:48:56.511949+00	\N	2026-11-26 05:48:56.512061+00	ann	\N
01a21666-5b40-79c8-80df-246e21e8ff9b	\N	\N	\N	No?	\N	binary	{ann}	\N	\N	{}	\N	rejected	\\x155fd3a814fa697a05652aae265c8ef5713686e0ac6124a41ea629e0552cbafd	postgres	postgres	2026-11-26 05:48:56.512129+00	\N	2026-11-26 05:48:56.512206+00	ann	\N
01a21666-5b40-7937-a86e-8b68f372a7eb	\N	\N	\N	Never mind?	\N	binary	\N	\N	\N	{}	\N	cancelled	\\xe680351faf7dd4b4dd6d36fffacc5cefc966d8192c1099bac912d9013032f390	postgres	postgres	2026-11-26 05:48:56.512263+00	\N	2026-11-26 05:48:56.51252+00	postgres	answered elsewhere
01a21666-5b40-739a-b4c5-b69a520fdb91	\N	\N	\N	Too late?	\N	binary	\N	\N	\N	{}	\N	expired	\\xc4032551be0f4f60d09de088fea0588629c2ea8b7d08908a58b274d805bb4a6a	postgres	postgres	2026-11-26 05:48:56.512611+00	2026-11-26 06:48:56.512611+00	2026-11-26 05:48:56.512676+00	postgres	\N
\.


--
-- Data for Name: approval_responses; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.approval_responses (approval_id, approver_id, decision, response_data, feedback, content_hash, session_role, caller_role, responded_at) FROM stdin;
01a21666-5ad9-7b2d-878b-83baacf2ab09	ann	approved	\N	as approved	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	postgres	postgres	2026-11-26 05:48:56.458562+00
01a21666-5ad9-7836-8d44-64606d3d1e02	ann	rejected	\N	as rejected	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	postgres	postgres	2026-11-26 05:48:56.4626+00
01a21666-5ae6-76b2-8546-9b3467231450	ann	approved	\N	as each	\\x1170ba5d54c79fac183df65062a7e475cf07826c7ccaa2bc634506942bc4df2b	postgres	postgres	2026-11-26 05:48:56.464159+00
01a21666-5ae4-77a8-914d-7dbf825b203a	ann	approved	\N	as asks all	\\x3eeb8fd1b8e6889974aaf68eb86a9859caa6b92355b0635c2678701143b52a21	postgres	postgres	2026-11-26 05:48:56.466343+00
01a21666-5ae4-7c48-98bb-fced6a25d15b	bob	approved	\N	as asks two of three	\\x5186f9397a6ea8fe6fb5f9a65baab80885a4888925b3a6fae99bcdcc89f59dc5	postgres	postgres	2026-11-26 05:48:56.468128+00
01a21666-5ae4-7338-b5c6-651f47629581	bob	rejected	\N	as asks two of three, not for ever	\\x5186f9397a6ea8fe6fb5f9a65baab80885a4888925b3a6fae99bcdcc89f59dc5	postgres	postgres	2026-11-26 05:48:56.469383+00
01a21666-5ae4-7f12-9e73-bf61357b7d47	bob	approved	\N	as asks one and another, not for ever	\\x41615d38c3f183e4d19abf787989b61de18a50e159b58334e02e224dda1d6fbd	postgres	postgres	2026-11-26 05:48:56.470537+00
01a21666-5b3c-706c-9275-b6d29329a2f7	ann	approved	{"because": 1}	good	\\x619a9215ff12d06ac57d56dbdbcd99a790e009a3b8b7ea840a1e21d940158ff7	postgres	postgres	2026-11-26 05:48:56.50957+00
01a21666-5b3f-747f-8707-a696ea2a788c	cid	approved	\N	\N	\\x014a0e4451ee9bda0d4573afe136bfb3693bc7c9dd86045548b101ae7af74da0	postgres	postgres	2026-11-26 05:48:56.51139+00
01a21666-5b3f-7806-ab25-e50059c676b1	ann	approved	\N	\N	\\x4e22ab49a44b29662bd918c40c0b0845a35273f223d09d0ee3d2d180561f5ad6	postgres	postgres	2026-11-26 05:48:56.512043+00
01a21666-5b40-79c8-80df-246e21e8ff9b	ann	rejected	\N	no	\\x155fd3a814fa697a05652aae265c8ef5713686e0ac6124a41ea629e0552cbafd	postgres	postgres	2026-11-26 05:48:56.512193+00
01a21666-5ad9-7455-b724-4cdcd687643a	ann	approved	\N	\N	\\xdb21397b34c2c4be93ba17f50c6d420ff7b076135cec4122814301fddfb9f4cf	postgres	postgres	2026-11-26 05:48:56.535413+00
\.


--
-- Data for Name: awaited_signals; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.awaited_signals (workflow_id, token, name, match, step_name, since) FROM stdin;
01a21666-5ae1-7a23-bade-d4bb27a18632	536870915	go	\N	right	2026-11-26 05:48:56.421641+00
01a21666-5ae9-737f-b700-038560467337	2	go	\N	go	2026-11-26 05:48:56.430018+00
01a21666-5ae4-77c8-aae5-dba8f38be4d9	1	paid	($."order" == 7)	paid	2026-11-26 05:48:56.430176+00
\.


--
-- Data for Name: channel_configurations; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.channel_configurations (name, channel_type, settings, signing_secret_name, is_default, active, created_at) FROM stdin;
hook	webhook	{"url": "http://127.0.0.1:9902/hook"}	\N	f	t	2026-11-26 05:48:56.400048+00
\.


--
-- Data for Name: definitions; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.definitions (hash, definition, created_at, last_used_at) FROM stdin;
\\x14aa09278ac956612c7ede398095462ec5deb90de8d5d59800cc5fe2277cd6da	{"name": "approved", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.405156+00
\\xf1594ccccea6e6f2827334c26d7fdee3dfba3e5a20b945a54d0ceaa00a1e0fdb	{"name": "rejected", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.405156+00
\\x1401fab14bf0b4e7085da04ee51155eb01a1f7de156ecc164859b1015c4dc9b5	{"name": "cancelled", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.405156+00
\\x036fb797eecaa4bcb01815f3c48dfb091c4089be26096c88bf35a52023ed78a4	{"name": "rolled back", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.405156+00
\\x428a800bd72d400bafa2a2870c4f0b29725e56604abb52a4d67cbda07600faec	{"name": "gone on", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.405156+00
\\x0143996c856008f8ad8092b6b825b2b34f2dd91f354132753ba61bb6c35c1c35	{"name": "waiting", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.405156+00
\\x86c09b594674b892dab50d5a88c659501252233021481094b2e742a9d7eeefef	{"name": "answered", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.405156+00
\\x4136c6493b869e95b43fb64de3e8b5d7c484d4489f8342bbb890dd4b3fd942cf	{"name": "paused", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.405156+00
\\x6c5faa20f8935a9e333ab5842af0d96a9699ddf370bbfcbed19d868830541bfe	{"name": "skipped", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "first", "task": "Do {{ $.variables.what }}", "type": "task"}, {"name": "ask", "type": "approval", "title": "Go on with {{ $.variables.what }}?", "requested_from": "ann"}, {"name": "last", "task": "Finish after {{ $.steps.first.answer }}", "type": "task", "create_checkpoint": true}]}	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.405156+00
\\xf64e5b0c29da487b10763427af74d331ac10182b39dbdd533e4bbeaab119e30b	{"name": "completed", "steps": [{"name": "one", "task": "One", "type": "task"}, {"name": "two", "task": "Two", "type": "task"}]}	2026-11-26 05:48:56.407994+00	2026-11-26 05:48:56.407994+00
\\x488150a4abe89299d42eb1a3814bd2685f2072ce1195df577dd56443e50857b7	{"name": "failed", "steps": [{"name": "bad", "task": "{{ $.variables.missing }}", "type": "task"}]}	2026-11-26 05:48:56.411672+00	2026-11-26 05:48:56.411672+00
\\x6dedd5053ccbf12ae0ac828c391c392de38a0c56437192d04eaa657a45ab1b2e	{"name": "goes on after failure", "steps": [{"name": "bad", "task": "{{ $.variables.missing }}", "type": "task", "on_error": "continue"}, {"name": "ask", "type": "approval", "title": "Still?", "channels": ["hook"], "required_approvers": ["ann", "bob"]}, {"name": "last", "task": "Last", "type": "task"}]}	2026-11-26 05:48:56.412262+00	2026-11-26 05:48:56.412262+00
\\x951ee6a4641131265903ff0bbe886ad337326b4c15ced74ef893a816cc4fa9b4	{"name": "reviewed", "steps": [{"name": "draft", "task": "Draft", "type": "task", "approval_config": {"when": "after", "title": "Good?", "requested_from": "ann"}, "requires_approval": true}, {"name": "last", "task": "Send {{ $.steps.draft.answer }}", "type": "task"}]}	2026-11-26 05:48:56.41257+00	2026-11-26 05:48:56.41257+00
\\x0e6da3f57e4764d9797454587042a4b46ddc35aa8d594be283278223e07fafc6	{"name": "asked before", "steps": [{"name": "drop", "task": "Drop it", "type": "task", "approval_config": {"title": "Drop?", "requested_from": "ann"}, "create_checkpoint": true, "requires_approval": true}]}	2026-11-26 05:48:56.412874+00	2026-11-26 05:48:56.412874+00
\\x93166d69e5b68c308ae55876cb077135a1d1c7e6127cfe502fa631fec968cee8	{"name": "silent", "steps": [{"name": "before", "task": "Before", "type": "task"}, {"name": "think", "task": "Think", "type": "task", "model": "silent", "retry": {"policy": "fixed", "base_delay": "1 hour", "max_attempts": 9}, "timeout": "1 hour"}, {"name": "after", "task": "After {{ $.steps.think.answer }}", "type": "task"}]}	2026-11-26 05:48:56.413154+00	2026-11-26 05:48:56.413154+00
\\xeea3e1509ce53738d523e020a6153389b7261bd8d814cacbb6c7f001c7a3ebd8	{"name": "down", "steps": [{"name": "think", "task": "Think", "type": "task", "model": "down", "retry": {"policy": "fixed", "base_delay": "1 hour", "max_attempts": 9}}]}	2026-11-26 05:48:56.413445+00	2026-11-26 05:48:56.413445+00
\\xa320e8a718d90a2404b91ff24172844db1fb412d94939ccee79b25994740aca1	{"name": "asks one", "steps": [{"name": "ask", "type": "approval", "title": "one?", "context_data": {"n": 1}, "requested_from": "ann"}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\x943d16a4b35b63fc946803280d6d96337f527d4e43d1c8abccc7c0cca96a2145	{"name": "asks one, not for ever", "steps": [{"name": "ask", "type": "approval", "title": "one?", "timeout": "3600 days", "context_data": {"n": 1}, "requested_from": "ann"}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\x81415608073d0856b17d7fd6dbbf7278665154be6d8c182143079863789774ad	{"name": "asks a list", "steps": [{"name": "ask", "type": "approval", "title": "a list?", "context_data": {"n": 1}, "requested_from": ["ann", "bob"]}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\xd8aa644c89425465b7e868e62c888b5b4344f20874b2afbfcbc416ebfb21c83e	{"name": "offered", "steps": [{"name": "job", "task": "Work", "type": "task", "queue": "jobs", "executor": "external"}, {"name": "last", "task": "Done {{ $.steps.job.n }}", "type": "task"}]}	2026-11-26 05:48:56.422115+00	2026-11-26 05:48:56.422115+00
\\x9a34496b77bc82193925b15d2989c4a8ba2969dc986d000eda9a2586ad14746e	{"name": "asks a list, not for ever", "steps": [{"name": "ask", "type": "approval", "title": "a list?", "timeout": "3600 days", "context_data": {"n": 1}, "requested_from": ["ann", "bob"]}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\x17448814651d1e1b17c822123e97fb793bf3c45712908b31c70ad4ccc72377b9	{"name": "asks all", "steps": [{"name": "ask", "type": "approval", "title": "all?", "context_data": {"n": 1}, "required_approvers": ["ann", "bob"]}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\x76f028c17f7c329042a2e54f41b3b9925eee1a87fd6c33cf4817559830910b0e	{"name": "asks all, not for ever", "steps": [{"name": "ask", "type": "approval", "title": "all?", "timeout": "3600 days", "context_data": {"n": 1}, "required_approvers": ["ann", "bob"]}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\x95392926a9a8aabb6f72d9b04b74b27135aeec3762cb56135d814cf5bfda1c1a	{"name": "asks two of three", "steps": [{"name": "ask", "type": "approval", "title": "two of three?", "context_data": {"n": 1}, "requested_from": ["ann", "bob", "cid"], "approval_threshold": 2}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\xca89805b538866182e037b5e2164b9881f6654e79b1e7b2eab319c2a8a9f76b1	{"name": "asks two of three, not for ever", "steps": [{"name": "ask", "type": "approval", "title": "two of three?", "timeout": "3600 days", "context_data": {"n": 1}, "requested_from": ["ann", "bob", "cid"], "approval_threshold": 2}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\xc4205f7c6603d753660de9f811178571ecd101a928e9f93cabae7e48b6b93b6f	{"name": "asks one and another", "steps": [{"name": "ask", "type": "approval", "title": "one and another?", "context_data": {"n": 1}, "requested_from": ["ann", "bob"], "approval_threshold": 2, "required_approvers": ["ann"]}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\x80df80f48e410d06b8cfca63687fce9b760f7898ed779415973ecf81531769fc	{"name": "asks one and another, not for ever", "steps": [{"name": "ask", "type": "approval", "title": "one and another?", "timeout": "3600 days", "context_data": {"n": 1}, "requested_from": ["ann", "bob"], "approval_threshold": 2, "required_approvers": ["ann"]}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\x9325802ea451d2afb8bfc122fb315f396faa0fbcce206a3f4c97e8a4fa2bcb0d	{"name": "asks anybody", "steps": [{"name": "ask", "type": "approval", "title": "anybody?", "context_data": {"n": 1}}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\x64383c384a17f35b0ac640cbdc03b5127ae43e0fc48e9c8ee569c4f37a159730	{"name": "asks anybody, not for ever", "steps": [{"name": "ask", "type": "approval", "title": "anybody?", "timeout": "3600 days", "context_data": {"n": 1}}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\x51caef67b3f81c1ccdb0f0836b7f410ebab6f168b4edae2f56a739d6f073d323	{"name": "asks with a form", "steps": [{"name": "ask", "type": "approval", "title": "with a form?", "description": "A form", "context_data": {"n": 1}, "approval_type": "form", "requested_from": "ann"}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\x59130a255b28eeac9b908e837ddfd1760f1cc1b629b09e5409e28829f9e67336	{"name": "asks with a form, not for ever", "steps": [{"name": "ask", "type": "approval", "title": "with a form?", "timeout": "3600 days", "description": "A form", "context_data": {"n": 1}, "approval_type": "form", "requested_from": "ann"}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\x5af8c4d4a5470170f6bd872401c1d81b4be582371b41e7d198bfa1215bab64cf	{"name": "asks for a budget", "steps": [{"name": "ask", "type": "approval", "title": "for a budget?", "context_data": {"n": 1}, "approval_type": "budget", "requested_from": "ann"}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\x6bdf31bdcd0e2416bf9117b6706da6bc3e9bc08b2b08c050fc78fba17f4c3004	{"name": "asks for a budget, not for ever", "steps": [{"name": "ask", "type": "approval", "title": "for a budget?", "timeout": "3600 days", "context_data": {"n": 1}, "approval_type": "budget", "requested_from": "ann"}, {"name": "last", "task": "Then {{ $.steps.ask.decision }}", "type": "task"}]}	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.413747+00
\\x1a4849b4f8693758c93f7fae6e640c458a9c0c121dc8505a0567be1f0efcbc0e	{"name": "expires", "steps": [{"name": "ask", "type": "approval", "title": "Soon?", "timeout": "1 minute", "on_timeout": "continue", "requested_from": "ann"}, {"name": "last", "task": "Late", "type": "task"}]}	2026-11-26 05:48:56.416795+00	2026-11-26 05:48:56.416795+00
\\x9ec05d5b8397c34d236a87e8e51d26df9217467ffafeb9a3d2a14858a1be49d0	{"name": "branches", "steps": [{"name": "both", "type": "parallel", "branches": [[{"name": "left", "type": "approval", "title": "Left?", "requested_from": "ann"}], [{"name": "right", "type": "signal", "signal": "go"}], [{"name": "clock", "type": "wait", "until": "{{ $.variables.soon }}"}], [{"name": "quick", "task": "Quick", "type": "task"}]]}, {"name": "last", "task": "Joined {{ $.steps.quick.answer }}", "type": "task"}]}	2026-11-26 05:48:56.417122+00	2026-11-26 05:48:56.417122+00
\\x96a08f3f268eae89b67497456056ae326534f9f484eb02e529106f8906642018	{"name": "each", "steps": [{"as": "n", "name": "each", "type": "foreach", "items": "$.variables.list", "steps": [{"name": "think", "task": "Number {{ $.variables.n }}", "type": "task"}, {"name": "look", "type": "approval", "title": "Number {{ $.variables.n }}?", "requested_from": ["ann", "bob"]}, {"name": "told", "task": "Told {{ $.steps.think.answer }}", "type": "task"}], "concurrency": 2}, {"name": "last", "task": "Last {{ $.steps.each }}", "type": "task"}]}	2026-11-26 05:48:56.417963+00	2026-11-26 05:48:56.417963+00
\\xa6b6d5f3948452a3be0d65a79e234885496ad6fb75480fd220960a0977cf6b7b	{"name": "back in branches", "steps": [{"name": "both", "type": "parallel", "branches": [[{"name": "begin", "type": "checkpoint"}, {"name": "here", "type": "approval", "title": "Here?", "requested_from": "ann"}], [{"name": "there", "type": "approval", "title": "There?", "requested_from": "ann"}]]}]}	2026-11-26 05:48:56.41834+00	2026-11-26 05:48:56.41834+00
\\xb473f6009ea4f0de2de9ee5d5af75ba09e4405c529e5c1944734fa92d4de1fa3	{"name": "signalled", "steps": [{"name": "paid", "type": "signal", "match": "$.order == {{ $.variables.n }}", "signal": "paid", "timeout": "3600 days"}]}	2026-11-26 05:48:56.4204+00	2026-11-26 05:48:56.4204+00
\\x001075a0fd5059d930a814e54fffd27c54a2591e94075073138f132b06c94e54	{"name": "claimed", "steps": [{"name": "job", "task": "Work", "type": "task", "queue": "jobs", "executor": "external"}, {"name": "last", "task": "Done {{ $.steps.job.n }}", "type": "task"}]}	2026-11-26 05:48:56.422115+00	2026-11-26 05:48:56.422115+00
\\x3a0d460ebebb0ff59492eea599cdd18ed2e64f62ce310d19e8a1e88eec168c17	{"name": "parent", "steps": [{"name": "child", "type": "workflow", "definition": {"name": "child of parent", "steps": [{"name": "ask", "type": "approval", "title": "Child?", "requested_from": "ann"}]}}, {"name": "last", "task": "After {{ $.steps.child.status }}", "type": "task"}]}	2026-11-26 05:48:56.422715+00	2026-11-26 05:48:56.422715+00
\\x160f5c7e044420204c85db8ae6b33bc2661e961f548beb61a1728fef5db6cc5c	{"name": "statement", "steps": [{"sql": "SELECT public.be_slow()", "name": "slow", "type": "sql", "retry": {"max_attempts": 3}, "timeout": "1 hour"}, {"name": "last", "task": "At last", "type": "task"}]}	2026-11-26 05:48:56.423144+00	2026-11-26 05:48:56.423144+00
\\x6f476a4f6834708d98a0d2840a3c738842a8b1062d6efd608cc5001b2b1d20b7	{"name": "retrying", "steps": [{"sql": "SELECT 10 / n AS ten FROM public.divisor", "name": "divide", "type": "sql", "retry": {"on": ["validation_error"], "policy": "fixed", "base_delay": "1 hour", "max_attempts": 9}}]}	2026-11-26 05:48:56.423567+00	2026-11-26 05:48:56.423567+00
\\x925e2e7159257289848873016fac758bbc072171027e152f19bec255c1ffc019	{"name": "fetching", "steps": [{"url": "http://127.0.0.1:9901/v1/models", "name": "get", "type": "http", "retry": {"policy": "fixed", "base_delay": "1 hour", "max_attempts": 9}, "secret": "key"}]}	2026-11-26 05:48:56.423889+00	2026-11-26 05:48:56.423889+00
\\x9f150bf25f35304c345d0448ba91c5b076ef5a441ba9ab36249c4c3df59ca261	{"name": "wants a secret", "steps": [{"url": "http://127.0.0.1:9901/v1/models", "name": "get", "type": "http", "secret": "later"}]}	2026-11-26 05:48:56.424169+00	2026-11-26 05:48:56.424169+00
\\x2a9cce44f0645737b5c57ab9d4348a0ee73beb0304918a0b3d7e6efe4ea06892	{"name": "large", "steps": [{"sql": "SELECT repeat('much ', 5000) AS text", "name": "much", "type": "sql"}, {"name": "ask", "type": "approval", "title": "So much?", "requested_from": "ann"}, {"name": "last", "task": "{{ $.steps.much.rows[0].text }}", "type": "task"}]}	2026-11-26 05:48:56.424446+00	2026-11-26 05:48:56.424446+00
\\x2641af39ec6ae8acf92f664f30a0a9c3386c51cbde50213d0e251f55366c3529	{"name": "being undone", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "pay", "task": "Pay", "type": "task", "undo": [{"name": "unpay", "type": "approval", "title": "Take back?", "requested_from": "ann"}]}, {"name": "ask", "type": "approval", "title": "Go on?", "requested_from": "ann"}]}	2026-11-26 05:48:56.424742+00	2026-11-26 05:48:56.424742+00
\\x474270eb892fa6b1b5f6aefd5630805796c40b9602c90787be81414aed7b1a2b	{"name": "to be undone", "steps": [{"name": "begin", "type": "checkpoint"}, {"name": "pay", "task": "Pay", "type": "task", "undo": [{"name": "unpay", "type": "approval", "title": "Take back?", "requested_from": "ann"}]}, {"name": "ask", "type": "approval", "title": "Go on?", "requested_from": "ann"}]}	2026-11-26 05:48:56.424742+00	2026-11-26 05:48:56.424742+00
\\x43bb0c3de4ad223645e4f6fdd5f4fc914ac7728f4c1d804927277be28166d253	{"steps": [{"name": "go", "type": "signal", "signal": "go"}], "output": {"sent": "{{ $.steps.go.payload }}"}, "timeout": "3600 days"}	2026-11-26 05:48:56.425442+00	2026-11-26 05:48:56.425442+00
\\x8dc0b4b6e79f948a9782bc44bb62fde3bae20692a89f4ad656f93486031b1f21	{"name": "scheduled", "steps": [{"name": "one", "task": "One", "type": "task"}]}	2026-11-26 05:48:56.426521+00	2026-11-26 05:48:56.426521+00
\\x6b201ccf11d397a2c3656b0102726dc411c987cfdb6f5b64d1fb63db022e7092	{"steps": [{"name": "ask", "type": "approval", "title": "Refund {{ $.variables.amount }}?", "requested_from": "ann"}]}	2026-11-26 05:48:56.427166+00	2026-11-26 05:48:56.427166+00
\\x353e4d601e3b1b496d408518e21fc4a5d83a90f45bd092e6074d92f53fab3dbe	{"steps": [{"name": "ask", "type": "approval", "title": "Refund {{ $.variables.amount }}?", "requested_from": "ann"}, {"name": "tell", "task": "Tell {{ $.variables.currency }}", "type": "task"}]}	2026-11-26 05:48:56.430413+00	2026-11-26 05:48:56.430413+00
\\xed7747194f9fa9d36668fcd0bd6094ac4c0f2c2596d5ac814d3353eeabf18734	{"steps": [{"name": "never", "task": "Never", "type": "task"}]}	2026-11-26 05:48:56.430852+00	2026-11-26 05:48:56.430852+00
\\xf2b812782f842b8918800f0306ad4bdb46770dadcee2559a92928141633c1f42	{"name": "child of parent", "steps": [{"name": "ask", "type": "approval", "title": "Child?", "requested_from": "ann"}]}	2026-11-26 05:48:56.429664+00	2026-11-26 05:48:56.429664+00
\\x35dac3b31c3bbca31eb769cce6c52b6571653f4fa8eb1ba5eddca34bd0b97e50	{"steps": [{"name": "ask", "type": "approval", "title": "Next?", "requested_from": "ann"}]}	2026-11-26 05:48:56.431495+00	2026-11-26 05:48:56.431495+00
\\x216899c28093e16d14fa8f3ff4432c7e3ec7989665638f12f524a20c2483620e	{"steps": [{"sql": "SELECT 10 / n AS ten FROM public.divisor", "name": "divide", "type": "sql"}]}	2026-11-26 05:48:56.432505+00	2026-11-26 05:48:56.432505+00
\\x7bb021b6253d3be7d509d6eb3031b561c7230771621b66238e3c04849728275f	{"steps": [{"name": "only", "task": "Only", "type": "task"}]}	2026-11-26 05:48:56.504734+00	2026-11-26 05:48:56.504734+00
\\xf05d19b28126eba6c7a77d4d9d2c296100e5cadd39e22108b4ce0f225abecc22	{"steps": [{"name": "only", "task": "Only {{ $.variables.word }}", "type": "task"}]}	2026-11-26 05:48:56.537145+00	2026-11-26 05:48:56.537145+00
\.


--
-- Data for Name: external_tasks; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.external_tasks (id, workflow_id, token, step_name, scope, attempt, idempotency_key, queue, body, status, rank, claims, lapses, claimed_by, claimed_role, claimed_at, lease_until, due_at, progress, error, created_at, finished_at) FROM stdin;
01a21666-5aee-7844-9670-5472abfb0000	01a21666-5ae6-7844-bc16-142e856a865b	1	job	0	1	01a21666-5aee-7844-9670-5472abfb0000	jobs	{"task": "Work", "context": {}, "instructions": null}	queued	2026-11-26 05:48:56.434132+00	0	0	\N	\N	\N	\N	\N	\N	\N	2026-11-26 05:48:56.434133+00	\N
01a21666-5aee-7609-93a0-1e55008c0000	01a21666-5ae6-7609-a30b-cc548290029d	1	job	0	1	01a21666-5aee-7609-93a0-1e55008c0000	jobs	{"task": "Work", "context": {}, "instructions": null}	claimed	2026-11-26 05:48:56.433762+00	1	0	robot 1	postgres	2026-11-26 05:48:56.503927+00	2026-12-03 05:48:56.503927+00	2026-12-03 05:48:56.50393+00	\N	\N	2026-11-26 05:48:56.433763+00	\N
\.


--
-- Data for Name: idempotency_keys; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.idempotency_keys (owner, kind, key, content_hash, id, created_at) FROM stdin;
postgres	workflow	once	\\x8010fcdb64448ce69c714919f59a9a4b8f1d53e57f9000f009c659e19d9e411d	01a21666-5ae9-737f-b700-038560467337	2026-11-26 05:48:56.425442+00
postgres	approval	once	\\x9280aff36598bcf5950fc8620e539f737296146f49bd18fe7c8a45e6feaa966a	01a21666-5b3e-7ef0-a4aa-3a2375f4f994	2026-11-26 05:48:56.510397+00
\.


--
-- Data for Name: limits; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.limits (kind, name, max_concurrency, max_rate, per, updated_by, updated_at) FROM stdin;
host	127.0.0.1:9901	5	\N	00:00:01	postgres	2026-11-26 05:48:56.400546+00
queue	jobs	5	100	00:00:01	postgres	2026-11-26 05:48:56.400546+00
template	one at a time	1	\N	00:00:01	postgres	2026-11-26 05:48:56.400546+00
\.


--
-- Data for Name: messages; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.messages (due_at, id, workflow_id, kind, body, token) FROM stdin;
2100-01-01 00:00:00+00	50	01a21666-5aea-7bca-b333-59644073135e	scheduled_start	{"actor": "postgres"}	\N
2026-11-26 05:49:56+00	51	01a21666-5ae1-7a23-bade-d4bb27a18632	timer	{"token": 805306372}	805306372
2036-10-04 05:48:56.429721+00	56	01a21666-5ae9-737f-b700-038560467337	timer	{"token": 1}	1
2036-10-04 05:48:56.429721+00	57	01a21666-5ae4-77c8-aae5-dba8f38be4d9	timer	{"token": 1}	1
2026-11-26 06:48:56.429721+00	58	01a21666-5ae7-74a1-835e-730b6d8b4559	timer	{"token": 1}	1
2026-11-26 06:34:32.350185+00	61	01a21666-5ae7-7f77-89fe-a58d0e140520	timer	{"token": 2}	2
2026-11-26 06:43:28.852808+00	62	01a21666-5af3-7bd4-b7f6-130c0ae122f4	recover	{"failed_at_us": 1795672136452649}	\N
2026-11-26 05:48:56.536708+00	88	01a21666-5ad7-7455-b540-84470f54a277	approval	{"token": 2, "outcome": "approved", "decision": "approved", "step_name": "ask", "approval_id": "01a21666-5ad9-7455-b724-4cdcd687643a", "approver_id": "ann"}	\N
2026-11-26 05:48:56.538163+00	89	01a21666-5b59-7e26-8d50-b7847db8036c	start	{"actor": "postgres", "context": {"word": "this"}}	\N
\.


--
-- Data for Name: models; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.models (name, provider, base_url, model, secret_name, headers, parameters, is_default, timeout_seconds, created_at) FROM stdin;
echo	builtin	\N	\N	\N	{}	{}	t	\N	2026-11-26 05:48:56.397039+00
silent	openai	http://127.0.0.1:9901/v1	m	key	{}	{"temperature": 0.5}	f	\N	2026-11-26 05:48:56.399567+00
down	openai	http://127.0.0.1:9902/v1	m	\N	{"X-Key": "${secret:key}"}	{}	f	\N	2026-11-26 05:48:56.399842+00
\.


--
-- Data for Name: outbox; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.outbox (id, purpose, workflow_id, token, approval_id, channel, method, url, headers, body, secret_name, signing_secret_name, idempotency_key, expect, retry, timeout_seconds, priority, status, attempts, next_attempt_at, response_status, response_body, error_kind, error_message, missing_secret, created_at, finished_at) FROM stdin;
01a21666-5ae4-7ea5-9818-a583b232d913	inference	01a21666-5add-7ea5-ab0a-c2c7a1e89b8a	2	\N	\N	POST	http://127.0.0.1:9901/v1/chat/completions	{}	{"model":"m","temperature":0.5,"messages":[{"role":"system","content":"You carry out one step of a workflow. Do the task you are given and answer with its result only. If the result is structured, answer with one JSON object."},{"role":"user","content":"Task: Think\\n\\nThe workflow's goal: the goal of silent\\n\\nResults of earlier steps:\\n{\\"before\\":{\\"answer\\":\\"Before\\"}}"}]}	key	\N	01a21666-5ae4-7ea5-9818-a583b232d913	\N	{"policy": "fixed", "base_delay": "1 hour", "max_attempts": 9}	3600	0	sending	1	2026-11-26 06:49:56.428183+00	\N	\N	\N	\N	\N	2026-11-26 05:48:56.419342+00	\N
01a21666-5ae4-7f49-95fd-6c22b1d892c3	inference	01a21666-5add-7f49-b3cb-7d79ff9b0041	1	\N	\N	POST	http://127.0.0.1:9902/v1/chat/completions	{"X-Key": "${secret:key}"}	{"model":"m","messages":[{"role":"system","content":"You carry out one step of a workflow. Do the task you are given and answer with its result only. If the result is structured, answer with one JSON object."},{"role":"user","content":"Task: Think\\n\\nThe workflow's goal: the goal of down"}]}	\N	\N	01a21666-5ae4-7f49-95fd-6c22b1d892c3	\N	{"policy": "fixed", "base_delay": "1 hour", "max_attempts": 9}	\N	0	queued	1	2026-11-26 06:37:33.027476+00	\N	\N	network_error	request to 127.0.0.1 failed: Failed to connect to 127.0.0.1 port 9902 after 0 ms: Couldn't connect to server	\N	2026-11-26 05:48:56.419342+00	\N
01a21666-5aea-7173-bc8c-be3e1a13324f	notification	01a21666-5adc-7173-830c-6db3b9cc9595	\N	01a21666-5ae4-7173-963e-58453f7efdec	hook	POST	http://127.0.0.1:9902/hook	{}	{"data": {"title": "Still?", "status": "pending", "step_name": "ask", "decided_at": null, "decided_by": null, "expires_at": null, "approval_id": "01a21666-5ae4-7173-963e-58453f7efdec", "description": null, "workflow_id": "01a21666-5adc-7173-830c-6db3b9cc9595", "context_data": {}, "requested_at": "2026-11-26T05:48:56.425487+00:00", "requested_by": "goes on after failure", "approval_type": "binary", "requested_from": null, "approval_threshold": null, "required_approvers": ["ann", "bob"]}, "type": "approval.requested", "timestamp": "2026-11-26T05:48:56.426296Z"}	\N	\N	01a21666-5aea-7173-bc8c-be3e1a13324f	\N	\N	\N	0	queued	1	2026-11-26 05:49:01.776477+00	\N	\N	network_error	request to 127.0.0.1 failed: Failed to connect to 127.0.0.1 port 9902 after 0 ms: Couldn't connect to server	\N	2026-11-26 05:48:56.419342+00	\N
01a21666-5aef-79ed-902b-64249b6d760a	http	01a21666-5ae7-79ed-a666-8a4cef41278e	1	\N	\N	GET	http://127.0.0.1:9901/v1/models	{}	\N	key	\N	01a21666-5aef-79ed-902b-64249b6d760a	\N	{"policy": "fixed", "base_delay": "1 hour", "max_attempts": 9}	\N	0	sending	1	2026-11-26 05:51:56.439929+00	\N	\N	\N	\N	\N	2026-11-26 05:48:56.429664+00	\N
01a21666-5aef-7177-ba8c-0c06197f0008	http	01a21666-5ae8-7177-88cd-ce812963938e	1	\N	\N	GET	http://127.0.0.1:9901/v1/models	{}	\N	later	\N	01a21666-5aef-7177-ba8c-0c06197f0008	\N	\N	\N	0	queued	0	2026-11-26 05:50:56.429664+00	\N	\N	authentication_error	secret "later" is not set; hitl.set_secret sets it	later	2026-11-26 05:48:56.429664+00	\N
01a21666-5b3d-706c-8987-8da418796187	notification	\N	\N	01a21666-5b3c-706c-9275-b6d29329a2f7	hook	POST	http://127.0.0.1:9902/hook	{}	{"data": {"title": "Some day?", "status": "pending", "step_name": null, "decided_at": null, "decided_by": null, "expires_at": null, "approval_id": "01a21666-5b3c-706c-9275-b6d29329a2f7", "description": null, "workflow_id": null, "context_data": {}, "requested_at": "2026-11-26T05:48:56.509058+00:00", "requested_by": "postgres", "approval_type": "binary", "requested_from": null, "approval_threshold": null, "required_approvers": ["ann", "bob"]}, "type": "approval.requested", "timestamp": "2026-11-26T05:48:56.509280Z"}	\N	\N	01a21666-5b3d-706c-8987-8da418796187	\N	\N	\N	0	queued	1	2026-11-26 05:49:01.855207+00	\N	\N	network_error	request to 127.0.0.1 failed: Failed to connect to 127.0.0.1 port 9902 after 0 ms: Couldn't connect to server	\N	2026-11-26 05:48:56.508545+00	\N
\.


--
-- Data for Name: purges; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.purges (id, started_at, finished_at, purged_by, older_than, statuses, workflows, events, approvals, requests, definitions) FROM stdin;
\.


--
-- Data for Name: queue_grants; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.queue_grants (grantee, queue, granted_by, granted_at) FROM stdin;
robot	jobs	postgres	2026-11-26 05:48:56.368455+00
\.


--
-- Data for Name: recovery_policies; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.recovery_policies (failure_kind, template, max_recoveries, delay, created_by, created_at) FROM stdin;
rate_limit	\N	3	{"policy": "exponential", "max_delay": "1 hour", "base_delay": "1 minute"}	postgres	2026-11-26 05:48:56.403422+00
validation_error	fragile	2	{"policy": "fixed", "base_delay": "1 hour"}	postgres	2026-11-26 05:48:56.403422+00
\.


--
-- Data for Name: signal_grants; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.signal_grants (grantee, signal, granted_by, granted_at) FROM stdin;
robot	go	postgres	2026-11-26 05:48:56.368455+00
\.


--
-- Data for Name: signal_keys; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.signal_keys (workflow_id, name, idempotency_key, content_hash, sent_at) FROM stdin;
01a21666-5ae4-77c8-aae5-dba8f38be4d9	paid	first	\\x18db3ac0ec4d11421df35101b8b0653b695d11a20bba6d2289bf23cc61775264	2026-11-26 05:48:56.421269+00
\.


--
-- Data for Name: signals; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.signals (id, workflow_id, name, payload, sent_by, received_at) FROM stdin;
1	01a21666-5ae4-77c8-aae5-dba8f38be4d9	paid	{"order": 8}	postgres	2026-11-26 05:48:56.421877+00
\.


--
-- Data for Name: statements; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.statements (workflow_id, token, owner, body, rank, claims, claimed_by, claimed_until, created_at) FROM stdin;
01a21666-5ae7-74a1-835e-730b6d8b4559	1	postgres	{"sql": "SELECT public.be_slow()", "rows": 100, "params": [], "timeout_ms": 3600000}	2026-11-26 05:48:56.429721+00	1	1	2026-11-26 05:49:26.44099+00	2026-11-26 05:48:56.429664+00
\.


--
-- Data for Name: template_schedules; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.template_schedules (name, template, version, schedule, input_data, owner, job_id, created_at, starts, last_started_at, last_workflow_id) FROM stdin;
\.


--
-- Data for Name: template_starts; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.template_starts (workflow_id, template, state, rank, body, started_at) FROM stdin;
01a21666-5af0-76e1-9140-659d48cbd296	one at a time	waiting	2026-11-26 05:48:56.439717+00	{"actor": "postgres"}	\N
01a21666-5aef-79dc-b2fb-c4cfad1a2eab	one at a time	running	2026-11-26 05:48:56.439717+00	{"actor": "postgres"}	2026-11-26 05:48:56.442856+00
\.


--
-- Data for Name: workflow_branches; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.workflow_branches (workflow_id, branch, scope, parent_scope, status, control, data, result) FROM stdin;
01a21666-5ae1-7a23-bade-d4bb27a18632	4	0	\N	completed	\N	\N	"completed"
01a21666-5ae1-7a23-bade-d4bb27a18632	3	0	\N	active	{"index": 2, "owner": "/steps/0", "scope": 0, "active": [{"step": "clock", "type": "wait", "state": "waiting_timer", "token": 805306372, "result": {"until": "2026-11-26T05:49:56Z"}, "attempt": 1, "position": "/steps/0/branches/2/0", "since_us": 1795672136419407}], "parent": 0, "entered": 1}	\N	\N
01a21666-5ae1-7a23-bade-d4bb27a18632	2	0	\N	active	{"index": 1, "owner": "/steps/0", "scope": 0, "active": [{"step": "right", "type": "signal", "state": "waiting_signal", "token": 536870915, "attempt": 1, "position": "/steps/0/branches/1/0", "since_us": 1795672136419407}], "parent": 0, "entered": 1}	\N	\N
01a21666-5ae1-7a23-bade-d4bb27a18632	1	0	\N	active	{"index": 0, "owner": "/steps/0", "scope": 0, "active": [{"step": "left", "type": "approval", "state": "waiting_approval", "token": 268435458, "attempt": 1, "position": "/steps/0/branches/0/0", "since_us": 1795672136419407}], "parent": 0, "entered": 1}	\N	\N
01a21666-5ae2-76b2-9d4c-71c76f53e710	5	5	0	waiting	\N	{"variables": {"n": 5}}	\N
01a21666-5ae2-76b2-9d4c-71c76f53e710	4	4	0	waiting	\N	{"variables": {"n": 4}}	\N
01a21666-5ae2-76b2-9d4c-71c76f53e710	1	1	0	active	{"index": 0, "owner": "/steps/0", "scope": 1, "active": [{"step": "look", "type": "approval", "state": "waiting_approval", "token": 268435459, "attempt": 1, "position": "/steps/0/steps/1", "since_us": 1795672136419407}], "parent": 0, "entered": 2}	{"steps": {"think": {"answer": "Number 1"}}, "variables": {"n": 1}}	\N
01a21666-5ae2-76b2-9d4c-71c76f53e710	3	3	0	active	{"index": 2, "owner": "/steps/0", "scope": 3, "active": [{"step": "look", "type": "approval", "state": "waiting_approval", "token": 805306376, "attempt": 1, "position": "/steps/0/steps/1", "since_us": 1795672136464408}], "parent": 0, "entered": 2}	{"steps": {"think": {"answer": "Number 3"}}, "variables": {"n": 3}}	\N
01a21666-5ae2-76b2-9d4c-71c76f53e710	2	2	0	completed	\N	{"steps": {"look": {"decision": "approved", "feedback": "as each", "approval_id": "01a21666-5ae6-76b2-8546-9b3467231450", "approver_id": "ann"}, "told": {"answer": "Told Number 2"}, "think": {"answer": "Number 2"}}, "variables": {"n": 2}}	{"answer": "Told Number 2"}
01a21666-5ae2-746e-8441-b96010c48367	1	0	\N	active	{"index": 0, "owner": "/steps/0", "round": 1, "scope": 0, "active": [{"step": "here", "type": "approval", "state": "ready", "attempt": 2, "position": "/steps/0/branches/0/1", "since_us": 0}], "parent": 0, "entered": 1}	\N	\N
01a21666-5ae8-7439-a355-1619162ed79c	1	1	0	active	{"event": 6, "index": 0, "owner": "/steps/1", "scope": 1, "active": [{"step": "unpay", "type": "approval", "state": "waiting_approval", "token": 268435459, "attempt": 1, "position": "/steps/1/undo/0", "since_us": 1795672136491755}], "parent": 0, "entered": 1}	{"steps": {"pay": {"answer": "Pay"}}}	\N
\.


--
-- Data for Name: workflow_checkpoints; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.workflow_checkpoints (id, workflow_id, name, step_name, description, event, control, data, large, branches, abandoned, created_by, created_at) FROM stdin;
01a21666-5ad9-7b2d-ad40-18dbb79ab529	01a21666-5ad5-7b2d-befb-8784277ec671	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795672136408285}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of approved", "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	f	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad9-7836-b6bf-70e603b2f13a	01a21666-5ad7-7836-9cad-35774c14935c	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795672136408285}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of rejected", "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	f	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad9-7961-949d-3e16b6b97c0f	01a21666-5ad7-7961-ab1c-61078cfd616c	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795672136408285}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of cancelled", "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	f	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad9-7a51-b9e3-8a0776811c94	01a21666-5ad7-7a51-a842-b8be2f0911c8	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795672136408285}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of rolled back", "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	f	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad9-7e53-a210-35c5c6b0b3c1	01a21666-5ad7-7e53-aa69-8dc2bffab29d	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795672136408285}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of gone on", "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	f	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad9-7fd7-980d-8733e84be008	01a21666-5ad7-7fd7-b37b-6c049ed783fe	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795672136408285}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of waiting", "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	f	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad9-7455-916e-6cfc748d81b5	01a21666-5ad7-7455-b540-84470f54a277	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795672136408285}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of answered", "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	f	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad9-770e-b1bd-e544492eb05d	01a21666-5ad7-770e-9b00-a75991d395c4	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795672136408285}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of paused", "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	f	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad9-7a9b-886c-b3625fcfc49b	01a21666-5ad7-7a9b-8e29-15bb77e08138	begin	begin	\N	4	{"token": 0, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795672136408285}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of skipped", "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	f	\N	2026-11-26 05:48:56.408285+00
01a21666-5ae4-74b7-8c9b-f1e925887edf	01a21666-5adc-74b7-bd80-9447aa6efc21	drop	drop	\N	4	{"token": 0, "total": 1, "active": [{"step": "drop", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407, "checkpointed": true}], "status": "running", "entered": 1, "completed": 0}	{"task": "the goal of asked before", "variables": {}}	\N	\N	f	\N	2026-11-26 05:48:56.419407+00
01a21666-5aee-746e-a54f-9dcc8f85262a	01a21666-5ae2-746e-8441-b96010c48367	begin	begin	\N	4	{"ready": [1], "token": 1, "total": 1, "active": [{"step": "both", "type": "parallel", "state": "waiting_branches", "token": 1, "attempt": 1, "branches": {"first": 1, "total": 2, "failed": 0, "running": 1, "started": 1, "completed": 0}, "position": "/steps/0", "since_us": 1795672136429721}], "status": "running", "entered": 1, "branches": 2, "completed": 0}	{"task": "the goal of back in branches", "variables": {}}	\N	[{"data": null, "scope": 0, "branch": 1, "result": null, "status": "active", "control": {"index": 0, "owner": "/steps/0", "scope": 0, "active": [{"step": "here", "type": "approval", "state": "ready", "attempt": 1, "position": "/steps/0/branches/0/1", "since_us": 1795672136429721}], "parent": 0, "entered": 1}, "parent_scope": null}]	f	\N	2026-11-26 05:48:56.429721+00
01a21666-5aef-7439-87de-b1872972039f	01a21666-5ae8-7439-a355-1619162ed79c	begin	begin	\N	4	{"token": 0, "total": 3, "active": [{"step": "pay", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795672136429721}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of being undone", "variables": {}}	\N	\N	f	\N	2026-11-26 05:48:56.429721+00
01a21666-5aef-7fbd-b5db-34b8cbc4c9a2	01a21666-5ae9-7fbd-b540-068dc34e63c3	begin	begin	\N	4	{"token": 0, "total": 3, "active": [{"step": "pay", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/1", "since_us": 1795672136429721}], "status": "running", "entered": 1, "completed": 1}	{"task": "the goal of to be undone", "variables": {}}	\N	\N	f	\N	2026-11-26 05:48:56.429721+00
01a21666-5b0c-7b2d-ae15-3d9ed4d9dca8	01a21666-5ad5-7b2d-befb-8784277ec671	last	last	\N	11	{"token": 2, "total": 4, "active": [{"step": "last", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/3", "since_us": 1795672136460814, "checkpointed": true}], "status": "running", "entered": 4, "completed": 3}	{"task": "the goal of approved", "steps": {"ask": {"decision": "approved", "feedback": "as approved", "approval_id": "01a21666-5ad9-7b2d-878b-83baacf2ab09", "approver_id": "ann"}, "first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	f	\N	2026-11-26 05:48:56.460814+00
01a21666-5b1e-7a9b-b315-74c6ccca8f50	01a21666-5ad7-7a9b-8e29-15bb77e08138	last	last	\N	9	{"token": 2, "total": 4, "active": [{"step": "last", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/3", "since_us": 1795672136477823, "checkpointed": true}], "status": "running", "entered": 4, "completed": 3}	{"task": "the goal of skipped", "steps": {"ask": {"decision": "approved"}, "first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	f	\N	2026-11-26 05:48:56.478787+00
01a21666-5b31-7fd7-9b91-0096d70be585	01a21666-5ad7-7fd7-b37b-6c049ed783fe	by hand	\N	while it waits	8	{"token": 2, "total": 4, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 2, "attempt": 1, "position": "/steps/2", "since_us": 1795672136408285}], "status": "waiting_approval", "entered": 3, "completed": 2}	{"task": "the goal of waiting", "steps": {"first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	f	postgres	2026-11-26 05:48:56.497331+00
01a21666-5b33-76b2-a5af-3c665af9f3aa	01a21666-5ae2-76b2-9d4c-71c76f53e710	half way	\N	\N	14	{"token": 8, "total": 2, "active": [{"step": "each", "type": "foreach", "state": "waiting_branches", "token": 1, "attempt": 1, "branches": {"first": 1, "total": 5, "failed": 0, "running": 2, "started": 3, "completed": 1}, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "branches": 5, "approvals": 2, "completed": 0}	{"task": "the goal of each", "variables": {"list": [1, 2, 3, 4, 5]}}	\N	[{"data": {"steps": {"think": {"answer": "Number 1"}}, "variables": {"n": 1}}, "scope": 1, "branch": 1, "result": null, "status": "active", "control": {"index": 0, "owner": "/steps/0", "scope": 1, "active": [{"step": "look", "type": "approval", "state": "waiting_approval", "token": 268435459, "attempt": 1, "position": "/steps/0/steps/1", "since_us": 1795672136419407}], "parent": 0, "entered": 2}, "parent_scope": 0}, {"data": {"steps": {"look": {"decision": "approved", "feedback": "as each", "approval_id": "01a21666-5ae6-76b2-8546-9b3467231450", "approver_id": "ann"}, "told": {"answer": "Told Number 2"}, "think": {"answer": "Number 2"}}, "variables": {"n": 2}}, "scope": 2, "branch": 2, "result": {"answer": "Told Number 2"}, "status": "completed", "control": null, "parent_scope": 0}, {"data": {"steps": {"think": {"answer": "Number 3"}}, "variables": {"n": 3}}, "scope": 3, "branch": 3, "result": null, "status": "active", "control": {"index": 2, "owner": "/steps/0", "scope": 3, "active": [{"step": "look", "type": "approval", "state": "waiting_approval", "token": 805306376, "attempt": 1, "position": "/steps/0/steps/1", "since_us": 1795672136464408}], "parent": 0, "entered": 2}, "parent_scope": 0}, {"data": {"variables": {"n": 4}}, "scope": 4, "branch": 4, "result": null, "status": "waiting", "control": null, "parent_scope": 0}, {"data": {"variables": {"n": 5}}, "scope": 5, "branch": 5, "result": null, "status": "waiting", "control": null, "parent_scope": 0}]	f	postgres	2026-11-26 05:48:56.499082+00
\.


--
-- Data for Name: workflow_events; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.workflow_events (workflow_id, seq, event_type, step_name, "position", data, delta, actor, scope, created_at) FROM stdin;
01a21666-5ad5-7b2d-befb-8784277ec671	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	\N	2026-11-26 05:48:56.406262+00
01a21666-5ad7-7836-9cad-35774c14935c	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	\N	2026-11-26 05:48:56.40721+00
01a21666-5ad7-7961-ab1c-61078cfd616c	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	\N	2026-11-26 05:48:56.407309+00
01a21666-5ad7-7a51-a842-b8be2f0911c8	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	\N	2026-11-26 05:48:56.40738+00
01a21666-5ad7-7e53-aa69-8dc2bffab29d	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	\N	2026-11-26 05:48:56.407444+00
01a21666-5ad7-7fd7-b37b-6c049ed783fe	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	\N	2026-11-26 05:48:56.407518+00
01a21666-5ad7-7455-b540-84470f54a277	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	\N	2026-11-26 05:48:56.407577+00
01a21666-5ad7-770e-9b00-a75991d395c4	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	\N	2026-11-26 05:48:56.407689+00
01a21666-5ad7-7a9b-8e29-15bb77e08138	1	workflow_created	\N	\N	\N	{"variables": {"n": 12345678901234567890.5, "what": "it"}}	tester	\N	2026-11-26 05:48:56.407762+00
01a21666-5ad8-7f77-ae95-8022fbcc224f	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.408113+00
01a21666-5adb-7cde-8848-ffee4b2450fd	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.411855+00
01a21666-5adc-7173-830c-6db3b9cc9595	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.412386+00
01a21666-5adc-70f3-94dd-aafbf7b7bf37	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.41269+00
01a21666-5adc-74b7-bd80-9447aa6efc21	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.412982+00
01a21666-5add-7ea5-ab0a-c2c7a1e89b8a	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.413276+00
01a21666-5add-7f49-b3cb-7d79ff9b0041	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.413554+00
01a21666-5add-7310-ae5b-92db9722b1f9	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.414065+00
01a21666-5ade-71c6-a9e0-1c5c2045b02a	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.414175+00
01a21666-5ade-7159-a53f-31be19cbe486	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.414267+00
01a21666-5ade-7ab3-be90-9ad430b7e701	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.414558+00
01a21666-5ade-77a8-bf8f-737f2609a0e5	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.414674+00
01a21666-5ade-7166-a1f5-1d8bc085628a	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.414748+00
01a21666-5ade-7c48-bb21-be76445827a5	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.414824+00
01a21666-5ade-7338-91a7-3edbbb3b1111	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.414935+00
01a21666-5adf-79cd-853f-4eb8348fe345	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.415042+00
01a21666-5adf-7f12-aab0-e702cacb75d0	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.415142+00
01a21666-5adf-74af-ba7a-b60f0d110810	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.415301+00
01a21666-5adf-724f-9162-ac2fcfd68885	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.415367+00
01a21666-5adf-7a24-bc06-2e9d296b4c6b	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.415431+00
01a21666-5adf-7b4a-ac37-17275b48af43	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.415537+00
01a21666-5ae0-70fb-925d-0f21bf3f7dc9	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.416408+00
01a21666-5ae0-7abe-8a5a-9f91d4d7bb1c	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.416542+00
01a21666-5ae0-7586-9205-d3c44cb56535	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.416958+00
01a21666-5ae1-7a23-bade-d4bb27a18632	1	workflow_created	\N	\N	\N	{"variables": {"soon": "2026-11-26 05:49:56"}}	tester	\N	2026-11-26 05:48:56.417799+00
01a21666-5ae2-76b2-9d4c-71c76f53e710	1	workflow_created	\N	\N	\N	{"variables": {"list": [1, 2, 3, 4, 5]}}	tester	\N	2026-11-26 05:48:56.418149+00
01a21666-5ad5-7b2d-befb-8784277ec671	2	state_updated	\N	\N	\N	{"task": "the goal of approved"}	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad5-7b2d-befb-8784277ec671	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad5-7b2d-befb-8784277ec671	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a21666-5ad9-7b2d-ad40-18dbb79ab529"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad5-7b2d-befb-8784277ec671	5	step_completed	begin	/steps/0	\N	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad5-7b2d-befb-8784277ec671	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad5-7b2d-befb-8784277ec671	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a21666-5ad9-7b2d-878b-83baacf2ab09"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7836-9cad-35774c14935c	2	state_updated	\N	\N	\N	{"task": "the goal of rejected"}	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7836-9cad-35774c14935c	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7836-9cad-35774c14935c	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a21666-5ad9-7836-b6bf-70e603b2f13a"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7836-9cad-35774c14935c	5	step_completed	begin	/steps/0	\N	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7836-9cad-35774c14935c	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7836-9cad-35774c14935c	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a21666-5ad9-7836-8d44-64606d3d1e02"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7961-ab1c-61078cfd616c	2	state_updated	\N	\N	\N	{"task": "the goal of cancelled"}	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7961-ab1c-61078cfd616c	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7961-ab1c-61078cfd616c	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a21666-5ad9-7961-949d-3e16b6b97c0f"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7961-ab1c-61078cfd616c	5	step_completed	begin	/steps/0	\N	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7961-ab1c-61078cfd616c	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7961-ab1c-61078cfd616c	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a21666-5ad9-7961-afdd-9fa8f0c94008"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7a51-a842-b8be2f0911c8	2	state_updated	\N	\N	\N	{"task": "the goal of rolled back"}	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7a51-a842-b8be2f0911c8	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7a51-a842-b8be2f0911c8	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a21666-5ad9-7a51-b9e3-8a0776811c94"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7a51-a842-b8be2f0911c8	5	step_completed	begin	/steps/0	\N	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7a51-a842-b8be2f0911c8	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7a51-a842-b8be2f0911c8	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a21666-5ad9-7a51-b5f8-f22cdfa320e6"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7e53-aa69-8dc2bffab29d	2	state_updated	\N	\N	\N	{"task": "the goal of gone on"}	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7e53-aa69-8dc2bffab29d	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7e53-aa69-8dc2bffab29d	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a21666-5ad9-7e53-a210-35c5c6b0b3c1"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7e53-aa69-8dc2bffab29d	5	step_completed	begin	/steps/0	\N	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7e53-aa69-8dc2bffab29d	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7e53-aa69-8dc2bffab29d	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a21666-5ad9-7e53-ac9e-399471aa3c4d"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7fd7-b37b-6c049ed783fe	2	state_updated	\N	\N	\N	{"task": "the goal of waiting"}	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7fd7-b37b-6c049ed783fe	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7fd7-b37b-6c049ed783fe	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a21666-5ad9-7fd7-980d-8733e84be008"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7fd7-b37b-6c049ed783fe	5	step_completed	begin	/steps/0	\N	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7fd7-b37b-6c049ed783fe	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7fd7-b37b-6c049ed783fe	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a21666-5ad9-7fd7-8d7e-541737d3d404"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7455-b540-84470f54a277	2	state_updated	\N	\N	\N	{"task": "the goal of answered"}	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7455-b540-84470f54a277	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7455-b540-84470f54a277	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a21666-5ad9-7455-916e-6cfc748d81b5"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7455-b540-84470f54a277	5	step_completed	begin	/steps/0	\N	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7455-b540-84470f54a277	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7455-b540-84470f54a277	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a21666-5ad9-7455-b724-4cdcd687643a"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-770e-9b00-a75991d395c4	2	state_updated	\N	\N	\N	{"task": "the goal of paused"}	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-770e-9b00-a75991d395c4	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-770e-9b00-a75991d395c4	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a21666-5ad9-770e-b1bd-e544492eb05d"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-770e-9b00-a75991d395c4	5	step_completed	begin	/steps/0	\N	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-770e-9b00-a75991d395c4	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-770e-9b00-a75991d395c4	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a21666-5ad9-770e-a603-ab8328b04a0d"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7a9b-8e29-15bb77e08138	2	state_updated	\N	\N	\N	{"task": "the goal of skipped"}	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7a9b-8e29-15bb77e08138	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7a9b-8e29-15bb77e08138	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a21666-5ad9-7a9b-886c-b3625fcfc49b"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7a9b-8e29-15bb77e08138	5	step_completed	begin	/steps/0	\N	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7a9b-8e29-15bb77e08138	6	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do it"}}}	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad7-7a9b-8e29-15bb77e08138	7	approval_requested	ask	/steps/2	{"title": "Go on with it?", "approval_id": "01a21666-5ad9-7a9b-a4b7-3136a34dcce5"}	\N	\N	\N	2026-11-26 05:48:56.408285+00
01a21666-5ad8-7f77-ae95-8022fbcc224f	2	state_updated	\N	\N	\N	{"task": "the goal of completed"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ad8-7f77-ae95-8022fbcc224f	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ad8-7f77-ae95-8022fbcc224f	4	step_completed	one	/steps/0	\N	{"steps": {"one": {"answer": "One"}}}	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ad8-7f77-ae95-8022fbcc224f	5	step_completed	two	/steps/1	\N	{"steps": {"two": {"answer": "Two"}}}	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ad8-7f77-ae95-8022fbcc224f	6	workflow_completed	\N	\N	\N	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5adb-7cde-8848-ffee4b2450fd	2	state_updated	\N	\N	\N	{"task": "the goal of failed"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adb-7cde-8848-ffee4b2450fd	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adb-7cde-8848-ffee4b2450fd	4	step_failed	bad	/steps/0	{"kind": "validation_error", "message": "template path $.variables.missing matches nothing"}	{"steps": {"bad": {"error": {"kind": "validation_error", "message": "template path $.variables.missing matches nothing"}}}}	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5adb-7cde-8848-ffee4b2450fd	5	workflow_failed	bad	/steps/0	{"kind": "validation_error", "step": "bad", "message": "template path $.variables.missing matches nothing", "position": "/steps/0"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5adc-7173-830c-6db3b9cc9595	2	state_updated	\N	\N	\N	{"task": "the goal of goes on after failure"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adc-7173-830c-6db3b9cc9595	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adc-7173-830c-6db3b9cc9595	4	step_failed	bad	/steps/0	{"kind": "validation_error", "message": "template path $.variables.missing matches nothing"}	{"steps": {"bad": {"error": {"kind": "validation_error", "message": "template path $.variables.missing matches nothing"}}}}	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5adc-7173-830c-6db3b9cc9595	5	approval_requested	ask	/steps/1	{"title": "Still?", "approval_id": "01a21666-5ae4-7173-963e-58453f7efdec"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5adc-70f3-94dd-aafbf7b7bf37	2	state_updated	\N	\N	\N	{"task": "the goal of reviewed"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adc-70f3-94dd-aafbf7b7bf37	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adc-70f3-94dd-aafbf7b7bf37	4	approval_requested	draft	/steps/0	{"title": "Good?", "approval_id": "01a21666-5ae4-70f3-b5c8-ec2522abb109"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5adc-74b7-bd80-9447aa6efc21	2	state_updated	\N	\N	\N	{"task": "the goal of asked before"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adc-74b7-bd80-9447aa6efc21	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adc-74b7-bd80-9447aa6efc21	4	checkpoint_created	drop	/steps/0	{"checkpoint": "drop", "checkpoint_id": "01a21666-5ae4-74b7-8c9b-f1e925887edf"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5adc-74b7-bd80-9447aa6efc21	5	approval_requested	drop	/steps/0	{"title": "Drop?", "approval_id": "01a21666-5ae4-74b7-85ae-883173e57db0"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5add-7ea5-ab0a-c2c7a1e89b8a	2	state_updated	\N	\N	\N	{"task": "the goal of silent"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5add-7ea5-ab0a-c2c7a1e89b8a	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5add-7ea5-ab0a-c2c7a1e89b8a	4	step_completed	before	/steps/0	\N	{"steps": {"before": {"answer": "Before"}}}	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5add-7ea5-ab0a-c2c7a1e89b8a	5	task_requested	think	/steps/1	{"model": "silent", "request_id": "01a21666-5ae4-7ea5-9818-a583b232d913"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5add-7f49-b3cb-7d79ff9b0041	2	state_updated	\N	\N	\N	{"task": "the goal of down"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5add-7f49-b3cb-7d79ff9b0041	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5add-7f49-b3cb-7d79ff9b0041	4	task_requested	think	/steps/0	{"model": "down", "request_id": "01a21666-5ae4-7f49-95fd-6c22b1d892c3"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5add-7310-ae5b-92db9722b1f9	2	state_updated	\N	\N	\N	{"task": "the goal of asks one"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5add-7310-ae5b-92db9722b1f9	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5add-7310-ae5b-92db9722b1f9	4	approval_requested	ask	/steps/0	{"title": "one?", "approval_id": "01a21666-5ae4-7310-adab-2143b0bc70a5"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-71c6-a9e0-1c5c2045b02a	2	state_updated	\N	\N	\N	{"task": "the goal of asks one, not for ever"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-71c6-a9e0-1c5c2045b02a	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-71c6-a9e0-1c5c2045b02a	4	approval_requested	ask	/steps/0	{"title": "one?", "approval_id": "01a21666-5ae4-71c6-9eaf-a5df2763fb53"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7159-a53f-31be19cbe486	2	state_updated	\N	\N	\N	{"task": "the goal of asks a list"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7159-a53f-31be19cbe486	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7159-a53f-31be19cbe486	4	approval_requested	ask	/steps/0	{"title": "a list?", "approval_id": "01a21666-5ae4-7159-a13d-45560590d42a"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7ab3-be90-9ad430b7e701	2	state_updated	\N	\N	\N	{"task": "the goal of asks a list, not for ever"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7ab3-be90-9ad430b7e701	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7ab3-be90-9ad430b7e701	4	approval_requested	ask	/steps/0	{"title": "a list?", "approval_id": "01a21666-5ae4-7ab3-9243-d5c906191ef0"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-77a8-bf8f-737f2609a0e5	2	state_updated	\N	\N	\N	{"task": "the goal of asks all"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-77a8-bf8f-737f2609a0e5	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-77a8-bf8f-737f2609a0e5	4	approval_requested	ask	/steps/0	{"title": "all?", "approval_id": "01a21666-5ae4-77a8-914d-7dbf825b203a"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7166-a1f5-1d8bc085628a	2	state_updated	\N	\N	\N	{"task": "the goal of asks all, not for ever"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7166-a1f5-1d8bc085628a	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7166-a1f5-1d8bc085628a	4	approval_requested	ask	/steps/0	{"title": "all?", "approval_id": "01a21666-5ae4-7166-b9ff-c8abad47e64e"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7c48-bb21-be76445827a5	2	state_updated	\N	\N	\N	{"task": "the goal of asks two of three"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7c48-bb21-be76445827a5	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7c48-bb21-be76445827a5	4	approval_requested	ask	/steps/0	{"title": "two of three?", "approval_id": "01a21666-5ae4-7c48-98bb-fced6a25d15b"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7338-91a7-3edbbb3b1111	2	state_updated	\N	\N	\N	{"task": "the goal of asks two of three, not for ever"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7338-91a7-3edbbb3b1111	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ade-7338-91a7-3edbbb3b1111	4	approval_requested	ask	/steps/0	{"title": "two of three?", "approval_id": "01a21666-5ae4-7338-b5c6-651f47629581"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-79cd-853f-4eb8348fe345	2	state_updated	\N	\N	\N	{"task": "the goal of asks one and another"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-79cd-853f-4eb8348fe345	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-79cd-853f-4eb8348fe345	4	approval_requested	ask	/steps/0	{"title": "one and another?", "approval_id": "01a21666-5ae4-79cd-a3af-c4607eb3c5d9"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-7f12-aab0-e702cacb75d0	2	state_updated	\N	\N	\N	{"task": "the goal of asks one and another, not for ever"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-7f12-aab0-e702cacb75d0	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-7f12-aab0-e702cacb75d0	4	approval_requested	ask	/steps/0	{"title": "one and another?", "approval_id": "01a21666-5ae4-7f12-9e73-bf61357b7d47"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-74af-ba7a-b60f0d110810	2	state_updated	\N	\N	\N	{"task": "the goal of asks anybody"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-74af-ba7a-b60f0d110810	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-74af-ba7a-b60f0d110810	4	approval_requested	ask	/steps/0	{"title": "anybody?", "approval_id": "01a21666-5ae4-74af-8fd6-a67c9c17ae45"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-724f-9162-ac2fcfd68885	2	state_updated	\N	\N	\N	{"task": "the goal of asks anybody, not for ever"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-724f-9162-ac2fcfd68885	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-724f-9162-ac2fcfd68885	4	approval_requested	ask	/steps/0	{"title": "anybody?", "approval_id": "01a21666-5ae4-724f-b9c7-860930a06f69"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-7a24-bc06-2e9d296b4c6b	2	state_updated	\N	\N	\N	{"task": "the goal of asks with a form"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-7a24-bc06-2e9d296b4c6b	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-7a24-bc06-2e9d296b4c6b	4	approval_requested	ask	/steps/0	{"title": "with a form?", "approval_id": "01a21666-5ae4-7a24-bff9-ebc353642d22"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-7b4a-ac37-17275b48af43	2	state_updated	\N	\N	\N	{"task": "the goal of asks with a form, not for ever"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-7b4a-ac37-17275b48af43	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5adf-7b4a-ac37-17275b48af43	4	approval_requested	ask	/steps/0	{"title": "with a form?", "approval_id": "01a21666-5ae4-7b4a-8a5f-2af8c736a124"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae0-70fb-925d-0f21bf3f7dc9	2	state_updated	\N	\N	\N	{"task": "the goal of asks for a budget"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae0-70fb-925d-0f21bf3f7dc9	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae0-70fb-925d-0f21bf3f7dc9	4	approval_requested	ask	/steps/0	{"title": "for a budget?", "approval_id": "01a21666-5ae4-70fb-8c42-05035eab9c2b"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae0-7abe-8a5a-9f91d4d7bb1c	2	state_updated	\N	\N	\N	{"task": "the goal of asks for a budget, not for ever"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae0-7abe-8a5a-9f91d4d7bb1c	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae0-7abe-8a5a-9f91d4d7bb1c	4	approval_requested	ask	/steps/0	{"title": "for a budget?", "approval_id": "01a21666-5ae4-7abe-893d-6624aaaf4055"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae0-7586-9205-d3c44cb56535	2	state_updated	\N	\N	\N	{"task": "the goal of expires"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae0-7586-9205-d3c44cb56535	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae0-7586-9205-d3c44cb56535	4	approval_requested	ask	/steps/0	{"title": "Soon?", "approval_id": "01a21666-5ae4-7586-90a2-4afb9e2d8fd7"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae1-7a23-bade-d4bb27a18632	2	state_updated	\N	\N	\N	{"task": "the goal of branches"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae1-7a23-bade-d4bb27a18632	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae1-7a23-bade-d4bb27a18632	4	approval_requested	left	/steps/0/branches/0/0	{"title": "Left?", "approval_id": "01a21666-5ae4-7a23-97ad-9fc917cf51eb"}	\N	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae1-7a23-bade-d4bb27a18632	5	step_completed	quick	/steps/0/branches/3/0	\N	{"steps": {"quick": {"answer": "Quick"}}}	\N	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae2-76b2-9d4c-71c76f53e710	2	state_updated	\N	\N	\N	{"task": "the goal of each"}	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae2-76b2-9d4c-71c76f53e710	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.419407+00
01a21666-5ae2-76b2-9d4c-71c76f53e710	4	step_completed	think	/steps/0/steps/0	\N	{"steps": {"think": {"answer": "Number 1"}}}	\N	1	2026-11-26 05:48:56.419407+00
01a21666-5ae2-76b2-9d4c-71c76f53e710	5	approval_requested	look	/steps/0/steps/1	{"title": "Number 1?", "approval_id": "01a21666-5ae6-76b2-ab6d-da9ddb5a5d14"}	\N	\N	1	2026-11-26 05:48:56.419407+00
01a21666-5ae2-76b2-9d4c-71c76f53e710	6	step_completed	think	/steps/0/steps/0	\N	{"steps": {"think": {"answer": "Number 2"}}}	\N	2	2026-11-26 05:48:56.419407+00
01a21666-5ae2-76b2-9d4c-71c76f53e710	7	approval_requested	look	/steps/0/steps/1	{"title": "Number 2?", "approval_id": "01a21666-5ae6-76b2-8546-9b3467231450"}	\N	\N	2	2026-11-26 05:48:56.419407+00
01a21666-5aee-749f-aa4c-6e94923818fa	1	workflow_created	\N	\N	{"parent_id": "01a21666-5ae6-749f-93cf-7e8100448f85"}	{"variables": {}}	\N	\N	2026-11-26 05:48:56.431061+00
01a21666-5ae9-737f-b700-038560467337	2	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae2-746e-8441-b96010c48367	2	state_updated	\N	\N	\N	{"task": "the goal of back in branches"}	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae2-746e-8441-b96010c48367	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae2-746e-8441-b96010c48367	4	checkpoint_created	begin	/steps/0/branches/0/0	{"checkpoint": "begin", "checkpoint_id": "01a21666-5aee-746e-a54f-9dcc8f85262a"}	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae2-746e-8441-b96010c48367	5	step_completed	begin	/steps/0/branches/0/0	\N	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae2-746e-8441-b96010c48367	6	approval_requested	here	/steps/0/branches/0/1	{"title": "Here?", "approval_id": "01a21666-5aee-746e-8b54-636c73dbcd56"}	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae2-746e-8441-b96010c48367	7	approval_requested	there	/steps/0/branches/1/0	{"title": "There?", "approval_id": "01a21666-5aee-746e-bafd-ba9072d9a450"}	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae4-77c8-aae5-dba8f38be4d9	2	state_updated	\N	\N	\N	{"task": "the goal of signalled"}	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae4-77c8-aae5-dba8f38be4d9	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae4-77c8-aae5-dba8f38be4d9	4	signal_received	\N	\N	{"signal": "paid"}	\N	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae6-7609-a30b-cc548290029d	2	state_updated	\N	\N	\N	{"task": "the goal of claimed"}	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae6-7609-a30b-cc548290029d	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae6-7609-a30b-cc548290029d	4	task_requested	job	/steps/0	{"queue": "jobs", "task_id": "01a21666-5aee-7609-93a0-1e55008c0000"}	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae6-7844-bc16-142e856a865b	2	state_updated	\N	\N	\N	{"task": "the goal of offered"}	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae6-7844-bc16-142e856a865b	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae6-7844-bc16-142e856a865b	4	task_requested	job	/steps/0	{"queue": "jobs", "task_id": "01a21666-5aee-7844-9670-5472abfb0000"}	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae6-749f-93cf-7e8100448f85	2	state_updated	\N	\N	\N	{"task": "the goal of parent"}	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae6-749f-93cf-7e8100448f85	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae6-749f-93cf-7e8100448f85	4	child_started	child	/steps/0	{"workflow_id": "01a21666-5aee-749f-aa4c-6e94923818fa"}	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae7-74a1-835e-730b6d8b4559	2	state_updated	\N	\N	\N	{"task": "the goal of statement"}	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae7-74a1-835e-730b6d8b4559	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae7-7f77-89fe-a58d0e140520	2	state_updated	\N	\N	\N	{"task": "the goal of retrying"}	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae7-7f77-89fe-a58d0e140520	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae7-79ed-a666-8a4cef41278e	2	state_updated	\N	\N	\N	{"task": "the goal of fetching"}	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae7-79ed-a666-8a4cef41278e	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae7-79ed-a666-8a4cef41278e	4	http_requested	get	/steps/0	{"method": "GET", "request_id": "01a21666-5aef-79ed-902b-64249b6d760a"}	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae8-7177-88cd-ce812963938e	2	state_updated	\N	\N	\N	{"task": "the goal of wants a secret"}	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae8-7177-88cd-ce812963938e	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae8-7177-88cd-ce812963938e	4	http_requested	get	/steps/0	{"method": "GET", "request_id": "01a21666-5aef-7177-ba8c-0c06197f0008"}	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae8-7d41-b6cd-fc478b3077ba	2	state_updated	\N	\N	\N	{"task": "the goal of large"}	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae8-7d41-b6cd-fc478b3077ba	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae8-7439-a355-1619162ed79c	2	state_updated	\N	\N	\N	{"task": "the goal of being undone"}	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae8-7439-a355-1619162ed79c	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae8-7439-a355-1619162ed79c	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a21666-5aef-7439-87de-b1872972039f"}	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae8-7439-a355-1619162ed79c	5	step_completed	begin	/steps/0	\N	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae8-7439-a355-1619162ed79c	6	step_completed	pay	/steps/1	\N	{"steps": {"pay": {"answer": "Pay"}}}	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae8-7439-a355-1619162ed79c	7	approval_requested	ask	/steps/2	{"title": "Go on?", "approval_id": "01a21666-5aef-7439-98b9-9b074cf483ea"}	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae9-7fbd-b540-068dc34e63c3	2	state_updated	\N	\N	\N	{"task": "the goal of to be undone"}	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae9-7fbd-b540-068dc34e63c3	3	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae9-7fbd-b540-068dc34e63c3	4	checkpoint_created	begin	/steps/0	{"checkpoint": "begin", "checkpoint_id": "01a21666-5aef-7fbd-b5db-34b8cbc4c9a2"}	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae9-7fbd-b540-068dc34e63c3	5	step_completed	begin	/steps/0	\N	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae9-7fbd-b540-068dc34e63c3	6	step_completed	pay	/steps/1	\N	{"steps": {"pay": {"answer": "Pay"}}}	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5ae9-7fbd-b540-068dc34e63c3	7	approval_requested	ask	/steps/2	{"title": "Go on?", "approval_id": "01a21666-5aef-7fbd-a800-a3ec48499f72"}	\N	\N	\N	2026-11-26 05:48:56.429721+00
01a21666-5aed-7d5d-9619-d779d03d62f9	2	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.439717+00
01a21666-5aed-7d5d-9619-d779d03d62f9	3	approval_requested	ask	/steps/0	{"title": "Refund 5?", "approval_id": "01a21666-5af8-7d5d-9127-d1de9e0c6551"}	\N	\N	\N	2026-11-26 05:48:56.439717+00
01a21666-5aee-749f-aa4c-6e94923818fa	2	workflow_started	\N	\N	\N	\N	\N	\N	2026-11-26 05:48:56.439717+00
01a21666-5aee-749f-aa4c-6e94923818fa	3	approval_requested	ask	/steps/0	{"title": "Child?", "approval_id": "01a21666-5af8-749f-ba31-3b1f40104151"}	\N	\N	\N	2026-11-26 05:48:56.439717+00
01a21666-5af3-7bd4-b7f6-130c0ae122f4	2	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.439717+00
01a21666-5aef-79dc-b2fb-c4cfad1a2eab	2	workflow_started	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.445858+00
01a21666-5aef-79dc-b2fb-c4cfad1a2eab	3	approval_requested	ask	/steps/0	{"title": "Next?", "approval_id": "01a21666-5afd-79dc-b192-383263784cab"}	\N	\N	\N	2026-11-26 05:48:56.445858+00
01a21666-5ad5-7b2d-befb-8784277ec671	8	approval_responded	ask	\N	{"decision": "approved", "feedback": "as approved", "approval_id": "01a21666-5ad9-7b2d-878b-83baacf2ab09"}	\N	ann	\N	2026-11-26 05:48:56.460814+00
01a21666-5ae7-7f77-89fe-a58d0e140520	4	step_retried	divide	/steps/0	{"kind": "validation_error", "delay": 2735.906, "attempt": 2, "message": "division by zero"}	\N	\N	\N	2026-11-26 05:48:56.444185+00
01a21666-5ae8-7d41-b6cd-fc478b3077ba	4	step_completed	much	/steps/0	\N	{"steps": {"much": {"rows": [{"text": "much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much much "}], "count": 1}}}	\N	\N	2026-11-26 05:48:56.447763+00
01a21666-5ae8-7d41-b6cd-fc478b3077ba	5	approval_requested	ask	/steps/1	{"title": "So much?", "approval_id": "01a21666-5b00-7d41-9fe4-4935c1158350"}	\N	\N	\N	2026-11-26 05:48:56.447763+00
01a21666-5af3-7bd4-b7f6-130c0ae122f4	3	step_failed	divide	/steps/0	{"kind": "validation_error", "message": "division by zero", "sqlstate": "22012"}	{"steps": {"divide": {"error": {"kind": "validation_error", "message": "division by zero", "sqlstate": "22012"}}}}	\N	\N	2026-11-26 05:48:56.452649+00
01a21666-5af3-7bd4-b7f6-130c0ae122f4	4	workflow_failed	divide	/steps/0	{"kind": "validation_error", "step": "divide", "message": "division by zero", "position": "/steps/0", "sqlstate": "22012"}	\N	\N	\N	2026-11-26 05:48:56.452649+00
01a21666-5ad5-7b2d-befb-8784277ec671	9	approval_approved	ask	\N	{"approval_id": "01a21666-5ad9-7b2d-878b-83baacf2ab09"}	\N	\N	\N	2026-11-26 05:48:56.460814+00
01a21666-5ad5-7b2d-befb-8784277ec671	10	step_completed	ask	/steps/2	\N	{"steps": {"ask": {"decision": "approved", "feedback": "as approved", "approval_id": "01a21666-5ad9-7b2d-878b-83baacf2ab09", "approver_id": "ann"}}}	\N	\N	2026-11-26 05:48:56.460814+00
01a21666-5ad5-7b2d-befb-8784277ec671	11	checkpoint_created	last	/steps/3	{"checkpoint": "last", "checkpoint_id": "01a21666-5b0c-7b2d-ae15-3d9ed4d9dca8"}	\N	\N	\N	2026-11-26 05:48:56.460814+00
01a21666-5ad5-7b2d-befb-8784277ec671	12	step_completed	last	/steps/3	\N	{"steps": {"last": {"answer": "Finish after Do it"}}}	\N	\N	2026-11-26 05:48:56.460814+00
01a21666-5ad5-7b2d-befb-8784277ec671	13	workflow_completed	\N	\N	\N	\N	\N	\N	2026-11-26 05:48:56.460814+00
01a21666-5ad7-7836-9cad-35774c14935c	8	approval_responded	ask	\N	{"decision": "rejected", "feedback": "as rejected", "approval_id": "01a21666-5ad9-7836-8d44-64606d3d1e02"}	\N	ann	\N	2026-11-26 05:48:56.462903+00
01a21666-5ad7-7836-9cad-35774c14935c	9	approval_rejected	ask	\N	{"approval_id": "01a21666-5ad9-7836-8d44-64606d3d1e02"}	\N	\N	\N	2026-11-26 05:48:56.462903+00
01a21666-5ad7-7836-9cad-35774c14935c	10	step_failed	ask	/steps/2	{"kind": "rejected", "message": "rejected by ann: as rejected"}	{"steps": {"ask": {"decision": "rejected", "feedback": "as rejected", "approval_id": "01a21666-5ad9-7836-8d44-64606d3d1e02", "approver_id": "ann"}}}	\N	\N	2026-11-26 05:48:56.462903+00
01a21666-5ad7-7836-9cad-35774c14935c	11	workflow_rejected	ask	/steps/2	{"kind": "rejected", "step": "ask", "message": "rejected by ann: as rejected", "position": "/steps/2"}	\N	\N	\N	2026-11-26 05:48:56.462903+00
01a21666-5ae2-76b2-9d4c-71c76f53e710	8	approval_responded	look	\N	{"decision": "approved", "feedback": "as each", "approval_id": "01a21666-5ae6-76b2-8546-9b3467231450"}	\N	ann	2	2026-11-26 05:48:56.464408+00
01a21666-5ae2-76b2-9d4c-71c76f53e710	9	approval_approved	look	\N	{"approval_id": "01a21666-5ae6-76b2-8546-9b3467231450"}	\N	\N	2	2026-11-26 05:48:56.464408+00
01a21666-5ae2-76b2-9d4c-71c76f53e710	10	step_completed	look	/steps/0/steps/1	\N	{"steps": {"look": {"decision": "approved", "feedback": "as each", "approval_id": "01a21666-5ae6-76b2-8546-9b3467231450", "approver_id": "ann"}}}	\N	2	2026-11-26 05:48:56.464408+00
01a21666-5ae2-76b2-9d4c-71c76f53e710	11	step_completed	told	/steps/0/steps/2	\N	{"steps": {"told": {"answer": "Told Number 2"}}}	\N	2	2026-11-26 05:48:56.464408+00
01a21666-5ae2-76b2-9d4c-71c76f53e710	12	step_completed	think	/steps/0/steps/0	\N	{"steps": {"think": {"answer": "Number 3"}}}	\N	3	2026-11-26 05:48:56.464408+00
01a21666-5ae2-76b2-9d4c-71c76f53e710	13	approval_requested	look	/steps/0/steps/1	{"title": "Number 3?", "approval_id": "01a21666-5b10-76b2-9e56-015e822d9d0d"}	\N	\N	3	2026-11-26 05:48:56.464408+00
01a21666-5ade-77a8-bf8f-737f2609a0e5	5	approval_responded	ask	\N	{"decision": "approved", "feedback": "as asks all", "approval_id": "01a21666-5ae4-77a8-914d-7dbf825b203a"}	\N	ann	\N	2026-11-26 05:48:56.466926+00
01a21666-5ade-7c48-bb21-be76445827a5	5	approval_responded	ask	\N	{"decision": "approved", "feedback": "as asks two of three", "approval_id": "01a21666-5ae4-7c48-98bb-fced6a25d15b"}	\N	bob	\N	2026-11-26 05:48:56.468403+00
01a21666-5ade-7338-91a7-3edbbb3b1111	5	approval_responded	ask	\N	{"decision": "rejected", "feedback": "as asks two of three, not for ever", "approval_id": "01a21666-5ae4-7338-b5c6-651f47629581"}	\N	bob	\N	2026-11-26 05:48:56.469568+00
01a21666-5adf-7f12-aab0-e702cacb75d0	5	approval_responded	ask	\N	{"decision": "approved", "feedback": "as asks one and another, not for ever", "approval_id": "01a21666-5ae4-7f12-9e73-bf61357b7d47"}	\N	bob	\N	2026-11-26 05:48:56.470773+00
01a21666-5ad7-7a9b-8e29-15bb77e08138	9	checkpoint_created	last	/steps/3	{"checkpoint": "last", "checkpoint_id": "01a21666-5b1e-7a9b-b315-74c6ccca8f50"}	\N	\N	\N	2026-11-26 05:48:56.478787+00
01a21666-5ad7-7a9b-8e29-15bb77e08138	10	step_completed	last	/steps/3	\N	{"steps": {"last": {"answer": "Finish after Do it"}}}	\N	\N	2026-11-26 05:48:56.478787+00
01a21666-5ad7-7a9b-8e29-15bb77e08138	11	workflow_completed	\N	\N	\N	\N	\N	\N	2026-11-26 05:48:56.478787+00
01a21666-5ae8-7439-a355-1619162ed79c	9	approval_requested	unpay	/steps/1/undo/0	{"title": "Take back?", "approval_id": "01a21666-5b2b-7439-9a04-84d85fa59572"}	\N	\N	1	2026-11-26 05:48:56.491755+00
01a21666-5ad7-7e53-aa69-8dc2bffab29d	10	workflow_resumed	\N	\N	\N	\N	postgres	\N	2026-11-26 05:48:56.494985+00
01a21666-5ad7-7e53-aa69-8dc2bffab29d	11	step_completed	first	/steps/1	\N	{"steps": {"first": {"answer": "Do something else"}}}	\N	\N	2026-11-26 05:48:56.494985+00
01a21666-5ad7-7e53-aa69-8dc2bffab29d	12	approval_requested	ask	/steps/2	{"title": "Go on with something else?", "approval_id": "01a21666-5b2f-7e53-8f57-b5e359f8acae"}	\N	\N	\N	2026-11-26 05:48:56.494985+00
01a21666-5b59-7e26-8d50-b7847db8036c	1	workflow_created	\N	\N	\N	{"variables": {}}	postgres	\N	2026-11-26 05:48:56.537861+00
01a21666-5ae2-746e-8441-b96010c48367	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.418489+00
01a21666-5ae4-77c8-aae5-dba8f38be4d9	1	workflow_created	\N	\N	\N	{"variables": {"n": 7}}	tester	\N	2026-11-26 05:48:56.420571+00
01a21666-5ae6-7609-a30b-cc548290029d	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.422399+00
01a21666-5ae6-7844-bc16-142e856a865b	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.422555+00
01a21666-5ae6-749f-93cf-7e8100448f85	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.42298+00
01a21666-5ae7-74a1-835e-730b6d8b4559	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.42329+00
01a21666-5ae7-7f77-89fe-a58d0e140520	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.423739+00
01a21666-5ae7-79ed-a666-8a4cef41278e	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.424017+00
01a21666-5ae8-7177-88cd-ce812963938e	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.424295+00
01a21666-5ae8-7d41-b6cd-fc478b3077ba	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.424594+00
01a21666-5ae8-7439-a355-1619162ed79c	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.425023+00
01a21666-5ae9-7fbd-b540-068dc34e63c3	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.425249+00
01a21666-5ae9-737f-b700-038560467337	1	workflow_created	\N	\N	\N	{"variables": {}}	postgres	\N	2026-11-26 05:48:56.426326+00
01a21666-5aea-7bca-b333-59644073135e	1	workflow_created	\N	\N	\N	{"variables": {}}	tester	\N	2026-11-26 05:48:56.426654+00
01a21666-5aed-7d5d-9619-d779d03d62f9	1	workflow_created	\N	\N	\N	{"variables": {"amount": 5, "currency": "EUR"}}	postgres	\N	2026-11-26 05:48:56.430123+00
01a21666-5aef-79dc-b2fb-c4cfad1a2eab	1	workflow_created	\N	\N	\N	{"variables": {}}	postgres	\N	2026-11-26 05:48:56.432018+00
01a21666-5af0-76e1-9140-659d48cbd296	1	workflow_created	\N	\N	\N	{"variables": {}}	postgres	\N	2026-11-26 05:48:56.432265+00
01a21666-5af3-7bd4-b7f6-130c0ae122f4	1	workflow_created	\N	\N	\N	{"variables": {}}	postgres	\N	2026-11-26 05:48:56.435354+00
01a21666-5ad7-7961-ab1c-61078cfd616c	8	workflow_cancelled	\N	\N	{"actor": "postgres", "reason": "enough"}	\N	postgres	\N	2026-11-26 05:48:56.471325+00
01a21666-5ad7-770e-9b00-a75991d395c4	8	workflow_paused	\N	\N	{"actor": "postgres", "reason": "not now"}	\N	postgres	\N	2026-11-26 05:48:56.476778+00
01a21666-5ad7-7a9b-8e29-15bb77e08138	8	step_skipped	ask	/steps/2	{"actor": "postgres", "reason": "nobody there"}	{"steps": {"ask": {"decision": "approved"}}}	postgres	\N	2026-11-26 05:48:56.477823+00
01a21666-5ad7-7a51-a842-b8be2f0911c8	8	rolled_back	\N	\N	{"reason": "again", "checkpoint": "begin"}	{"$": {"task": "the goal of rolled back", "variables": {"n": 12345678901234567890.5, "what": "it"}}}	postgres	\N	2026-11-26 05:48:56.479767+00
01a21666-5ae2-746e-8441-b96010c48367	8	rolled_back	\N	\N	{"reason": "again", "checkpoint": "begin"}	{"$": {"task": "the goal of back in branches", "variables": {}}}	postgres	\N	2026-11-26 05:48:56.487145+00
01a21666-5ae8-7439-a355-1619162ed79c	8	undo_started	\N	\N	{"steps": 1, "reason": "again", "checkpoint": "begin"}	\N	postgres	\N	2026-11-26 05:48:56.489939+00
01a21666-5ad7-7e53-aa69-8dc2bffab29d	8	rolled_back	\N	\N	{"reason": "again", "checkpoint": "begin"}	{"$": {"task": "the goal of gone on", "variables": {"n": 12345678901234567890.5, "what": "it"}}}	postgres	\N	2026-11-26 05:48:56.492668+00
01a21666-5ad7-7e53-aa69-8dc2bffab29d	9	state_updated	\N	\N	\N	{"variables": {"what": "something else"}}	postgres	\N	2026-11-26 05:48:56.494048+00
01a21666-5ad7-7fd7-b37b-6c049ed783fe	8	checkpoint_created	\N	\N	{"checkpoint": "by hand", "description": "while it waits", "checkpoint_id": "01a21666-5b31-7fd7-9b91-0096d70be585"}	\N	postgres	\N	2026-11-26 05:48:56.497331+00
01a21666-5ae2-76b2-9d4c-71c76f53e710	14	checkpoint_created	\N	\N	{"checkpoint": "half way", "checkpoint_id": "01a21666-5b33-76b2-a5af-3c665af9f3aa"}	\N	postgres	\N	2026-11-26 05:48:56.499082+00
01a21666-5b38-7349-8333-1dce8cb00073	1	workflow_created	\N	\N	\N	{"variables": {}}	postgres	\N	2026-11-26 05:48:56.504924+00
01a21666-5b38-70f5-9e6f-8026f26e79d7	1	workflow_created	\N	\N	\N	{"variables": {}}	postgres	\N	2026-11-26 05:48:56.505001+00
01a21666-5b39-7148-9730-bdc803f3212b	1	workflow_created	\N	\N	\N	{"variables": {}}	postgres	\N	2026-11-26 05:48:56.505122+00
01a21666-5b38-7349-8333-1dce8cb00073	2	status_changed	\N	\N	{"to": "running", "from": "pending"}	\N	postgres	\N	2026-11-26 05:48:56.505408+00
01a21666-5b38-7349-8333-1dce8cb00073	3	status_changed	\N	\N	{"to": "paused", "from": "running"}	\N	postgres	\N	2026-11-26 05:48:56.50622+00
01a21666-5b38-70f5-9e6f-8026f26e79d7	2	status_changed	\N	\N	{"to": "running", "from": "pending"}	\N	postgres	\N	2026-11-26 05:48:56.506816+00
01a21666-5b38-70f5-9e6f-8026f26e79d7	3	status_changed	\N	\N	{"to": "waiting_approval", "from": "running"}	\N	postgres	\N	2026-11-26 05:48:56.507155+00
01a21666-5b38-70f5-9e6f-8026f26e79d7	4	status_changed	\N	\N	{"to": "approved", "from": "waiting_approval"}	\N	postgres	\N	2026-11-26 05:48:56.507531+00
01a21666-5b3b-7281-9ec0-afb4e781b7fe	1	workflow_created	\N	\N	\N	{"variables": {}}	clerk	\N	2026-11-26 05:48:56.508246+00
\.


--
-- Data for Name: workflow_templates; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.workflow_templates (name, version, definition_hash, description, defaults, required, owner, is_active, created_by, created_at) FROM stdin;
refund	1	\\x6b201ccf11d397a2c3656b0102726dc411c987cfdb6f5b64d1fb63db022e7092	\N	{"currency": "EUR"}	{amount}	postgres	t	postgres	2026-11-26 05:48:56.427166+00
refund	2	\\x353e4d601e3b1b496d408518e21fc4a5d83a90f45bd092e6074d92f53fab3dbe	\N	{}	{}	postgres	t	postgres	2026-11-26 05:48:56.430413+00
refund	3	\\xed7747194f9fa9d36668fcd0bd6094ac4c0f2c2596d5ac814d3353eeabf18734	\N	{}	{}	postgres	f	postgres	2026-11-26 05:48:56.430852+00
one at a time	1	\\x35dac3b31c3bbca31eb769cce6c52b6571653f4fa8eb1ba5eddca34bd0b97e50	\N	{}	{}	postgres	t	postgres	2026-11-26 05:48:56.431495+00
fragile	1	\\x216899c28093e16d14fa8f3ff4432c7e3ec7989665638f12f524a20c2483620e	\N	{}	{}	postgres	t	postgres	2026-11-26 05:48:56.432505+00
\.


--
-- Data for Name: workflows; Type: TABLE DATA; Schema: hitl; Owner: postgres
--

COPY hitl.workflows (id, name, description, status, definition_hash, control, data, large, error, last_event, output, owner, created_by, created_at, started_at, finished_at, deadline, priority, template, template_version, parent_id, parent_token, depth, recoveries) FROM stdin;
01a21666-5ad7-7455-b540-84470f54a277	answered	by workflows-0.2.0.sql	waiting_approval	\\x86c09b594674b892dab50d5a88c659501252233021481094b2e742a9d7eeefef	{"token": 2, "total": 4, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 2, "attempt": 1, "position": "/steps/2", "since_us": 1795672136408285}], "status": "waiting_approval", "entered": 3, "completed": 2}	{"task": "the goal of answered", "steps": {"first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	7	\N	postgres	tester	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.408285+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ad8-7f77-ae95-8022fbcc224f	completed	by workflows-0.2.0.sql	completed	\\xf64e5b0c29da487b10763427af74d331ac10182b39dbdd533e4bbeaab119e30b	{"token": 2, "total": 2, "active": [], "status": "completed", "entered": 2, "completed": 2}	{"task": "the goal of completed", "steps": {"one": {"answer": "One"}, "two": {"answer": "Two"}}, "variables": {}}	\N	\N	6	\N	postgres	tester	2026-11-26 05:48:56.407994+00	2026-11-26 05:48:56.419407+00	2026-11-26 05:48:56.419407+00	\N	0	\N	\N	\N	\N	0	0
01a21666-5ad5-7b2d-befb-8784277ec671	approved	by workflows-0.2.0.sql	completed	\\x14aa09278ac956612c7ede398095462ec5deb90de8d5d59800cc5fe2277cd6da	{"token": 3, "total": 4, "active": [], "status": "completed", "entered": 4, "completed": 4}	{"task": "the goal of approved", "steps": {"ask": {"decision": "approved", "feedback": "as approved", "approval_id": "01a21666-5ad9-7b2d-878b-83baacf2ab09", "approver_id": "ann"}, "last": {"answer": "Finish after Do it"}, "first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	13	\N	postgres	tester	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.408285+00	2026-11-26 05:48:56.460814+00	\N	0	\N	\N	\N	\N	0	0
01a21666-5ad7-7836-9cad-35774c14935c	rejected	by workflows-0.2.0.sql	rejected	\\xf1594ccccea6e6f2827334c26d7fdee3dfba3e5a20b945a54d0ceaa00a1e0fdb	{"token": 2, "total": 4, "active": [], "status": "rejected", "entered": 3, "completed": 2}	{"task": "the goal of rejected", "steps": {"ask": {"decision": "rejected", "feedback": "as rejected", "approval_id": "01a21666-5ad9-7836-8d44-64606d3d1e02", "approver_id": "ann"}, "first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	11	\N	postgres	tester	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.408285+00	2026-11-26 05:48:56.462903+00	\N	0	\N	\N	\N	\N	0	0
01a21666-5ad7-7961-ab1c-61078cfd616c	cancelled	by workflows-0.2.0.sql	cancelled	\\x1401fab14bf0b4e7085da04ee51155eb01a1f7de156ecc164859b1015c4dc9b5	{"token": 2, "total": 4, "active": [], "status": "cancelled", "entered": 3, "completed": 2}	{"task": "the goal of cancelled", "steps": {"first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	8	\N	postgres	tester	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.408285+00	2026-11-26 05:48:56.471325+00	\N	0	\N	\N	\N	\N	0	0
01a21666-5add-7ea5-ab0a-c2c7a1e89b8a	silent	by workflows-0.2.0.sql	running	\\x93166d69e5b68c308ae55876cb077135a1d1c7e6127cfe502fa631fec968cee8	{"token": 2, "total": 3, "active": [{"step": "think", "type": "task", "state": "waiting_reply", "token": 2, "attempt": 1, "position": "/steps/1", "since_us": 1795672136419407}], "status": "running", "entered": 2, "completed": 1}	{"task": "the goal of silent", "steps": {"before": {"answer": "Before"}}, "variables": {}}	\N	\N	5	\N	postgres	tester	2026-11-26 05:48:56.413154+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5add-7f49-b3cb-7d79ff9b0041	down	by workflows-0.2.0.sql	running	\\xeea3e1509ce53738d523e020a6153389b7261bd8d814cacbb6c7f001c7a3ebd8	{"token": 1, "total": 1, "active": [{"step": "think", "type": "task", "state": "waiting_reply", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "running", "entered": 1, "completed": 0}	{"task": "the goal of down", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.413445+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ade-7159-a53f-31be19cbe486	asks a list	by workflows-0.2.0.sql	waiting_approval	\\x81415608073d0856b17d7fd6dbbf7278665154be6d8c182143079863789774ad	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks a list", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ade-7166-a1f5-1d8bc085628a	asks all, not for ever	by workflows-0.2.0.sql	waiting_approval	\\x76f028c17f7c329042a2e54f41b3b9925eee1a87fd6c33cf4817559830910b0e	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks all, not for ever", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ad7-7e53-aa69-8dc2bffab29d	gone on	by workflows-0.2.0.sql	waiting_approval	\\x428a800bd72d400bafa2a2870c4f0b29725e56604abb52a4d67cbda07600faec	{"round": 1, "token": 4, "total": 4, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 4, "attempt": 2, "position": "/steps/2", "since_us": 1795672136494985}], "status": "waiting_approval", "entered": 3, "completed": 2}	{"task": "the goal of gone on", "steps": {"first": {"answer": "Do something else"}}, "variables": {"n": 12345678901234567890.5, "what": "something else"}}	\N	\N	12	\N	postgres	tester	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.408285+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ad7-7fd7-b37b-6c049ed783fe	waiting	by workflows-0.2.0.sql	waiting_approval	\\x0143996c856008f8ad8092b6b825b2b34f2dd91f354132753ba61bb6c35c1c35	{"token": 2, "total": 4, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 2, "attempt": 1, "position": "/steps/2", "since_us": 1795672136408285}], "status": "waiting_approval", "entered": 3, "completed": 2}	{"task": "the goal of waiting", "steps": {"first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	8	\N	postgres	tester	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.408285+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5adb-7cde-8848-ffee4b2450fd	failed	by workflows-0.2.0.sql	failed	\\x488150a4abe89299d42eb1a3814bd2685f2072ce1195df577dd56443e50857b7	{"token": 0, "total": 1, "active": [{"step": "bad", "type": "task", "state": "ready", "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "failed", "entered": 1, "completed": 0}	{"task": "the goal of failed", "steps": {"bad": {"error": {"kind": "validation_error", "message": "template path $.variables.missing matches nothing"}}}, "variables": {}}	\N	{"kind": "validation_error", "step": "bad", "message": "template path $.variables.missing matches nothing", "position": "/steps/0"}	5	\N	postgres	tester	2026-11-26 05:48:56.411672+00	2026-11-26 05:48:56.419407+00	2026-11-26 05:48:56.419407+00	\N	0	\N	\N	\N	\N	0	0
01a21666-5adc-70f3-94dd-aafbf7b7bf37	reviewed	by workflows-0.2.0.sql	waiting_approval	\\x951ee6a4641131265903ff0bbe886ad337326b4c15ced74ef893a816cc4fa9b4	{"token": 2, "total": 2, "active": [{"call": {"task": "Draft", "model": null, "retry": null, "context": {}, "instructions": null, "timeout_seconds": null}, "step": "draft", "type": "task", "state": "waiting_approval", "token": 2, "result": {"answer": "Draft"}, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of reviewed", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.41257+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5adc-7173-830c-6db3b9cc9595	goes on after failure	by workflows-0.2.0.sql	waiting_approval	\\x6dedd5053ccbf12ae0ac828c391c392de38a0c56437192d04eaa657a45ab1b2e	{"token": 1, "total": 3, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/1", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 2, "completed": 1}	{"task": "the goal of goes on after failure", "steps": {"bad": {"error": {"kind": "validation_error", "message": "template path $.variables.missing matches nothing"}}}, "variables": {}}	\N	\N	5	\N	postgres	tester	2026-11-26 05:48:56.412262+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5adc-74b7-bd80-9447aa6efc21	asked before	by workflows-0.2.0.sql	waiting_approval	\\x0e6da3f57e4764d9797454587042a4b46ddc35aa8d594be283278223e07fafc6	{"token": 1, "total": 1, "active": [{"call": {"task": "Drop it", "model": null, "retry": null, "context": {}, "instructions": null, "timeout_seconds": null}, "step": "drop", "type": "task", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407, "checkpointed": true}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asked before", "variables": {}}	\N	\N	5	\N	postgres	tester	2026-11-26 05:48:56.412874+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5add-7310-ae5b-92db9722b1f9	asks one	by workflows-0.2.0.sql	waiting_approval	\\xa320e8a718d90a2404b91ff24172844db1fb412d94939ccee79b25994740aca1	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks one", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5adf-724f-9162-ac2fcfd68885	asks anybody, not for ever	by workflows-0.2.0.sql	waiting_approval	\\x64383c384a17f35b0ac640cbdc03b5127ae43e0fc48e9c8ee569c4f37a159730	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks anybody, not for ever", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5adf-74af-ba7a-b60f0d110810	asks anybody	by workflows-0.2.0.sql	waiting_approval	\\x9325802ea451d2afb8bfc122fb315f396faa0fbcce206a3f4c97e8a4fa2bcb0d	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks anybody", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5adf-7a24-bc06-2e9d296b4c6b	asks with a form	by workflows-0.2.0.sql	waiting_approval	\\x51caef67b3f81c1ccdb0f0836b7f410ebab6f168b4edae2f56a739d6f073d323	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks with a form", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5adf-7b4a-ac37-17275b48af43	asks with a form, not for ever	by workflows-0.2.0.sql	waiting_approval	\\x59130a255b28eeac9b908e837ddfd1760f1cc1b629b09e5409e28829f9e67336	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks with a form, not for ever", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ae0-70fb-925d-0f21bf3f7dc9	asks for a budget	by workflows-0.2.0.sql	waiting_approval	\\x5af8c4d4a5470170f6bd872401c1d81b4be582371b41e7d198bfa1215bab64cf	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks for a budget", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ae4-77c8-aae5-dba8f38be4d9	signalled	by workflows-0.2.0.sql	waiting	\\xb473f6009ea4f0de2de9ee5d5af75ba09e4405c529e5c1944734fa92d4de1fa3	{"token": 1, "total": 1, "active": [{"step": "paid", "type": "signal", "state": "waiting_signal", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136429721}], "status": "waiting", "entered": 1, "completed": 0}	{"task": "the goal of signalled", "variables": {"n": 7}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.4204+00	2026-11-26 05:48:56.429721+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ae6-749f-93cf-7e8100448f85	parent	by workflows-0.2.0.sql	waiting	\\x3a0d460ebebb0ff59492eea599cdd18ed2e64f62ce310d19e8a1e88eec168c17	{"token": 1, "total": 2, "active": [{"step": "child", "type": "workflow", "state": "waiting_workflow", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136429721}], "status": "waiting", "entered": 1, "completed": 0}	{"task": "the goal of parent", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.422715+00	2026-11-26 05:48:56.429721+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ae6-7609-a30b-cc548290029d	claimed	by workflows-0.2.0.sql	running	\\x001075a0fd5059d930a814e54fffd27c54a2591e94075073138f132b06c94e54	{"token": 1, "total": 2, "active": [{"step": "job", "type": "task", "state": "waiting_reply", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136429721}], "status": "running", "entered": 1, "completed": 0}	{"task": "the goal of claimed", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.422115+00	2026-11-26 05:48:56.429721+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5adf-7f12-aab0-e702cacb75d0	asks one and another, not for ever	by workflows-0.2.0.sql	waiting_approval	\\x80df80f48e410d06b8cfca63687fce9b760f7898ed779415973ecf81531769fc	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks one and another, not for ever", "variables": {}}	\N	\N	5	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ae2-746e-8441-b96010c48367	back in branches	by workflows-0.2.0.sql	rolled_back	\\xa6b6d5f3948452a3be0d65a79e234885496ad6fb75480fd220960a0977cf6b7b	{"ready": [1], "round": 1, "token": 3, "total": 1, "active": [{"step": "both", "type": "parallel", "state": "ready", "attempt": 2, "branches": {"first": 1, "total": 2, "failed": 0, "running": 1, "started": 1, "completed": 0}, "position": "/steps/0", "since_us": 0}], "status": "rolled_back", "entered": 1, "branches": 2, "completed": 0}	{"task": "the goal of back in branches", "variables": {}}	\N	\N	8	\N	postgres	tester	2026-11-26 05:48:56.41834+00	2026-11-26 05:48:56.429721+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5aea-7bca-b333-59644073135e	scheduled	by workflows-0.2.0.sql	pending	\\x8dc0b4b6e79f948a9782bc44bb62fde3bae20692a89f4ad656f93486031b1f21	\N	{"variables": {}}	\N	\N	1	\N	postgres	tester	2026-11-26 05:48:56.426521+00	\N	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5af0-76e1-9140-659d48cbd296	second of two	\N	pending	\\x35dac3b31c3bbca31eb769cce6c52b6571653f4fa8eb1ba5eddca34bd0b97e50	\N	{"variables": {}}	\N	\N	1	\N	postgres	postgres	2026-11-26 05:48:56.431876+00	\N	\N	\N	0	one at a time	1	\N	\N	0	0
01a21666-5ae7-74a1-835e-730b6d8b4559	statement	by workflows-0.2.0.sql	running	\\x160f5c7e044420204c85db8ae6b33bc2661e961f548beb61a1728fef5db6cc5c	{"token": 1, "total": 2, "active": [{"step": "slow", "type": "sql", "state": "waiting_reply", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136429721}], "status": "running", "entered": 1, "completed": 0}	{"task": "the goal of statement", "variables": {}}	\N	\N	3	\N	postgres	tester	2026-11-26 05:48:56.423144+00	2026-11-26 05:48:56.429721+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ae7-79ed-a666-8a4cef41278e	fetching	by workflows-0.2.0.sql	running	\\x925e2e7159257289848873016fac758bbc072171027e152f19bec255c1ffc019	{"token": 1, "total": 1, "active": [{"step": "get", "type": "http", "state": "waiting_reply", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136429721}], "status": "running", "entered": 1, "completed": 0}	{"task": "the goal of fetching", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.423889+00	2026-11-26 05:48:56.429721+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ae8-7177-88cd-ce812963938e	wants a secret	by workflows-0.2.0.sql	running	\\x9f150bf25f35304c345d0448ba91c5b076ef5a441ba9ab36249c4c3df59ca261	{"token": 1, "total": 1, "active": [{"step": "get", "type": "http", "state": "waiting_reply", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136429721}], "status": "running", "entered": 1, "completed": 0}	{"task": "the goal of wants a secret", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.424169+00	2026-11-26 05:48:56.429721+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ae9-737f-b700-038560467337	urgent	\N	waiting	\\x43bb0c3de4ad223645e4f6fdd5f4fc914ac7728f4c1d804927277be28166d253	{"token": 2, "total": 1, "active": [{"step": "go", "type": "signal", "state": "waiting_signal", "token": 2, "attempt": 1, "position": "/steps/0", "since_us": 1795672136429721}], "status": "waiting", "entered": 1, "deadline": {"at_us": 2106712136429721, "token": 1}, "completed": 0}	{"variables": {}}	\N	\N	2	\N	postgres	postgres	2026-11-26 05:48:56.425442+00	2026-11-26 05:48:56.429721+00	\N	2100-01-01 00:00:00+00	7	\N	\N	\N	\N	0	0
01a21666-5ae9-7fbd-b540-068dc34e63c3	to be undone	by workflows-0.2.0.sql	waiting_approval	\\x474270eb892fa6b1b5f6aefd5630805796c40b9602c90787be81414aed7b1a2b	{"token": 2, "total": 3, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 2, "attempt": 1, "position": "/steps/2", "since_us": 1795672136429721}], "status": "waiting_approval", "entered": 3, "completed": 2}	{"task": "the goal of to be undone", "steps": {"pay": {"answer": "Pay"}}, "variables": {}}	\N	\N	7	\N	postgres	tester	2026-11-26 05:48:56.424742+00	2026-11-26 05:48:56.429721+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5aed-7d5d-9619-d779d03d62f9	of a template	\N	waiting_approval	\\x6b201ccf11d397a2c3656b0102726dc411c987cfdb6f5b64d1fb63db022e7092	{"token": 1, "total": 1, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136439717}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"variables": {"amount": 5, "currency": "EUR"}}	\N	\N	3	\N	postgres	postgres	2026-11-26 05:48:56.429622+00	2026-11-26 05:48:56.439717+00	\N	\N	0	refund	1	\N	\N	0	0
01a21666-5aef-79dc-b2fb-c4cfad1a2eab	first of two	\N	waiting_approval	\\x35dac3b31c3bbca31eb769cce6c52b6571653f4fa8eb1ba5eddca34bd0b97e50	{"token": 1, "total": 1, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136445858}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"variables": {}}	\N	\N	3	\N	postgres	postgres	2026-11-26 05:48:56.431876+00	2026-11-26 05:48:56.445858+00	\N	\N	0	one at a time	1	\N	\N	0	0
01a21666-5ae7-7f77-89fe-a58d0e140520	retrying	by workflows-0.2.0.sql	waiting	\\x6f476a4f6834708d98a0d2840a3c738842a8b1062d6efd608cc5001b2b1d20b7	{"token": 2, "total": 1, "active": [{"step": "divide", "type": "sql", "state": "waiting_retry", "token": 2, "tries": 1, "attempt": 2, "position": "/steps/0", "since_us": 1795672136444185}], "status": "waiting", "entered": 1, "highest": 2, "completed": 0}	{"task": "the goal of retrying", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.423567+00	2026-11-26 05:48:56.429721+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ade-71c6-a9e0-1c5c2045b02a	asks one, not for ever	by workflows-0.2.0.sql	waiting_approval	\\x943d16a4b35b63fc946803280d6d96337f527d4e43d1c8abccc7c0cca96a2145	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks one, not for ever", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ade-7ab3-be90-9ad430b7e701	asks a list, not for ever	by workflows-0.2.0.sql	waiting_approval	\\x9a34496b77bc82193925b15d2989c4a8ba2969dc986d000eda9a2586ad14746e	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks a list, not for ever", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5adf-79cd-853f-4eb8348fe345	asks one and another	by workflows-0.2.0.sql	waiting_approval	\\xc4205f7c6603d753660de9f811178571ecd101a928e9f93cabae7e48b6b93b6f	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks one and another", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ade-77a8-bf8f-737f2609a0e5	asks all	by workflows-0.2.0.sql	waiting_approval	\\x17448814651d1e1b17c822123e97fb793bf3c45712908b31c70ad4ccc72377b9	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks all", "variables": {}}	\N	\N	5	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ade-7c48-bb21-be76445827a5	asks two of three	by workflows-0.2.0.sql	waiting_approval	\\x95392926a9a8aabb6f72d9b04b74b27135aeec3762cb56135d814cf5bfda1c1a	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks two of three", "variables": {}}	\N	\N	5	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ade-7338-91a7-3edbbb3b1111	asks two of three, not for ever	by workflows-0.2.0.sql	waiting_approval	\\xca89805b538866182e037b5e2164b9881f6654e79b1e7b2eab319c2a8a9f76b1	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks two of three, not for ever", "variables": {}}	\N	\N	5	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ae0-7586-9205-d3c44cb56535	expires	by workflows-0.2.0.sql	waiting_approval	\\x1a4849b4f8693758c93f7fae6e640c458a9c0c121dc8505a0567be1f0efcbc0e	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of expires", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.416795+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ae0-7abe-8a5a-9f91d4d7bb1c	asks for a budget, not for ever	by workflows-0.2.0.sql	waiting_approval	\\x6bdf31bdcd0e2416bf9117b6706da6bc3e9bc08b2b08c050fc78fba17f4c3004	{"token": 1, "total": 2, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"task": "the goal of asks for a budget, not for ever", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.413747+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ae1-7a23-bade-d4bb27a18632	branches	by workflows-0.2.0.sql	waiting_approval	\\x9ec05d5b8397c34d236a87e8e51d26df9217467ffafeb9a3d2a14858a1be49d0	{"token": 5, "total": 2, "active": [{"step": "both", "type": "parallel", "state": "waiting_branches", "token": 1, "attempt": 1, "branches": {"first": 1, "total": 4, "failed": 0, "running": 3, "started": 4, "completed": 1}, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "branches": 4, "approvals": 1, "completed": 0}	{"task": "the goal of branches", "steps": {"quick": {"answer": "Quick"}}, "variables": {"soon": "2026-11-26 05:49:56"}}	\N	\N	5	\N	postgres	tester	2026-11-26 05:48:56.417122+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ae6-7844-bc16-142e856a865b	offered	by workflows-0.2.0.sql	running	\\xd8aa644c89425465b7e868e62c888b5b4344f20874b2afbfcbc416ebfb21c83e	{"token": 1, "total": 2, "active": [{"step": "job", "type": "task", "state": "waiting_reply", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136429721}], "status": "running", "entered": 1, "completed": 0}	{"task": "the goal of offered", "variables": {}}	\N	\N	4	\N	postgres	tester	2026-11-26 05:48:56.422115+00	2026-11-26 05:48:56.429721+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5aee-749f-aa4c-6e94923818fa	child of parent	\N	waiting_approval	\\xf2b812782f842b8918800f0306ad4bdb46770dadcee2559a92928141633c1f42	{"token": 1, "total": 1, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 1, "attempt": 1, "position": "/steps/0", "since_us": 1795672136439717}], "status": "waiting_approval", "entered": 1, "completed": 0}	{"variables": {}}	\N	\N	3	\N	postgres	workflow 01a21666-5ae6-749f-93cf-7e8100448f85	2026-11-26 05:48:56.429664+00	2026-11-26 05:48:56.439717+00	\N	\N	0	\N	\N	01a21666-5ae6-749f-93cf-7e8100448f85	1	1	0
01a21666-5ae2-76b2-9d4c-71c76f53e710	each	by workflows-0.2.0.sql	waiting_approval	\\x96a08f3f268eae89b67497456056ae326534f9f484eb02e529106f8906642018	{"token": 8, "total": 2, "active": [{"step": "each", "type": "foreach", "state": "waiting_branches", "token": 1, "attempt": 1, "branches": {"first": 1, "total": 5, "failed": 0, "running": 2, "started": 3, "completed": 1}, "position": "/steps/0", "since_us": 1795672136419407}], "status": "waiting_approval", "entered": 1, "branches": 5, "approvals": 2, "completed": 0}	{"task": "the goal of each", "variables": {"list": [1, 2, 3, 4, 5]}}	\N	\N	14	\N	postgres	tester	2026-11-26 05:48:56.417963+00	2026-11-26 05:48:56.419407+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ae8-7d41-b6cd-fc478b3077ba	large	by workflows-0.2.0.sql	waiting_approval	\\x2a9cce44f0645737b5c57ab9d4348a0ee73beb0304918a0b3d7e6efe4ea06892	{"token": 2, "total": 3, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 2, "attempt": 1, "position": "/steps/1", "since_us": 1795672136447763}], "status": "waiting_approval", "entered": 2, "completed": 1}	{"task": "the goal of large", "steps": {}, "variables": {}}	{"steps": {"much": 4}}	\N	5	\N	postgres	tester	2026-11-26 05:48:56.424446+00	2026-11-26 05:48:56.429721+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5af3-7bd4-b7f6-130c0ae122f4	to recover	\N	failed	\\x216899c28093e16d14fa8f3ff4432c7e3ec7989665638f12f524a20c2483620e	{"token": 1, "total": 1, "active": [{"step": "divide", "type": "sql", "state": "ready", "attempt": 1, "position": "/steps/0", "since_us": 1795672136452649}], "status": "failed", "entered": 1, "completed": 0}	{"steps": {"divide": {"error": {"kind": "validation_error", "message": "division by zero", "sqlstate": "22012"}}}, "variables": {}}	\N	{"kind": "validation_error", "step": "divide", "message": "division by zero", "position": "/steps/0", "sqlstate": "22012"}	4	\N	postgres	postgres	2026-11-26 05:48:56.435238+00	2026-11-26 05:48:56.439717+00	2026-11-26 05:48:56.452649+00	\N	0	fragile	1	\N	\N	0	0
01a21666-5ad7-770e-9b00-a75991d395c4	paused	by workflows-0.2.0.sql	paused	\\x4136c6493b869e95b43fb64de3e8b5d7c484d4489f8342bbb890dd4b3fd942cf	{"token": 2, "total": 4, "active": [{"step": "ask", "type": "approval", "state": "waiting_approval", "token": 2, "attempt": 1, "position": "/steps/2", "since_us": 1795672136408285}], "status": "paused", "entered": 3, "completed": 2}	{"task": "the goal of paused", "steps": {"first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	8	\N	postgres	tester	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.408285+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ad7-7a9b-8e29-15bb77e08138	skipped	by workflows-0.2.0.sql	completed	\\x6c5faa20f8935a9e333ab5842af0d96a9699ddf370bbfcbed19d868830541bfe	{"token": 3, "total": 4, "active": [], "status": "completed", "entered": 4, "completed": 4}	{"task": "the goal of skipped", "steps": {"ask": {"decision": "approved"}, "last": {"answer": "Finish after Do it"}, "first": {"answer": "Do it"}}, "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	11	\N	postgres	tester	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.408285+00	2026-11-26 05:48:56.478787+00	\N	0	\N	\N	\N	\N	0	0
01a21666-5ad7-7a51-a842-b8be2f0911c8	rolled back	by workflows-0.2.0.sql	rolled_back	\\x036fb797eecaa4bcb01815f3c48dfb091c4089be26096c88bf35a52023ed78a4	{"round": 1, "token": 2, "total": 4, "active": [{"step": "first", "type": "task", "state": "ready", "attempt": 2, "position": "/steps/1", "since_us": 0}], "status": "rolled_back", "entered": 1, "completed": 1}	{"task": "the goal of rolled back", "variables": {"n": 12345678901234567890.5, "what": "it"}}	\N	\N	8	\N	postgres	tester	2026-11-26 05:48:56.405156+00	2026-11-26 05:48:56.408285+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5ae8-7439-a355-1619162ed79c	being undone	by workflows-0.2.0.sql	waiting_approval	\\x2641af39ec6ae8acf92f664f30a0a9c3386c51cbde50213d0e251f55366c3529	{"undo": {"done": 0, "first": 1, "total": 1, "reason": "again", "checkpoint": "begin"}, "token": 3, "total": 3, "active": [], "status": "waiting_approval", "entered": 0, "branches": 1, "approvals": 1, "completed": 2}	{"task": "the goal of being undone", "steps": {"pay": {"answer": "Pay"}}, "variables": {}}	\N	\N	9	\N	postgres	tester	2026-11-26 05:48:56.424742+00	2026-11-26 05:48:56.429721+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5b39-7148-9730-bdc803f3212b	pending	\N	pending	\\x7bb021b6253d3be7d509d6eb3031b561c7230771621b66238e3c04849728275f	\N	{"variables": {}}	\N	\N	1	\N	postgres	postgres	2026-11-26 05:48:56.504734+00	\N	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5b38-7349-8333-1dce8cb00073	by hand	\N	paused	\N	\N	{"variables": {}}	\N	\N	3	\N	postgres	postgres	2026-11-26 05:48:56.504734+00	2026-11-26 05:48:56.505408+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5b38-70f5-9e6f-8026f26e79d7	approved by hand	\N	approved	\N	\N	{"variables": {}}	\N	\N	4	\N	postgres	postgres	2026-11-26 05:48:56.504734+00	2026-11-26 05:48:56.506816+00	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5b3b-7281-9ec0-afb4e781b7fe	of clerk	\N	pending	\\x7bb021b6253d3be7d509d6eb3031b561c7230771621b66238e3c04849728275f	\N	{"variables": {}}	\N	\N	1	\N	clerk	clerk	2026-11-26 05:48:56.507952+00	\N	\N	\N	0	\N	\N	\N	\N	0	0
01a21666-5b59-7e26-8d50-b7847db8036c	due	\N	pending	\\xf05d19b28126eba6c7a77d4d9d2c296100e5cadd39e22108b4ce0f225abecc22	\N	{"variables": {}}	\N	\N	1	\N	postgres	postgres	2026-11-26 05:48:56.537145+00	\N	\N	\N	0	\N	\N	\N	\N	0	0
\.


--
-- Data for Name: claims; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.claims (task_id, workflow_id, step_name, task, context, instructions, attempt, lease_until, progress, idempotency_key, created_at) FROM stdin;
01a21666-5aee-7609-93a0-1e55008c0001	01a21666-5ae6-7609-a30b-cc548290029d	job	Work	{}	\N	1	2026-12-03 05:48:56.503927+00	\N	01a21666-5aee-7609-93a0-1e55008c0000	2026-11-26 05:48:56.433763+00
\.


--
-- Data for Name: divisor; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.divisor (n) FROM stdin;
0
\.


--
-- Name: messages_id_seq; Type: SEQUENCE SET; Schema: hitl; Owner: postgres
--

SELECT pg_catalog.setval('hitl.messages_id_seq', 89, true);


--
-- Name: signals_id_seq; Type: SEQUENCE SET; Schema: hitl; Owner: postgres
--

SELECT pg_catalog.setval('hitl.signals_id_seq', 1, true);


--
-- Name: SCHEMA hitl; Type: ACL; Schema: -; Owner: postgres
--

GRANT USAGE ON SCHEMA hitl TO reader;
GRANT USAGE ON SCHEMA hitl TO boss;
GRANT USAGE ON SCHEMA hitl TO clerk;
GRANT USAGE ON SCHEMA hitl TO chief;
GRANT USAGE ON SCHEMA hitl TO robot;
GRANT USAGE ON SCHEMA hitl TO "Some One";


--
-- Name: FUNCTION activate_template(name text, version integer); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.activate_template(name text, version integer) TO clerk;
GRANT ALL ON FUNCTION hitl.activate_template(name text, version integer) TO chief;


--
-- Name: TABLE workflows; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.workflows TO chief;


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
-- Name: FUNCTION cancel_workflow(workflow_id uuid, reason text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.cancel_workflow(workflow_id uuid, reason text) TO clerk;
GRANT ALL ON FUNCTION hitl.cancel_workflow(workflow_id uuid, reason text) TO chief;


--
-- Name: FUNCTION check_template(name text, version integer, input_data jsonb); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.check_template(name text, version integer, input_data jsonb) TO clerk;
GRANT ALL ON FUNCTION hitl.check_template(name text, version integer, input_data jsonb) TO chief;


--
-- Name: FUNCTION claim_tasks(queue text, n integer, lease interval, worker text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.claim_tasks(queue text, n integer, lease interval, worker text) TO reader;
GRANT ALL ON FUNCTION hitl.claim_tasks(queue text, n integer, lease interval, worker text) TO boss;
GRANT ALL ON FUNCTION hitl.claim_tasks(queue text, n integer, lease interval, worker text) TO clerk;
GRANT ALL ON FUNCTION hitl.claim_tasks(queue text, n integer, lease interval, worker text) TO chief;
GRANT ALL ON FUNCTION hitl.claim_tasks(queue text, n integer, lease interval, worker text) TO robot;


--
-- Name: FUNCTION complete_task(task_id uuid, result jsonb); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.complete_task(task_id uuid, result jsonb) TO reader;
GRANT ALL ON FUNCTION hitl.complete_task(task_id uuid, result jsonb) TO boss;
GRANT ALL ON FUNCTION hitl.complete_task(task_id uuid, result jsonb) TO clerk;
GRANT ALL ON FUNCTION hitl.complete_task(task_id uuid, result jsonb) TO chief;
GRANT ALL ON FUNCTION hitl.complete_task(task_id uuid, result jsonb) TO robot;


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
-- Name: FUNCTION create_model(name text, base_url text, model text, provider text, secret_name text, parameters jsonb, is_default boolean, timeout_seconds integer, headers jsonb); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.create_model(name text, base_url text, model text, provider text, secret_name text, parameters jsonb, is_default boolean, timeout_seconds integer, headers jsonb) TO chief;


--
-- Name: FUNCTION create_template(name text, version integer, definition jsonb, description text, default_parameters jsonb, required_parameters text[]); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.create_template(name text, version integer, definition jsonb, description text, default_parameters jsonb, required_parameters text[]) TO clerk;
GRANT ALL ON FUNCTION hitl.create_template(name text, version integer, definition jsonb, description text, default_parameters jsonb, required_parameters text[]) TO chief;


--
-- Name: FUNCTION create_workflow(name text, description text, workflow_definition jsonb, input_data jsonb, created_by text, template text, template_version integer, idempotency_key text, priority integer, deadline timestamp with time zone); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.create_workflow(name text, description text, workflow_definition jsonb, input_data jsonb, created_by text, template text, template_version integer, idempotency_key text, priority integer, deadline timestamp with time zone) TO clerk;
GRANT ALL ON FUNCTION hitl.create_workflow(name text, description text, workflow_definition jsonb, input_data jsonb, created_by text, template text, template_version integer, idempotency_key text, priority integer, deadline timestamp with time zone) TO chief;
GRANT ALL ON FUNCTION hitl.create_workflow(name text, description text, workflow_definition jsonb, input_data jsonb, created_by text, template text, template_version integer, idempotency_key text, priority integer, deadline timestamp with time zone) TO "Some One" WITH GRANT OPTION;


--
-- Name: FUNCTION deactivate_template(name text, version integer); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.deactivate_template(name text, version integer) TO clerk;
GRANT ALL ON FUNCTION hitl.deactivate_template(name text, version integer) TO chief;


--
-- Name: FUNCTION definition_steps(definition jsonb); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.definition_steps(definition jsonb) TO reader;
GRANT ALL ON FUNCTION hitl.definition_steps(definition jsonb) TO boss;
GRANT ALL ON FUNCTION hitl.definition_steps(definition jsonb) TO clerk;
GRANT ALL ON FUNCTION hitl.definition_steps(definition jsonb) TO chief;


--
-- Name: FUNCTION delete_secret(name text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.delete_secret(name text) TO chief;


--
-- Name: TABLE workflow_events; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.workflow_events TO chief;


--
-- Name: FUNCTION drop_limit(kind text, name text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.drop_limit(kind text, name text) TO chief;


--
-- Name: TABLE models; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.models TO chief;


--
-- Name: FUNCTION drop_model(name text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.drop_model(name text) TO chief;


--
-- Name: TABLE recovery_policies; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.recovery_policies TO chief;


--
-- Name: FUNCTION drop_recovery_policy(failure_kind text, template text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.drop_recovery_policy(failure_kind text, template text) TO chief;


--
-- Name: FUNCTION execute_workflow(workflow_id uuid, task text, context jsonb, start_at timestamp with time zone); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.execute_workflow(workflow_id uuid, task text, context jsonb, start_at timestamp with time zone) TO clerk;
GRANT ALL ON FUNCTION hitl.execute_workflow(workflow_id uuid, task text, context jsonb, start_at timestamp with time zone) TO chief;


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
-- Name: FUNCTION explain_definition(definition jsonb); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.explain_definition(definition jsonb) TO reader;
GRANT ALL ON FUNCTION hitl.explain_definition(definition jsonb) TO boss;
GRANT ALL ON FUNCTION hitl.explain_definition(definition jsonb) TO clerk;
GRANT ALL ON FUNCTION hitl.explain_definition(definition jsonb) TO chief;


--
-- Name: FUNCTION name_people(question jsonb); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.name_people(question jsonb) TO reader;
GRANT ALL ON FUNCTION hitl.name_people(question jsonb) TO boss;
GRANT ALL ON FUNCTION hitl.name_people(question jsonb) TO clerk;
GRANT ALL ON FUNCTION hitl.name_people(question jsonb) TO chief;


--
-- Name: FUNCTION step_summary(step jsonb); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.step_summary(step jsonb) TO reader;
GRANT ALL ON FUNCTION hitl.step_summary(step jsonb) TO boss;
GRANT ALL ON FUNCTION hitl.step_summary(step jsonb) TO clerk;
GRANT ALL ON FUNCTION hitl.step_summary(step jsonb) TO chief;


--
-- Name: FUNCTION explain_step(step jsonb); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.explain_step(step jsonb) TO reader;
GRANT ALL ON FUNCTION hitl.explain_step(step jsonb) TO boss;
GRANT ALL ON FUNCTION hitl.explain_step(step jsonb) TO clerk;
GRANT ALL ON FUNCTION hitl.explain_step(step jsonb) TO chief;


--
-- Name: FUNCTION fail_task(task_id uuid, message text, kind text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.fail_task(task_id uuid, message text, kind text) TO reader;
GRANT ALL ON FUNCTION hitl.fail_task(task_id uuid, message text, kind text) TO boss;
GRANT ALL ON FUNCTION hitl.fail_task(task_id uuid, message text, kind text) TO clerk;
GRANT ALL ON FUNCTION hitl.fail_task(task_id uuid, message text, kind text) TO chief;
GRANT ALL ON FUNCTION hitl.fail_task(task_id uuid, message text, kind text) TO robot;


--
-- Name: FUNCTION failure_kind(error jsonb); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.failure_kind(error jsonb) TO chief;


--
-- Name: FUNCTION first_id(at timestamp with time zone); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.first_id(at timestamp with time zone) TO reader;
GRANT ALL ON FUNCTION hitl.first_id(at timestamp with time zone) TO boss;
GRANT ALL ON FUNCTION hitl.first_id(at timestamp with time zone) TO clerk;
GRANT ALL ON FUNCTION hitl.first_id(at timestamp with time zone) TO chief;


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
-- Name: FUNCTION grant_queue(grantee name, queue text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.grant_queue(grantee name, queue text) TO chief;


--
-- Name: FUNCTION grant_signal(grantee name, signal text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.grant_signal(grantee name, signal text) TO chief;


--
-- Name: FUNCTION heartbeat_task(task_id uuid, lease interval, progress jsonb); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.heartbeat_task(task_id uuid, lease interval, progress jsonb) TO reader;
GRANT ALL ON FUNCTION hitl.heartbeat_task(task_id uuid, lease interval, progress jsonb) TO boss;
GRANT ALL ON FUNCTION hitl.heartbeat_task(task_id uuid, lease interval, progress jsonb) TO clerk;
GRANT ALL ON FUNCTION hitl.heartbeat_task(task_id uuid, lease interval, progress jsonb) TO chief;
GRANT ALL ON FUNCTION hitl.heartbeat_task(task_id uuid, lease interval, progress jsonb) TO robot;


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
-- Name: FUNCTION list_schedules(); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.list_schedules() TO clerk;
GRANT ALL ON FUNCTION hitl.list_schedules() TO chief;


--
-- Name: FUNCTION migrate_workflow(workflow_id uuid, template_version integer, definition jsonb, reason text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.migrate_workflow(workflow_id uuid, template_version integer, definition jsonb, reason text) TO clerk;
GRANT ALL ON FUNCTION hitl.migrate_workflow(workflow_id uuid, template_version integer, definition jsonb, reason text) TO chief;


--
-- Name: FUNCTION partition_of(id uuid); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.partition_of(id uuid) TO reader;
GRANT ALL ON FUNCTION hitl.partition_of(id uuid) TO boss;
GRANT ALL ON FUNCTION hitl.partition_of(id uuid) TO clerk;
GRANT ALL ON FUNCTION hitl.partition_of(id uuid) TO chief;


--
-- Name: FUNCTION pause_workflow(workflow_id uuid, reason text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.pause_workflow(workflow_id uuid, reason text) TO clerk;
GRANT ALL ON FUNCTION hitl.pause_workflow(workflow_id uuid, reason text) TO chief;


--
-- Name: FUNCTION purge(older_than interval, statuses text[], max_workflows integer); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.purge(older_than interval, statuses text[], max_workflows integer) TO chief;


--
-- Name: FUNCTION recount_template_starts(); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.recount_template_starts() TO chief;


--
-- Name: FUNCTION recover_failed_workflows(failure_kinds text[], since interval, max_workflows integer, reason text, max_recoveries integer); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.recover_failed_workflows(failure_kinds text[], since interval, max_workflows integer, reason text, max_recoveries integer) TO clerk;
GRANT ALL ON FUNCTION hitl.recover_failed_workflows(failure_kinds text[], since interval, max_workflows integer, reason text, max_recoveries integer) TO chief;


--
-- Name: FUNCTION release_task(task_id uuid); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.release_task(task_id uuid) TO reader;
GRANT ALL ON FUNCTION hitl.release_task(task_id uuid) TO boss;
GRANT ALL ON FUNCTION hitl.release_task(task_id uuid) TO clerk;
GRANT ALL ON FUNCTION hitl.release_task(task_id uuid) TO chief;
GRANT ALL ON FUNCTION hitl.release_task(task_id uuid) TO robot;


--
-- Name: FUNCTION request_approval(title text, description text, approval_type text, requested_from text, required_approvers text[], approval_threshold integer, timeout_hours numeric, context_data jsonb, workflow_id uuid, requested_by text, channels text[], idempotency_key text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.request_approval(title text, description text, approval_type text, requested_from text, required_approvers text[], approval_threshold integer, timeout_hours numeric, context_data jsonb, workflow_id uuid, requested_by text, channels text[], idempotency_key text) TO clerk;
GRANT ALL ON FUNCTION hitl.request_approval(title text, description text, approval_type text, requested_from text, required_approvers text[], approval_threshold integer, timeout_hours numeric, context_data jsonb, workflow_id uuid, requested_by text, channels text[], idempotency_key text) TO chief;


--
-- Name: FUNCTION reset_circuit_breaker(host text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.reset_circuit_breaker(host text) TO chief;


--
-- Name: FUNCTION respond_to_approval(approval_id uuid, approver_id text, decision text, response_data jsonb, feedback text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.respond_to_approval(approval_id uuid, approver_id text, decision text, response_data jsonb, feedback text) TO boss;
GRANT ALL ON FUNCTION hitl.respond_to_approval(approval_id uuid, approver_id text, decision text, response_data jsonb, feedback text) TO clerk;
GRANT ALL ON FUNCTION hitl.respond_to_approval(approval_id uuid, approver_id text, decision text, response_data jsonb, feedback text) TO chief;


--
-- Name: FUNCTION resume_workflow(workflow_id uuid, reason text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.resume_workflow(workflow_id uuid, reason text) TO clerk;
GRANT ALL ON FUNCTION hitl.resume_workflow(workflow_id uuid, reason text) TO chief;


--
-- Name: FUNCTION retry_request(request_id uuid); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.retry_request(request_id uuid) TO chief;


--
-- Name: FUNCTION retry_workflow(workflow_id uuid, reason text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.retry_workflow(workflow_id uuid, reason text) TO clerk;
GRANT ALL ON FUNCTION hitl.retry_workflow(workflow_id uuid, reason text) TO chief;


--
-- Name: FUNCTION revoke_access(grantee name); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.revoke_access(grantee name) TO chief;


--
-- Name: FUNCTION revoke_acting(grantee name, approver_id text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.revoke_acting(grantee name, approver_id text) TO chief;


--
-- Name: FUNCTION revoke_queue(grantee name, queue text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.revoke_queue(grantee name, queue text) TO chief;


--
-- Name: FUNCTION revoke_signal(grantee name, signal text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.revoke_signal(grantee name, signal text) TO chief;


--
-- Name: FUNCTION rollback_workflow(workflow_id uuid, checkpoint_name text, reason text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.rollback_workflow(workflow_id uuid, checkpoint_name text, reason text) TO clerk;
GRANT ALL ON FUNCTION hitl.rollback_workflow(workflow_id uuid, checkpoint_name text, reason text) TO chief;


--
-- Name: FUNCTION run_schedule(schedule_name text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.run_schedule(schedule_name text) TO clerk;
GRANT ALL ON FUNCTION hitl.run_schedule(schedule_name text) TO chief;


--
-- Name: FUNCTION schedule_template(schedule_name text, template text, schedule text, input_data jsonb, version integer); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.schedule_template(schedule_name text, template text, schedule text, input_data jsonb, version integer) TO clerk;
GRANT ALL ON FUNCTION hitl.schedule_template(schedule_name text, template text, schedule text, input_data jsonb, version integer) TO chief;


--
-- Name: FUNCTION send_signal(workflow_id uuid, name text, payload jsonb, idempotency_key text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.send_signal(workflow_id uuid, name text, payload jsonb, idempotency_key text) TO reader;
GRANT ALL ON FUNCTION hitl.send_signal(workflow_id uuid, name text, payload jsonb, idempotency_key text) TO boss;
GRANT ALL ON FUNCTION hitl.send_signal(workflow_id uuid, name text, payload jsonb, idempotency_key text) TO clerk;
GRANT ALL ON FUNCTION hitl.send_signal(workflow_id uuid, name text, payload jsonb, idempotency_key text) TO chief;
GRANT ALL ON FUNCTION hitl.send_signal(workflow_id uuid, name text, payload jsonb, idempotency_key text) TO robot;


--
-- Name: FUNCTION set_limit(kind text, name text, max_concurrency integer, max_rate integer, per interval); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.set_limit(kind text, name text, max_concurrency integer, max_rate integer, per interval) TO chief;


--
-- Name: FUNCTION set_recovery_policy(failure_kind text, max_recoveries integer, delay jsonb, template text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.set_recovery_policy(failure_kind text, max_recoveries integer, delay jsonb, template text) TO chief;


--
-- Name: FUNCTION set_secret(name text, value text, allowed_hosts text[]); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.set_secret(name text, value text, allowed_hosts text[]) TO chief;


--
-- Name: FUNCTION skip_step(workflow_id uuid, step_name text, result jsonb, reason text, scope bigint); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.skip_step(workflow_id uuid, step_name text, result jsonb, reason text, scope bigint) TO clerk;
GRANT ALL ON FUNCTION hitl.skip_step(workflow_id uuid, step_name text, result jsonb, reason text, scope bigint) TO chief;


--
-- Name: FUNCTION start_template(template text, input_data jsonb, version integer, workflow_name text, start_at timestamp with time zone, idempotency_key text, priority integer, deadline timestamp with time zone, created_by text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.start_template(template text, input_data jsonb, version integer, workflow_name text, start_at timestamp with time zone, idempotency_key text, priority integer, deadline timestamp with time zone, created_by text) TO clerk;
GRANT ALL ON FUNCTION hitl.start_template(template text, input_data jsonb, version integer, workflow_name text, start_at timestamp with time zone, idempotency_key text, priority integer, deadline timestamp with time zone, created_by text) TO chief;


--
-- Name: FUNCTION step_states(workflow_id uuid); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.step_states(workflow_id uuid) TO reader;
GRANT ALL ON FUNCTION hitl.step_states(workflow_id uuid) TO boss;
GRANT ALL ON FUNCTION hitl.step_states(workflow_id uuid) TO clerk;
GRANT ALL ON FUNCTION hitl.step_states(workflow_id uuid) TO chief;


--
-- Name: FUNCTION time_of(id uuid); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.time_of(id uuid) TO reader;
GRANT ALL ON FUNCTION hitl.time_of(id uuid) TO boss;
GRANT ALL ON FUNCTION hitl.time_of(id uuid) TO clerk;
GRANT ALL ON FUNCTION hitl.time_of(id uuid) TO chief;


--
-- Name: FUNCTION transition_workflow_status(workflow_id uuid, new_status text, reason text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.transition_workflow_status(workflow_id uuid, new_status text, reason text) TO clerk;
GRANT ALL ON FUNCTION hitl.transition_workflow_status(workflow_id uuid, new_status text, reason text) TO chief;


--
-- Name: FUNCTION unschedule_template(schedule_name text); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.unschedule_template(schedule_name text) TO clerk;
GRANT ALL ON FUNCTION hitl.unschedule_template(schedule_name text) TO chief;


--
-- Name: FUNCTION update_workflow_state(workflow_id uuid, new_state jsonb, step_name text, expected_state jsonb, remove text[]); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.update_workflow_state(workflow_id uuid, new_state jsonb, step_name text, expected_state jsonb, remove text[]) TO clerk;
GRANT ALL ON FUNCTION hitl.update_workflow_state(workflow_id uuid, new_state jsonb, step_name text, expected_state jsonb, remove text[]) TO chief;


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
-- Name: FUNCTION workflow_data(workflow_id uuid); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.workflow_data(workflow_id uuid) TO reader;
GRANT ALL ON FUNCTION hitl.workflow_data(workflow_id uuid) TO boss;
GRANT ALL ON FUNCTION hitl.workflow_data(workflow_id uuid) TO clerk;
GRANT ALL ON FUNCTION hitl.workflow_data(workflow_id uuid) TO chief;


--
-- Name: FUNCTION workflow_diagram(workflow_id uuid); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.workflow_diagram(workflow_id uuid) TO reader;
GRANT ALL ON FUNCTION hitl.workflow_diagram(workflow_id uuid) TO boss;
GRANT ALL ON FUNCTION hitl.workflow_diagram(workflow_id uuid) TO clerk;
GRANT ALL ON FUNCTION hitl.workflow_diagram(workflow_id uuid) TO chief;


--
-- Name: FUNCTION workflow_gantt(workflow_id uuid, width integer); Type: ACL; Schema: hitl; Owner: postgres
--

GRANT ALL ON FUNCTION hitl.workflow_gantt(workflow_id uuid, width integer) TO reader;
GRANT ALL ON FUNCTION hitl.workflow_gantt(workflow_id uuid, width integer) TO boss;
GRANT ALL ON FUNCTION hitl.workflow_gantt(workflow_id uuid, width integer) TO clerk;
GRANT ALL ON FUNCTION hitl.workflow_gantt(workflow_id uuid, width integer) TO chief;


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
-- Name: TABLE awaited_signals; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.awaited_signals TO chief;


--
-- Name: TABLE channel_configurations; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.channel_configurations TO chief;


--
-- Name: TABLE child_workflows; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.child_workflows TO chief;


--
-- Name: TABLE circuit_breakers; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.circuit_breakers TO reader;
GRANT SELECT ON TABLE hitl.circuit_breakers TO boss;
GRANT SELECT ON TABLE hitl.circuit_breakers TO clerk;
GRANT SELECT ON TABLE hitl.circuit_breakers TO chief;


--
-- Name: TABLE definitions; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.definitions TO chief;


--
-- Name: TABLE external_tasks; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.external_tasks TO chief;


--
-- Name: TABLE idempotency_keys; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.idempotency_keys TO chief;


--
-- Name: TABLE limits; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.limits TO reader;
GRANT SELECT ON TABLE hitl.limits TO boss;
GRANT SELECT ON TABLE hitl.limits TO clerk;
GRANT SELECT ON TABLE hitl.limits TO chief;


--
-- Name: TABLE messages; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.messages TO chief;


--
-- Name: TABLE notifications; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.notifications TO chief;


--
-- Name: TABLE planned_recoveries; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.planned_recoveries TO chief;


--
-- Name: TABLE purges; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.purges TO chief;


--
-- Name: TABLE queue_grants; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.queue_grants TO chief;


--
-- Name: TABLE queue_rates; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.queue_rates TO chief;


--
-- Name: TABLE schedules; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.schedules TO clerk;
GRANT SELECT ON TABLE hitl.schedules TO chief;


--
-- Name: TABLE secret_names; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.secret_names TO chief;


--
-- Name: TABLE signal_grants; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.signal_grants TO chief;


--
-- Name: TABLE signals; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.signals TO chief;


--
-- Name: TABLE statements; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.statements TO chief;


--
-- Name: TABLE task_queues; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.task_queues TO chief;


--
-- Name: TABLE template_starts; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.template_starts TO chief;


--
-- Name: TABLE template_loads; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.template_loads TO chief;


--
-- Name: TABLE template_schedules; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.template_schedules TO chief;


--
-- Name: TABLE workflow_templates; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.workflow_templates TO chief;


--
-- Name: TABLE templates; Type: ACL; Schema: hitl; Owner: postgres
--

GRANT SELECT ON TABLE hitl.templates TO clerk;
GRANT SELECT ON TABLE hitl.templates TO chief;


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
-- PostgreSQL database dump complete
--


