/*
 * template.c
 *		Templates: named, versioned pointers to definitions, with parameters.
 *
 * A version never changes once it is there.  Workflows keep the hash of their
 * definition, so they stay on the version they began with.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "db.h"
#include "hitl.h"
#include "lib/stringinfo.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "workflow/caller.h"
#include "workflow/data.h"
#include "workflow/definition.h"
#include "workflow/template.h"

static Datum set_active(FunctionCallInfo fcinfo, bool active);
static char *name_argument(FunctionCallInfo fcinfo, int number);
static int version_argument(FunctionCallInfo fcinfo, int number);
static ArrayType *required_argument(FunctionCallInfo fcinfo, int number,
									Jsonb *defaults);
static void check_template_owner(const char *name);
static void explain_absence(const char *name, int version,
							HitlTemplateFault *fault);
static char *missing_parameters(ArrayType *required, Jsonb *input);

PG_FUNCTION_INFO_V1(hitl_create_template);
PG_FUNCTION_INFO_V1(hitl_activate_template);
PG_FUNCTION_INFO_V1(hitl_deactivate_template);
PG_FUNCTION_INFO_V1(hitl_check_template);

/*
 * hitl.create_template(name, version, definition, description,
 * default_parameters, required_parameters): the number of the version.
 */
Datum
hitl_create_template(PG_FUNCTION_ARGS)
{
	/* Whoever creates another version meanwhile would get the same number. */
	static HitlStatement lock = {
		"LOCK TABLE hitl.workflow_templates IN SHARE ROW EXCLUSIVE MODE",
		0,
	};
	static HitlStatement find = {
		"SELECT version, definition_hash = $3 AND defaults = $4 AND required = $5, is_active "
		"FROM hitl.workflow_templates WHERE name = $1 AND version = coalesce($2, "
		"(SELECT max(version) FROM hitl.workflow_templates WHERE name = $1))",
		5,
		{TEXTOID, INT4OID, BYTEAOID, JSONBOID, TEXTARRAYOID},
	};
	static HitlStatement insert = {
		"INSERT INTO hitl.workflow_templates (name, version, definition_hash, defaults, "
		"required, description, owner, created_by) VALUES ($1, coalesce($2, 1 + "
		"(SELECT coalesce(max(version), 0) FROM hitl.workflow_templates WHERE name = $1)), "
		"$3, $4, $5, $6, $7, $8) RETURNING version",
		8,
		{TEXTOID, INT4OID, BYTEAOID, JSONBOID, TEXTARRAYOID, TEXTOID, NAMEOID,
		 TEXTOID},
	};
	static HitlStatement activate = {
		"UPDATE hitl.workflow_templates SET is_active = true WHERE name = $1 AND version = $2",
		2,
		{TEXTOID, INT4OID},
	};
	char *name = name_argument(fcinfo, 0);
	Jsonb *defaults = PG_ARGISNULL(4) ? hitl_jsonb_parse("{}")
									  : PG_GETARG_JSONB_P(4);
	char nulls[9] = "        ";
	Datum values[8];
	bool isnull;
	int version;

	(void) version_argument(fcinfo, 1);
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a template needs a definition")));
	if (!JB_ROOT_IS_OBJECT(defaults))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("default_parameters must be a JSON object")));
	values[4] = PointerGetDatum(required_argument(fcinfo, 5, defaults));

	SPI_connect();
	hitl_execute(&lock, NULL, NULL, 0);
	check_template_owner(name);
	values[0] = CStringGetTextDatum(name);
	values[1] = PG_GETARG_DATUM(1);
	nulls[1] = PG_ARGISNULL(1) ? 'n' : ' ';
	values[2] = PointerGetDatum(hitl_store_definition(PG_GETARG_JSONB_P(2)));
	values[3] = JsonbPGetDatum(defaults);
	hitl_execute(&find, values, nulls, 1);
	if (SPI_processed > 0 && DatumGetBool(hitl_column(0, 2, &isnull)))
	{
		values[1] = hitl_column(0, 1, &isnull);
		version = DatumGetInt32(values[1]);
		if (!DatumGetBool(hitl_column(0, 3, &isnull)))
			hitl_execute(&activate, values, NULL, 0);
		SPI_finish();
		PG_RETURN_INT32(version);
	}
	if (SPI_processed > 0 && !PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_HITL_TEMPLATE_EXISTS),
				 errmsg("version %d of template \"%s\" exists with other content",
						PG_GETARG_INT32(1), name),
				 errdetail("A version's definition and parameters never change."),
				 errhint("Without a version, hitl.create_template() takes the next number.")));

	values[5] = PG_GETARG_DATUM(3);
	nulls[5] = PG_ARGISNULL(3) ? 'n' : ' ';
	values[6] = DirectFunctionCall1(namein, CStringGetDatum(hitl_caller()));
	values[7] = CStringGetTextDatum(hitl_caller());
	hitl_execute(&insert, values, nulls, 0);
	version = DatumGetInt32(hitl_column(0, 1, &isnull));
	SPI_finish();
	PG_RETURN_INT32(version);
}

