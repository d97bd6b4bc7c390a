-- end.sql
--		What all update scripts end with: who had rights has them.

-- Of what is new, nobody has any but those that follow: neither PUBLIC, nor
-- whom ALTER DEFAULT PRIVILEGES gives some.
DO $$
DECLARE
	given record;
BEGIN
	FOR given IN
		SELECT format('%s %s', o.kind, o.name) AS object,
			   CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
		FROM (SELECT 'pg_class'::regclass AS catalog, oid,
					 CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
					 oid::regclass::text AS name, relacl AS acl, relowner AS owner
			  FROM pg_class
			  WHERE relnamespace = 'hitl'::regnamespace AND relkind IN ('r', 'v', 'S')
			  UNION ALL
			  SELECT 'pg_proc'::regclass, oid, 'ROUTINE', oid::regprocedure::text,
					 coalesce(proacl, acldefault('f', proowner)), proowner
			  FROM pg_proc WHERE pronamespace = 'hitl'::regnamespace) AS o,
			 aclexplode(o.acl) AS a
		WHERE a.grantee <> o.owner
		  AND NOT EXISTS (SELECT FROM hitl_objects_before b WHERE b.catalog = o.catalog AND b.oid = o.oid)
		GROUP BY 1, 2
	LOOP
		EXECUTE format('REVOKE ALL ON %s FROM %s', given.object, given.grantee);
	END LOOP;
END
$$;

CREATE FUNCTION hitl.run_beside_script(statement text) RETURNS void
	AS 'MODULE_PATHNAME', 'hitl_run_beside_script' LANGUAGE C STRICT;

SELECT hitl.run_beside_script(format('GRANT EXECUTE ON ROUTINE %s TO %s%s', p.oid::regprocedure,
	   CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
	   CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END))
FROM hitl_grants_before g
JOIN pg_proc p ON p.proname = g.function AND p.pronamespace = 'hitl'::regnamespace
WHERE NOT EXISTS (SELECT FROM hitl_objects_before b
				  WHERE b.catalog = 'pg_proc'::regclass AND b.oid = p.oid);

SELECT hitl.run_beside_script(format('SELECT hitl.grant_access(%L, %L)', l.grantee, l.level))
FROM hitl_levels_before l;

DROP FUNCTION hitl.run_beside_script(text);
DROP TABLE hitl_objects_before, hitl_grants_before, hitl_levels_before;
