-- admission.sql
--		Limits of templates: how many of their workflows are under way at once,
--		and how many begin in a time.
--
-- Only workflows of limited templates have a row here.  What counts is the
-- rows themselves, under a lock on the limit, so that nothing can get lost.

CREATE TABLE hitl.template_starts (
	workflow_id uuid PRIMARY KEY,
	template text NOT NULL,
	state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'ended')),
	rank timestamptz NOT NULL,			-- the lowest begins first
	body jsonb NOT NULL DEFAULT '{}',	-- of the message that starts it
	started_at timestamptz
) WITH (fillfactor = 70);
COMMENT ON TABLE hitl.template_starts IS
	'workflows of limited templates: those that wait for their turn, are under way, or began lately';
SELECT pg_extension_config_dump('hitl.template_starts', '');
CREATE INDEX template_starts_waiting ON hitl.template_starts (template, rank, workflow_id)
	WHERE state = 'waiting';
CREATE INDEX template_starts_begun ON hitl.template_starts (template, started_at)
	WHERE state <> 'waiting';

-- When a template whose rate is limited is looked at again.  Not in dumps: it only
-- saves messages.
CREATE TABLE hitl.template_admissions (
	template text PRIMARY KEY,
	next_at timestamptz NOT NULL
);
COMMENT ON TABLE hitl.template_admissions IS
	'when workflows of a template that begin too fast are next let begin';

-- Let go on as many as the limits allow, by messages.
CREATE FUNCTION hitl.admit_starts(templates text[], ended uuid[]) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	most CONSTANT integer := 1000;		-- in one transaction
	now_ timestamptz := clock_timestamp();
	of_template text;
	limit_ hitl.limits;
	free integer;
	again timestamptz;
	one uuid;
BEGIN
	DELETE FROM hitl.template_starts s WHERE s.workflow_id = ANY (ended) AND s.state = 'waiting';
	UPDATE hitl.template_starts s SET state = 'ended'
	WHERE s.workflow_id = ANY (ended) AND s.state = 'running';
	-- In one order, or two engines could wait for each other.
	FOR of_template IN SELECT DISTINCT t FROM unnest(templates) AS t ORDER BY t LOOP
		SELECT * INTO limit_ FROM hitl.limits l
		WHERE l.kind = 'template' AND l.name IN (of_template, '*')
		ORDER BY l.name = '*' LIMIT 1 FOR NO KEY UPDATE;
		DELETE FROM hitl.template_starts s
		WHERE s.template = of_template AND s.state = 'ended'
		  AND (limit_.max_rate IS NULL OR s.started_at <= now_ - limit_.per);
		free := least(most,
			limit_.max_concurrency - (
				SELECT count(*) FROM hitl.template_starts s
				WHERE s.template = of_template AND s.state = 'running'),
			limit_.max_rate - (
				SELECT count(*) FROM hitl.template_starts s
				WHERE s.template = of_template AND s.state <> 'waiting'
				  AND s.started_at > now_ - limit_.per));
		IF limit_.kind IS NULL THEN
			-- Nothing to count any more.
			DELETE FROM hitl.template_starts s
			WHERE s.template = of_template AND s.state <> 'waiting';
			WITH turn AS (
				DELETE FROM hitl.template_starts s WHERE s.workflow_id IN (
					SELECT w.workflow_id FROM hitl.template_starts w
					WHERE w.template = of_template AND w.state = 'waiting'
					ORDER BY w.rank, w.workflow_id LIMIT free FOR UPDATE)
				RETURNING s.workflow_id, s.body)
			INSERT INTO hitl.messages (workflow_id, kind, body)
			SELECT t.workflow_id, 'start', t.body || '{"admitted": true}' FROM turn t;
		ELSIF free > 0 THEN
			WITH turn AS (
				UPDATE hitl.template_starts s SET state = 'running', started_at = now_
				WHERE s.workflow_id IN (
					SELECT w.workflow_id FROM hitl.template_starts w
					WHERE w.template = of_template AND w.state = 'waiting'
					ORDER BY w.rank, w.workflow_id LIMIT free FOR UPDATE)
				RETURNING s.workflow_id, s.body)
			INSERT INTO hitl.messages (workflow_id, kind, body)
			SELECT t.workflow_id, 'start', t.body || '{"admitted": true}' FROM turn t;
		END IF;
		SELECT s.workflow_id INTO one FROM hitl.template_starts s
		WHERE s.template = of_template AND s.state = 'waiting'
		ORDER BY s.rank, s.workflow_id LIMIT 1;
		CONTINUE WHEN one IS NULL;
		-- The end of one has others admitted; time passing needs a message.
		again := CASE WHEN free = most THEN now_ ELSE (
			SELECT s.started_at + limit_.per FROM hitl.template_starts s
			WHERE s.template = of_template AND s.state <> 'waiting'
			ORDER BY s.started_at DESC OFFSET limit_.max_rate - 1 LIMIT 1) END;
		CONTINUE WHEN again IS NULL OR limit_.max_rate IS NULL AND free < most;
		INSERT INTO hitl.template_admissions AS a (template, next_at) VALUES (of_template, again)
		ON CONFLICT (template) DO UPDATE SET next_at = excluded.next_at
		WHERE a.next_at <= now_ OR a.next_at > excluded.next_at;
		IF FOUND THEN
			INSERT INTO hitl.messages (due_at, workflow_id, kind) VALUES (again, one, 'admit');
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION hitl.admit_starts(text[], uuid[]) IS
	'let workflows of templates begin as far as their limits allow; these have ended';