/*
 * hitl.activate_template(name, version)
 */
Datum
hitl_activate_template(PG_FUNCTION_ARGS)
{
	return set_active(fcinfo, true);
}

/*
 * hitl.deactivate_template(name, version)
 */
Datum
hitl_deactivate_template(PG_FUNCTION_ARGS)
{
	return set_active(fcinfo, false);
}

/*
 * hitl.check_template(name, version, input_data): the version that would be
 * started.
 */
Datum
hitl_check_template(PG_FUNCTION_ARGS)
{
	char *name = name_argument(fcinfo, 0);
	Jsonb *input = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	HitlTemplate result;

	if (input && !JB_ROOT_IS_OBJECT(input))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("input_data must be a JSON object")));
	SPI_connect();
	(void) hitl_resolve_template(name, version_argument(fcinfo, 1), input,
								 &result, NULL);
	SPI_finish();
	PG_RETURN_INT32(result.version);
}

/*
 * Find a version of a template and complete an input by its defaults.
 */
bool
hitl_resolve_template(const char *name, int version, Jsonb *input,
					  HitlTemplate *result, HitlTemplateFault *fault)
{
	static HitlStatement find = {
		"SELECT version, definition_hash, defaults, required FROM hitl.workflow_templates "
		"WHERE name = $1 AND version = coalesce($2, version) AND is_active "
		"ORDER BY version DESC LIMIT 1",
		2,
		{TEXTOID, INT4OID},
	};
	HitlTemplateFault own_fault;
	HitlTemplateFault *why = fault ? fault : &own_fault;
	Datum values[2];
	Datum datum;
	bool isnull;

	memset(why, 0, sizeof(HitlTemplateFault));
	why->kind = "validation_error";
	values[0] = CStringGetTextDatum(name);
	values[1] = Int32GetDatum(version);
	hitl_execute(&find, values, version == 0 ? " n" : NULL, 1);
	if (SPI_processed == 0)
		explain_absence(name, version, why);
	else
	{
		ArrayType *required;
		Jsonb *defaults;
		char *missing;

		result->name = pstrdup(name);
		result->version = DatumGetInt32(hitl_column(0, 1, &isnull));
		datum = hitl_column(0, 2, &isnull);
		result->definition_hash = DatumGetByteaPCopy(datum);
		datum = hitl_column(0, 3, &isnull);
		defaults = DatumGetJsonbPCopy(datum);
		datum = hitl_column(0, 4, &isnull);
		required = DatumGetArrayTypePCopy(datum);
		result->input = input ? hitl_merge(defaults, input) : defaults;
		missing = missing_parameters(required, result->input);
		if (missing)
		{
			why->sqlerrcode = ERRCODE_HITL_MISSING_PARAMETERS;
			why->message = psprintf(
				"template \"%s\" needs parameters that the input lacks", name);
			why->detail = psprintf("Version %d needs: %s.", result->version,
								   missing);
			why->hint = pstrdup("Give them as members of the input.");
		}
	}
	if (why->message == NULL)
		return true;
	if (fault == NULL)
		ereport(ERROR,
				(errcode(why->sqlerrcode),
				 errmsg_internal("%s", why->message),
				 why->detail ? errdetail_internal("%s", why->detail) : 0,
				 why->hint ? errhint("%s", why->hint) : 0));
	return false;
}

/*
 * Make a version of a template, or all of them, usable or not: how many that
 * changed.
 */
static Datum
set_active(FunctionCallInfo fcinfo, bool active)
{
	static HitlStatement update = {
		"UPDATE hitl.workflow_templates SET is_active = $3 "
		"WHERE name = $1 AND version = coalesce($2, version) AND is_active <> $3",
		3,
		{TEXTOID, INT4OID, BOOLOID},
	};
	static HitlStatement find = {
		"SELECT 1 FROM hitl.workflow_templates "
		"WHERE name = $1 AND version = coalesce($2, version)",
		2,
		{TEXTOID, INT4OID},
	};
	char *name = name_argument(fcinfo, 0);
	char *nulls = PG_ARGISNULL(1) ? " n " : NULL;
	Datum values[3];
	uint64 changed;

	SPI_connect();
	check_template_owner(name);
	values[0] = CStringGetTextDatum(name);
	values[1] = PG_GETARG_DATUM(1);
	values[2] = BoolGetDatum(active);
	hitl_execute(&update, values, nulls, 0);
	changed = SPI_processed;
	if (changed == 0)
	{
		hitl_execute(&find, values, nulls, 1);
		if (SPI_processed == 0)
		{
			HitlTemplateFault fault;

			explain_absence(name, PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1),
							&fault);
			ereport(ERROR,
					(errcode(fault.sqlerrcode),
					 errmsg_internal("%s", fault.message),
					 errhint("%s", fault.hint)));
		}
	}
	SPI_finish();
	PG_RETURN_INT32(changed);
}

