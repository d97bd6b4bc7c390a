/*
 * sandbox_role.c
 *		The roles as which the code of agents may run.
 *
 * What such a role was granted is what the code can do, so there must be no more
 * to it than that: no attribute, no membership, no session that somebody could
 * log in to, and nothing of hitl's own.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "db.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/syscache.h"

#include "agent/sandbox_role.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(hitl_require_sandbox_role);

static const char *attribute_of(Oid role, const char **without);
static char *group_of(Oid role);
static char *privilege_on_hitl(Oid role);

/*
 * hitl.require_sandbox_role(role): an ERROR if it is none.
 */
Datum
hitl_require_sandbox_role(PG_FUNCTION_ARGS)
{
	HitlRoleFault fault;

	SPI_connect();
	if (!hitl_is_sandbox_role(PG_GETARG_OID(0), &fault))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_ROLE_SPECIFICATION),
				 errmsg_internal("%s", fault.message),
				 fault.detail ? errdetail_internal("%s", fault.detail) : 0,
				 fault.hint ? errhint("%s", fault.hint) : 0));
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * Look at the role.
 */
bool
hitl_is_sandbox_role(Oid role, HitlRoleFault *fault)
{
	const char *name = GetUserNameFromId(role, false);
	const char *quoted = quote_identifier(name);
	const char *attribute;
	const char *without;
	char *other;

	memset(fault, 0, sizeof(*fault));
	attribute = attribute_of(role, &without);
	if (attribute != NULL)
	{
		fault->detail = psprintf("It has the attribute %s.", attribute);
		fault->hint = psprintf("ALTER ROLE %s %s takes that from it.", quoted,
							   without);
	}
	else if ((other = group_of(role)) != NULL)
	{
		fault->detail = psprintf("It is a member of role \"%s\".", other);
		fault->hint =
			psprintf("Grant it what it needs itself, and REVOKE %s FROM %s.",
					 quote_identifier(other), quoted);
	}
	else if (object_ownercheck(DatabaseRelationId, MyDatabaseId, role))
		fault->detail = "It owns the database.";
	else if ((other = privilege_on_hitl(role)) != NULL)
	{
		fault->detail = psprintf("It has privileges on %s.", other);
		fault->hint = psprintf("Use SELECT hitl.revoke_access(%s), or REVOKE.",
							   quote_literal_cstr(name));
	}
	else
		return true;
	fault->message = psprintf("code of an agent cannot run as role \"%s\"",
							  name);
	return false;
}

/*
 * An attribute of the role that it must not have, and the word that takes it
 * away; NULL if it has none.
 */
static const char *
attribute_of(Oid role, const char **without)
{
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	const char *attribute = NULL;
	Form_pg_authid form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for role %u", role);
	form = (Form_pg_authid) GETSTRUCT(tuple);
	if (form->rolsuper)
		attribute = "SUPERUSER", *without = "NOSUPERUSER";
	else if (form->rolbypassrls)
		attribute = "BYPASSRLS", *without = "NOBYPASSRLS";
	else if (form->rolcreaterole)
		attribute = "CREATEROLE", *without = "NOCREATEROLE";
	else if (form->rolcreatedb)
		attribute = "CREATEDB", *without = "NOCREATEDB";
	else if (form->rolreplication)
		attribute = "REPLICATION", *without = "NOREPLICATION";
	else if (form->rolcanlogin)
		attribute = "LOGIN", *without = "NOLOGIN";
	ReleaseSysCache(tuple);
	return attribute;
}

/*
 * A role that it is a member of, or NULL.
 */
static char *
group_of(Oid role)
{
	static HitlStatement find = {
		"SELECT pg_catalog.pg_get_userbyid(m.roleid) "
		"FROM pg_catalog.pg_auth_members m WHERE m.member = $1 LIMIT 1",
		1,
		{OIDOID},
	};
	Datum value = ObjectIdGetDatum(role);

	hitl_execute(&find, &value, NULL, 0);
	return SPI_processed > 0 ? hitl_column_text(0, 1) : NULL;
}

/*
 * Something of hitl's that the role has a privilege on, be it as PUBLIC, or NULL.
 */
static char *
privilege_on_hitl(Oid role)
{
	static HitlStatement find = {
		"SELECT 'schema hitl' WHERE has_schema_privilege($1, 'hitl', 'USAGE, CREATE') "
		"UNION ALL "
		"SELECT c.oid::regclass::text FROM pg_class c "
		"WHERE c.relnamespace = 'hitl'::regnamespace "
		"AND CASE WHEN c.relkind = 'S' "
		"THEN has_sequence_privilege($1, c.oid, 'USAGE, SELECT, UPDATE') "
		"WHEN c.relkind IN ('r', 'p', 'v', 'm', 'f') "
		"THEN has_table_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') "
		"OR has_any_column_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') END "
		"UNION ALL "
		"SELECT p.oid::regprocedure::text FROM pg_proc p "
		"WHERE p.pronamespace = 'hitl'::regnamespace "
		"AND has_function_privilege($1, p.oid, 'EXECUTE') "
		"LIMIT 1",
		1,
		{OIDOID},
	};
	Datum value = ObjectIdGetDatum(role);

	hitl_execute(&find, &value, NULL, 0);
	return SPI_processed > 0 ? hitl_column_text(0, 1) : NULL;
}
