/*
 * model.c
 *		Models that answer tasks.
 *
 * A task of a model with a network endpoint becomes a row of the outbox; the
 * built-in model, and every reason why a task cannot be sent, answer at once.
 */
#include "postgres.h"

#include "agent/model.h"
#include "core_bridge.h"
#include "db.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "version.h"
#include "workflow/branch.h"
#include "workflow/identifier.h"

/* The longest time limit of a request: a day.  hitl.outbox checks it too. */
#define MAX_TIMEOUT_SECONDS (24 * 60 * 60)

/* A row of hitl.models, looked up once per batch. */
typedef struct Model
{
	char *asked; /* the name it was looked up by; NULL: the default */
	bool found;
	char *name;
	char *provider;
	char *base_url;
	char *model;
	char *secret_name;
	char *headers;
	char *parameters;
	int timeout_seconds; /* 0: not stated */
} Model;

static void check_headers(Jsonb *headers);
static Model *find_model(HitlBatch *batch, const char *name);
static void send_task(HitlBatch *batch, HitlWorkflow *workflow,
					  const HitlEffect *effect, Model *model);
static char *answer_builtin(const HitlEffect *effect);
static char *cannot_run(const HitlEffect *effect, const char *message);

PG_FUNCTION_INFO_V1(hitl_create_model);

/*
 * Have a task done: queue a request, or answer at once.
 */
char *
hitl_run_task(HitlBatch *batch, HitlWorkflow *workflow,
			  const HitlEffect *effect)
{
	const char *name = effect->type;
	Model *model = find_model(batch, name);

	if (!model->found)
		return cannot_run(
			effect,
			name
				? psprintf("model \"%s\" does not exist", name)
				: "there is no default model; hitl.create_model(..., is_default => true) makes one");
	if (strcmp(model->provider, "builtin") == 0)
		return answer_builtin(effect);
	send_task(batch, workflow, effect, model);
	return NULL;
}

/*
 * hitl.create_model(...): create or replace a model.
 */
Datum
hitl_create_model(PG_FUNCTION_ARGS)
{
	static HitlStatement clear_default = {
		"UPDATE hitl.models SET is_default = false WHERE is_default AND name <> $1",
		1,
		{TEXTOID},
	};
	static HitlStatement upsert = {
		"INSERT INTO hitl.models (name, base_url, model, provider, secret_name, parameters, "
		"is_default, timeout_seconds, headers) VALUES ($1, rtrim($2, '/'), $3, $4, $5, $6, $7, $8, $9) "
		"ON CONFLICT (name) DO UPDATE SET base_url = excluded.base_url, "
		"model = excluded.model, provider = excluded.provider, "
		"secret_name = excluded.secret_name, parameters = excluded.parameters, "
		"is_default = excluded.is_default, timeout_seconds = excluded.timeout_seconds, "
		"headers = excluded.headers",
		9,
		{TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, BOOLOID,
		 INT4OID, JSONBOID},
	};
	Datum values[9];
	char nulls[9];
	char *provider;
	int i;

	hitl_require_version(); /* another one may give fewer arguments */
	for (i = 0; i < 9; i++)
	{
		values[i] = fcinfo->args[i].value;
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	if (PG_ARGISNULL(0) || PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name and provider of a model must not be null")));
	provider = TextDatumGetCString(values[3]);
	if (strcmp(provider, "openai") != 0 && strcmp(provider, "builtin") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown provider \"%s\"", provider),
				 errhint("A provider is \"openai\" (any compatible endpoint) or \"builtin\".")));
	if (strcmp(provider, "openai") == 0 && (PG_ARGISNULL(1) || PG_ARGISNULL(2)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a model of provider \"openai\" needs base_url and model"),
				 errhint("base_url is the address without /chat/completions, for example https://router.huggingface.co/v1.")));
	if (!PG_ARGISNULL(1))
	{
		char *base_url = TextDatumGetCString(values[1]);

		int scheme = strncmp(base_url, "https://", 8) == 0 ? 8
			: strncmp(base_url, "http://", 7) == 0		   ? 7
														   : 0;

		if (scheme == 0 || base_url[scheme] == '\0' || base_url[scheme] == '/')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("base_url must begin with https:// or http:// and a host")));
	}
	if (!PG_ARGISNULL(5) && !JB_ROOT_IS_OBJECT(DatumGetJsonbP(values[5])))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameters of a model must be a JSON object")));
	if (!PG_ARGISNULL(7) &&
		(DatumGetInt32(values[7]) < 1 ||
		 DatumGetInt32(values[7]) > MAX_TIMEOUT_SECONDS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("timeout_seconds must be between 1 and %d", MAX_TIMEOUT_SECONDS)));
	if (!PG_ARGISNULL(8))
		check_headers(DatumGetJsonbP(values[8]));
	for (i = 5; i <= 8; i += 3)
	{
		if (!PG_ARGISNULL(i))
			continue;
		values[i] = JsonbPGetDatum(hitl_jsonb_parse("{}"));
		nulls[i] = ' ';
	}
	if (PG_ARGISNULL(6))
	{
		values[6] = BoolGetDatum(false);
		nulls[6] = ' ';
	}

	SPI_connect();
	if (DatumGetBool(values[6]))
		hitl_execute(&clear_default, values, NULL, 0);
	hitl_execute(&upsert, values, nulls, 0);
	SPI_finish();
	PG_RETURN_DATUM(values[0]);
}

/*
 * Headers are an object of texts; what they say is checked when it is sent.
 */