/*
 * The name of a template.
 */
static char *
name_argument(FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number) ||
		VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(number)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a template needs a name")));
	return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/*
 * The number of a version; 0 where none is given.
 */
static int
version_argument(FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number))
		return 0;
	if (PG_GETARG_INT32(number) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the version of a template must be 1 or more")));
	return PG_GETARG_INT32(number);
}

/*
 * The names of the parameters that a template requires, each once, in order.
 */
static ArrayType *
required_argument(FunctionCallInfo fcinfo, int number, Jsonb *defaults)
{
	Datum *names;
	bool *nulls;
	int count, i, j;

	if (PG_ARGISNULL(number))
		return construct_empty_array(TEXTOID);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(number), TEXTOID, -1, false,
					  TYPALIGN_INT, &names, &nulls, &count);
	for (i = 0; i < count; i++)
	{
		char *name = nulls[i] ? "" : TextDatumGetCString(names[i]);

		if (name[0] == '\0')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("required_parameters must be names")));
		if (hitl_member(defaults, name))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"%s\" is required and has a default", name),
					 errhint("One that has a default need not be given; leave it out of required_parameters.")));
		for (j = 0; j < i; j++)
			if (strcmp(name, TextDatumGetCString(names[j])) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("parameter \"%s\" is required twice", name)));
	}
	return construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT);
}

/*
 * Whoever starts the latest version runs it as himself.  So a name belongs to
 * the role that took it.
 */
static void
check_template_owner(const char *name)
{
	static HitlStatement find = {
		"SELECT owner FROM hitl.workflow_templates WHERE name = $1 ORDER BY version LIMIT 1",
		1,
		{TEXTOID},
	};
	Datum value = CStringGetTextDatum(name);
	Oid caller = hitl_caller_id();
	char *owner;
	Oid role;

	hitl_execute(&find, &value, NULL, 1);
	if (SPI_processed == 0)
		return;
	owner = hitl_column_text(0, 1);
	role = get_role_oid(owner, true);
	if (superuser_arg(caller) ||
		(OidIsValid(role) && has_privs_of_role(caller, role)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for template \"%s\"", name),
			 errdetail("It belongs to role \"%s\".", owner),
			 errhint("A template is changed by the role that created its first version, and by members of that role.")));
}

/*
 * Why there is no such template to be used.
 */
static void
explain_absence(const char *name, int version, HitlTemplateFault *fault)
{
	static HitlStatement find = {
		"SELECT count(*), bool_or(version = $2), max(version) "
		"FROM hitl.workflow_templates WHERE name = $1",
		2,
		{TEXTOID, INT4OID},
	};
	Datum values[2];
	bool isnull;

	values[0] = CStringGetTextDatum(name);
	values[1] = Int32GetDatum(version);
	hitl_execute(&find, values, NULL, 1);
	fault->sqlerrcode = ERRCODE_HITL_TEMPLATE_NOT_FOUND;
	fault->detail = NULL;
	fault->hint = pstrdup("hitl.templates shows the templates that there are.");
	if (DatumGetInt64(hitl_column(0, 1, &isnull)) == 0)
		fault->message = psprintf("template \"%s\" does not exist", name);
	else if (version != 0 && !DatumGetBool(hitl_column(0, 2, &isnull)))
	{
		fault->message = psprintf("template \"%s\" has no version %d", name,
								  version);
		fault->detail = psprintf("The latest one is %d.",
								 DatumGetInt32(hitl_column(0, 3, &isnull)));
	}
	else
	{
		fault->message = version == 0
			? psprintf("template \"%s\" is not active", name)
			: psprintf("version %d of template \"%s\" is not active", version,
					   name);
		fault->hint = pstrdup(
			"hitl.activate_template() makes it usable again.");
	}
}

/*
 * The required parameters that an input lacks, separated by commas; NULL if it
 * has all.
 */
static char *
missing_parameters(ArrayType *required, Jsonb *input)
{
	StringInfoData missing;
	Datum *names;
	int count, i;

	initStringInfo(&missing);
	deconstruct_array(required, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL,
					  &count);
	for (i = 0; i < count; i++)
	{
		char *name = TextDatumGetCString(names[i]);

		if (hitl_member(input, name) == NULL)
			appendStringInfo(&missing, "%s%s", missing.len ? ", " : "", name);
	}
	return missing.len ? missing.data : NULL;
}
