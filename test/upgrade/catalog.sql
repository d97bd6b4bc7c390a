-- catalog.sql
--		All that the extension is made of, a line each, but for object ids and the
--		order of columns.

WITH members AS (
	SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'hitl'
), relations AS (
	SELECT c.*, format('%s', c.oid::regclass) AS title FROM pg_class c
	WHERE c.relnamespace = 'hitl'::regnamespace AND c.relkind <> 'i'
)
SELECT format('member %s', pg_describe_object(classid, objid, 0)) FROM members
UNION ALL
SELECT format('extension: version %s, schema %s, relocatable %s, owner %s', extversion, extnamespace::regnamespace,
			  extrelocatable, extowner::regrole)
FROM pg_extension WHERE extname = 'hitl'
UNION ALL
SELECT format('dumped %s where "%s"', c.id::regclass, c.condition)
FROM pg_extension e, unnest(e.extconfig, e.extcondition) AS c (id, condition) WHERE e.extname = 'hitl'
UNION ALL
SELECT format('schema: acl %s, comment %s', nspacl, obj_description(oid, 'pg_namespace'))
FROM pg_namespace WHERE nspname = 'hitl'
UNION ALL
SELECT format('relation %s: kind %s, persistence %s, options %s, row security %s %s, replica identity %s, acl %s, comment %s',
			  title, relkind, relpersistence, reloptions, relrowsecurity, relforcerowsecurity, relreplident,
			  relacl, obj_description(oid, 'pg_class'))
FROM relations
UNION ALL
SELECT format('column %s.%s: %s%s, not null %s, default %s, generated "%s", identity "%s", storage %s, statistics %s, acl %s, comment %s',
			  r.title, a.attname, format_type(a.atttypid, a.atttypmod),
			  CASE WHEN a.attcollation <> 0 THEN ' ' || a.attcollation::regcollation END,
			  a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity, a.attstorage,
			  a.attstattarget, a.attacl, col_description(a.attrelid, a.attnum))
FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL
SELECT format('order of columns of view %s: %s', r.title,
			  (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a
			   WHERE a.attrelid = r.oid AND a.attnum > 0))
FROM relations r WHERE r.relkind = 'v'
UNION ALL
SELECT format('view %s: %s', title, pg_get_viewdef(oid)) FROM relations WHERE relkind = 'v'
UNION ALL
SELECT format('sequence %s: %s %s %s %s %s %s, owned by %s', r.title, s.seqtypid::regtype, s.seqstart, s.seqincrement,
			  s.seqmax, s.seqmin, s.seqcache,
			  (SELECT pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) FROM pg_depend d
			   WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype IN ('a', 'i')))
FROM relations r JOIN pg_sequence s ON s.seqrelid = r.oid
UNION ALL
SELECT format('constraint %s of %s: %s, validated %s, comment %s', c.conname, c.conrelid::regclass,
			  pg_get_constraintdef(c.oid), c.convalidated, obj_description(c.oid, 'pg_constraint'))
FROM pg_constraint c WHERE c.connamespace = 'hitl'::regnamespace
UNION ALL
SELECT format('index %s, valid %s, options %s', pg_get_indexdef(i.indexrelid), i.indisvalid, c.reloptions)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'hitl'::regnamespace
UNION ALL
SELECT format('trigger %s, enabled %s', pg_get_triggerdef(t.oid), t.tgenabled)
FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT format('policy %s of %s: %s %s %s %s %s', polname, polrelid::regclass, polcmd, polpermissive, polroles,
			  pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
FROM pg_policy p JOIN relations r ON r.oid = p.polrelid
UNION ALL
SELECT format('function %s, strict %s, leakproof %s, owner %s, acl %s, comment %s: %s', p.oid::regprocedure, p.proisstrict,
			  p.proleakproof, p.proowner::regrole, p.proacl, obj_description(p.oid, 'pg_proc'), pg_get_functiondef(p.oid))
FROM pg_proc p WHERE p.pronamespace = 'hitl'::regnamespace
UNION ALL
-- What pg_dump takes to be the extension's own: the owner's rights alone.
SELECT format('initial rights of %s: %s', pg_describe_object(i.classoid, i.objoid, i.objsubid), i.initprivs)
FROM pg_init_privs i WHERE pg_describe_object(i.classoid, i.objoid, i.objsubid) LIKE '%hitl%'
ORDER BY 1;
