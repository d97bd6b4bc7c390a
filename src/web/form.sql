-- form.sql
--		What browsers send when a form is submitted.

-- A percent sign that begins no code stands for itself.
CREATE FUNCTION hitl.percent_decode(value text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE WHEN value !~ '[%+]' THEN value ELSE
		(SELECT convert_from(string_agg(CASE WHEN p.number = 1 THEN convert_to(p.part, 'UTF8')
				WHEN p.part ~ '^[0-9A-Fa-f]{2}' THEN decode(left(p.part, 2), 'hex') || convert_to(substr(p.part, 3), 'UTF8')
				ELSE convert_to('%' || p.part, 'UTF8') END, '' ORDER BY p.number), 'UTF8')
		 FROM string_to_table(replace(value, '+', ' '), '%') WITH ORDINALITY AS p (part, number)) END;
COMMENT ON FUNCTION hitl.percent_decode(text) IS 'a text as forms encode it, decoded';

-- Lines end with CR LF there, and with LF in what was typed.  Anybody may send one, so
-- it must not take long.
CREATE FUNCTION hitl.form_fields(request jsonb) RETURNS jsonb
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF hitl.http_media_type(request) <> 'application/x-www-form-urlencoded' THEN
		RAISE EXCEPTION USING ERRCODE = 'WF070',
			MESSAGE = 'the body of the request must be a form';
	ELSIF length(request ->> 'body') - length(replace(request ->> 'body', '&', '')) > 10000 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the form has too many fields';
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
