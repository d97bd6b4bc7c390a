-- begin.sql
--		What all update scripts begin with: remember what is there, and who has
--		which rights.

CREATE TEMPORARY TABLE hitl_objects_before AS
	SELECT 'pg_class'::regclass AS catalog, oid FROM pg_class
	WHERE relnamespace = 'hitl'::regnamespace
	UNION ALL
	SELECT 'pg_proc'::regclass, oid FROM pg_proc
	WHERE pronamespace = 'hitl'::regnamespace;

-- Rights on functions, by name: a function that takes other arguments is another one.
CREATE TEMPORARY TABLE hitl_grants_before AS
	SELECT p.proname AS function, a.grantee, a.is_grantable
	FROM pg_proc p, aclexplode(p.proacl) AS a
	WHERE p.pronamespace = 'hitl'::regnamespace AND a.grantee <> p.proowner;

-- Roles that have all rights of a level, with the highest of their levels.
CREATE TEMPORARY TABLE hitl_levels_before AS
	WITH granted AS (
		SELECT 'TABLE' AS object_type, c.oid, a.grantee, a.privilege_type
		FROM pg_class c, aclexplode(c.relacl) AS a WHERE c.relnamespace = 'hitl'::regnamespace
		UNION
		SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid, a.grantee, a.privilege_type
		FROM pg_proc p, aclexplode(p.proacl) AS a WHERE p.pronamespace = 'hitl'::regnamespace
	), needed AS (
		SELECT l.level, l.privilege, l.object_type, CASE l.object_type
			WHEN 'TABLE' THEN l.object_name::regclass::oid
			ELSE l.object_name::regprocedure::oid END AS oid,
			count(*) OVER (PARTITION BY l.level) AS rights
		FROM hitl.access_levels() AS l
	)
	SELECT DISTINCT ON (r.rolname) r.rolname AS grantee, n.level
	FROM granted g
	JOIN needed n ON n.oid = g.oid AND n.privilege = g.privilege_type AND n.object_type = g.object_type
	JOIN pg_roles r ON r.oid = g.grantee
	WHERE NOT r.oid = (SELECT nspowner FROM pg_namespace WHERE nspname = 'hitl')
	GROUP BY r.rolname, n.level, n.rights
	HAVING count(*) = n.rights
	ORDER BY r.rolname, n.rights DESC;
