/*
 * type.c
 *		Types of approvals: what an answer must look like.
 */
#include "postgres.h"

#include "approval/answer.h"
#include "approval/type.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "db.h"
#include "hitl.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "workflow/caller.h"
#include "workflow/data.h"
#include "workflow/identifier.h"

static bool is_built_in(const char *type);
static char *run_check(HitlApproval *approval, Jsonb *response_data);

/*
 * The form of a request.
 */
char *
hitl_find_form(const char *type, Jsonb *fields, Jsonb *context_data,
			   Jsonb **schema, Jsonb **ui_schema, int *sqlerrcode)
{
	static HitlStatement find = {
		"SELECT answer_schema, ui_schema FROM hitl.approval_types WHERE name = $1",
		1,
		{TEXTOID},
	};
	Datum value;
	char *why = NULL;
	bool isnull;

	*schema = *ui_schema = NULL;
	*sqlerrcode = ERRCODE_HITL_INVALID_FORM;
	if (is_built_in(type))
	{
		if (strcmp(type, "binary") == 0 && fields == NULL)
			return NULL;
		if (!hitl_build_form(type, fields, context_data, schema, ui_schema,
							 &why))
			return why;
		return NULL;
	}
	if (fields)
		return pstrdup("form_fields are for requests of type \"form\"");
	value = CStringGetTextDatum(type);
	hitl_execute(&find, &value, NULL, 1);
	if (SPI_processed == 0)
	{
		*sqlerrcode = ERRCODE_HITL_TYPE_NOT_FOUND;
		return psprintf("approval type \"%s\" does not exist", type);
	}
	*schema = DatumGetJsonbPCopy(hitl_column(0, 1, &isnull));
	*ui_schema = DatumGetJsonbPCopy(hitl_column(0, 2, &isnull));
	return NULL;
}

/*
 * Refuse an approval whose data are not as the form wants them.
 */
void
hitl_check_form(HitlApproval *approval, Jsonb *response_data)
{
	Jsonb *data = response_data ? response_data : hitl_jsonb_parse("{}");
	char *why = NULL;

	if (approval->answer_schema)
		why = hitl_check_answer(approval->answer_schema, data);
	if (why == NULL && !is_built_in(approval->type))
		why = run_check(approval, data);
	if (why)
		ereport(ERROR,
				(errcode(ERRCODE_HITL_INVALID_ANSWER),
				 errmsg("response_data is not what approval request %s asks for",
						hitl_id_text(&approval->id)),
				 errdetail_internal("%s", why),
				 errhint("hitl.approval_form() has the schema of the answer.")));
}

static bool
is_built_in(const char *type)
{
	return strcmp(type, "binary") == 0 || strcmp(type, "form") == 0 ||
		strcmp(type, "budget") == 0;
}

/*
 * What the check function of the type says, as the role that owns the type.
 */
static char *
run_check(HitlApproval *approval, Jsonb *response_data)
{
	static HitlStatement find = {
		"SELECT hitl.find_check_function(check_function)::oid, owner "
		"FROM hitl.approval_types WHERE name = $1 AND check_function IS NOT NULL",
		1,
		{TEXTOID},
	};
	static HitlStatement describe = {
		"SELECT jsonb_build_object('approval_id', a.id, 'title', a.title, 'description', "
		"a.description, 'approval_type', a.approval_type, 'context_data', a.context_data, "
		"'workflow_id', a.workflow_id, 'step_name', a.step_name, 'requested_by', a.requested_by) "
		"FROM hitl.approval_requests a WHERE a.id = $1",
		1,
		{UUIDOID},
	};
	Datum value = CStringGetTextDatum(approval->type);
	FmgrInfo function;
	Datum request;
	Datum result;
	Oid owner;
	Oid caller;
	int context;
	int settings;
	bool running = hitl_running_statement;
	bool isnull;
	Oid oid;
	LOCAL_FCINFO(call, 2);

	hitl_execute(&find, &value, NULL, 1);
	if (SPI_processed == 0)
		return NULL;
	oid = DatumGetObjectId(hitl_column(0, 1, &isnull));
	owner = get_role_oid(hitl_column_text(0, 2), false);
	value = UUIDPGetDatum(&approval->id);
	hitl_execute(&describe, &value, NULL, 1);
	request = JsonbPGetDatum(DatumGetJsonbPCopy(hitl_column(0, 1, &isnull)));

	/*
	 * Its author must not gain the rights that we run with, nor act for the
	 * owner of a workflow whose statement has called us.
	 */
	GetUserIdAndSecContext(&caller, &context);
	SetUserIdAndSecContext(owner,
						   context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION);
	settings = NewGUCNestLevel();
	if (pg_proc_aclcheck(oid, owner, ACL_EXECUTE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, get_func_name(oid));
	fmgr_info(oid, &function);
	InitFunctionCallInfoData(*call, &function, 2, DEFAULT_COLLATION_OID, NULL,
							 NULL);
	call->args[0].value = request;
	call->args[0].isnull = false;
	call->args[1].value = JsonbPGetDatum(response_data);
	call->args[1].isnull = false;
	hitl_running_statement = false;
	PG_TRY();
	{
		result = FunctionCallInvoke(call);
	}
	PG_FINALLY();
	{
		hitl_running_statement = running;
	}
	PG_END_TRY();
	AtEOXact_GUC(false, settings);
	SetUserIdAndSecContext(caller, context);
	return call->isnull ? NULL : TextDatumGetCString(result);
}