static void
check_headers(Jsonb *headers)
{
	JsonbIterator *iterator = JsonbIteratorInit(&headers->root);
	JsonbIteratorToken token;
	JsonbValue value;
	bool valid = JB_ROOT_IS_OBJECT(headers);

	while (valid &&
		   (token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		valid = token != WJB_VALUE || value.type == jbvString;
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("headers of a model must be a JSON object of strings"),
				 errhint("In a value, \"${secret:name}\" stands for a secret.")));
}

/*
 * A model by name (NULL: the default one), looked up once per batch.
 */
static Model *
find_model(HitlBatch *batch, const char *name)
{
#define LOAD_MODEL \
	"SELECT name, provider, base_url, model, secret_name, parameters::text, " \
	"coalesce(timeout_seconds, 0), headers::text FROM hitl.models WHERE "
	static HitlStatement by_name = {LOAD_MODEL "name = $1", 1, {TEXTOID}};
	static HitlStatement by_default = {LOAD_MODEL "is_default", 0};
	Model *model;
	ListCell *cell;

	foreach(cell, batch->models)
	{
		model = lfirst(cell);
		if (name == NULL
				? model->asked == NULL
				: model->asked != NULL && strcmp(model->asked, name) == 0)
			return model;
	}
	if (name)
	{
		Datum value = CStringGetTextDatum(name);

		hitl_execute(&by_name, &value, NULL, 1);
	}
	else
		hitl_execute(&by_default, NULL, NULL, 1);

	model = palloc0(sizeof(Model));
	model->asked = name ? pstrdup(name) : NULL;
	model->found = SPI_processed > 0;
	if (model->found)
	{
		bool isnull;

		model->name = hitl_column_text(0, 1);
		model->provider = hitl_column_text(0, 2);
		model->base_url = hitl_column_text(0, 3);
		model->model = hitl_column_text(0, 4);
		model->secret_name = hitl_column_text(0, 5);
		model->parameters = hitl_column_text(0, 6);
		model->timeout_seconds = DatumGetInt32(hitl_column(0, 7, &isnull));
		model->headers = hitl_column_text(0, 8);
	}
	batch->models = lappend(batch->models, model);
	return model;
}

/*
 * Queue the request of a task to an OpenAI-compatible endpoint.
 */
static void
send_task(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect,
		  Model *model)
{
	Jsonb *body = hitl_jsonb_parse(effect->body);
	Jsonb *data = hitl_scope_document(batch, workflow, effect->scope);
	Jsonb *variables = hitl_member(data, "variables");
	Jsonb *steps = hitl_member(data, "steps");
	Jsonb *retry = hitl_member(body, "retry");
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));
	char *request = NULL;
	char *error = NULL;
	char *fault;
	HitlResult result;
	int64 timeout;
	Datum values[11];
	bool nulls[11] = {false};

	result = hitl_core()->build_chat_request(effect->body, model->model,
											 model->parameters,
											 hitl_member_text(data, "task"),
											 variables
												 ? hitl_jsonb_text(variables)
												 : NULL,
											 steps ? hitl_jsonb_text(steps)
												   : NULL,
											 &request, &error);
	fault = hitl_core_fault(result, error);
	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the request to model \"%s\" cannot be built", model->name),
				 errdetail_internal("%s", fault)));

	*id = hitl_new_id(hitl_id_partition(&workflow->id));
	/* A step may state less than a second, or years. */
	timeout = hitl_member_int(body, "timeout_seconds", -1);
	timeout = timeout < 0 ? model->timeout_seconds
						  : Min(Max(timeout, 1), MAX_TIMEOUT_SECONDS);
	values[0] = UUIDPGetDatum(id);
	values[1] = UUIDPGetDatum(&workflow->id);
	values[2] = Int64GetDatum(effect->token);
	values[3] = CStringGetTextDatum(
		psprintf("%s/chat/completions", model->base_url));
	nulls[4] = model->secret_name == NULL;
	values[4] = model->secret_name ? CStringGetTextDatum(model->secret_name)
								   : 0;
	values[5] = CStringGetTextDatum(request);
	hitl_core()->free_text(request);
	values[6] = CStringGetTextDatum(hitl_id_text(id));
	nulls[7] = retry == NULL || JB_ROOT_IS_SCALAR(retry);
	values[7] = PointerGetDatum(retry);
	nulls[8] = timeout <= 0;
	values[8] = Int32GetDatum(timeout);
	values[9] = Int16GetDatum((int16) workflow->priority);
	values[10] = JsonbPGetDatum(hitl_jsonb_parse(model->headers));
	hitl_rows_add(&batch->tasks, values, nulls);
	hitl_add_event(batch, workflow, "task_requested", effect->step,
				   effect->position,
				   hitl_facts("model", model->name, "request_id",
							  hitl_id_text(id), NULL),
				   NULL, NULL);
}

/*
 * The built-in model repeats the task; it serves trials and measurements.
 */
static char *
answer_builtin(const HitlEffect *effect)
{
	char *body = NULL;
	char *error = NULL;
	char *fault;
	char *reply;
	HitlResult result;

	result = hitl_core()->build_echo_reply(effect->body, effect->token, &body,
										   &error);
	fault = hitl_core_fault(result, error);
	if (fault)
		elog(ERROR, "the body of a task is damaged: %s", fault);
	reply = pstrdup(body);
	hitl_core()->free_text(body);
	return reply;
}

/*
 * The reply that says why a task cannot be done.
 */
static char *
cannot_run(const HitlEffect *effect, const char *message)
{
	StringInfoData reply;
	Jsonb *error = hitl_facts("kind", "validation_error", "message", message,
							  NULL);

	initStringInfo(&reply);
	appendStringInfo(&reply, "{\"token\": " INT64_FORMAT ", \"error\": %s}",
					 effect->token, hitl_jsonb_text(error));
	return reply.data;
}
