-- form.sql
--		What browsers send when a form is submitted.

-- A percent sign that begins no code stands for itself.
CREATE FUNCTION hitl.percent_decode(value text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE WHEN value !~ '[%+]' THEN value ELSE
		(SELECT convert_from(coalesce(string_agg(CASE WHEN m.part[1] ~ '^%..$' THEN decode(substr(m.part[1], 2), 'hex')
													  ELSE convert_to(m.part[1], 'UTF8') END, '' ORDER BY m.number), ''), 'UTF8')
		 FROM regexp_matches(replace(value, '+', ' '), '%[0-9A-Fa-f]{2}|[^%]+|%', 'g') WITH ORDINALITY AS m (part, number)) END;
COMMENT ON FUNCTION hitl.percent_decode(text) IS 'a text as forms encode it, decoded';

-- Lines end with CR LF there, and with LF in what was typed.
CREATE FUNCTION hitl.form_fields(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF hitl.http_media_type(request) <> 'application/x-www-form-urlencoded' THEN
		RAISE EXCEPTION USING ERRCODE = 'WF070',
			MESSAGE = 'the body of the request must be a form';
	END IF;
	RETURN (
		SELECT coalesce(jsonb_object_agg(f.name, CASE WHEN cardinality(f.texts) = 1 THEN to_jsonb(f.texts[1])
													   ELSE to_jsonb(f.texts) END), '{}')
		FROM (SELECT hitl.percent_decode(split_part(p.pair, '=', 1)) AS name,
					 array_agg(replace(hitl.percent_decode(substr(p.pair, strpos(p.pair || '=', '=') + 1)), E'\r\n', E'\n')
							   ORDER BY p.number) AS texts
			  FROM string_to_table(coalesce(request ->> 'body', ''), '&') WITH ORDINALITY AS p (pair, number)
			  WHERE p.pair <> '' GROUP BY 1) AS f);
END
$$;
COMMENT ON FUNCTION hitl.form_fields(jsonb) IS
	'the fields of a form that a request brings: each a string, or the list of its strings';