-- A limit that has changed may let more begin.
CREATE FUNCTION hitl.readmit_starts() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM hitl.template_admissions;
	DELETE FROM hitl.template_starts s
	WHERE s.state <> 'waiting' AND NOT EXISTS (
		SELECT FROM hitl.limits l WHERE l.kind = 'template' AND l.name IN (s.template, '*'));
	INSERT INTO hitl.messages (workflow_id, kind)
	SELECT DISTINCT ON (s.template) s.workflow_id, 'admit'
	FROM hitl.template_starts s WHERE s.state = 'waiting' ORDER BY s.template, s.rank, s.workflow_id;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION hitl.readmit_starts() IS
	'trigger function: has the engine look again who may begin';
CREATE TRIGGER readmit_starts AFTER INSERT OR UPDATE OR DELETE ON hitl.limits
	FOR EACH STATEMENT EXECUTE FUNCTION hitl.readmit_starts();

CREATE FUNCTION hitl.recount_template_starts() RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lost uuid[];
BEGIN
	SELECT array_agg(s.workflow_id) INTO lost
	FROM hitl.template_starts s LEFT JOIN hitl.workflows w ON w.id = s.workflow_id
	WHERE (s.state = 'running' AND (w.id IS NULL OR w.status IN (
			'completed', 'failed', 'rejected', 'cancelled', 'rolled_back')))
	   OR (s.state = 'waiting' AND (w.id IS NULL OR w.status <> 'pending'));
	DELETE FROM hitl.template_starts s WHERE s.workflow_id = ANY (lost);
	DELETE FROM hitl.template_admissions;
	INSERT INTO hitl.messages (workflow_id, kind)
	SELECT DISTINCT ON (s.template) s.workflow_id, 'admit'
	FROM hitl.template_starts s WHERE s.state = 'waiting' ORDER BY s.template, s.rank, s.workflow_id;
	RETURN coalesce(cardinality(lost), 0);
END
$$;
COMMENT ON FUNCTION hitl.recount_template_starts() IS
	'compare what counts against the limits of templates with the workflows, after these were changed by hand; returns how many counted wrongly';

CREATE VIEW hitl.template_loads AS
	SELECT s.template,
		   count(*) FILTER (WHERE s.state = 'running') AS running,
		   count(*) FILTER (WHERE s.state = 'waiting') AS waiting,
		   min(s.rank) FILTER (WHERE s.state = 'waiting') AS waiting_since,
		   a.next_at AS next_admission_at
	FROM hitl.template_starts s LEFT JOIN hitl.template_admissions a USING (template)
	GROUP BY s.template, a.next_at;
COMMENT ON VIEW hitl.template_loads IS
	'limited templates: how many of their workflows are under way, and wait to begin';
