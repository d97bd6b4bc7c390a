/*
 * model.c
 *		Models that answer tasks.
 *
 * A task of a model with a network endpoint becomes a row of the outbox, with
 * the body of the request, or of an agent with what the dispatcher makes it of;
 * the built-in model, and every reason why a task cannot be sent, answer at once.
 */
#include "postgres.h"

#include "agent/budget.h"
#include "agent/model.h"
#include "core_bridge.h"
#include "db.h"
#include "hitl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "version.h"
#include "workflow/branch.h"
#include "workflow/effects.h"
#include "workflow/identifier.h"

/* The longest time limit of a request: a day.  hitl.outbox checks it too. */
#define MAX_TIMEOUT_SECONDS (24 * 60 * 60)

/* Of hitl.create_model(). */
#define MODEL_ARGUMENTS 12

/* How a provider is asked. */
typedef struct Api
{
	const char *provider;
	const char *path;			/* behind base_url */
	const char *example;		/* of a base_url */
	const char *key_header;		/* that carries the secret */
	const char *const *headers; /* names and values of others, or NULL */
} Api;

/* A row of hitl.models, looked up once per batch. */
typedef struct Model
{
	char *asked; /* the name it was looked up by; NULL: the default */
	bool found;
	char *name;
	char *provider;
	const Api *api; /* NULL: built in */
	char *base_url;
	char *model;
	char *secret_name;
	Jsonb *headers; /* its own, and those of its API; NULL: built in */
	char *parameters;
	Jsonb *asks;		 /* {"model", "parameters"?}, for conversations */
	int timeout_seconds; /* 0: not stated */
	Jsonb *fallbacks;	 /* names of those that exist */
} Model;

static const char *const anthropic_headers[] = {"anthropic-version",
												"2023-06-01", NULL};

static const Api apis[] = {{"openai", "/chat/completions",
							"https://router.huggingface.co/v1", "Authorization",
							NULL},
						   {"anthropic", "/messages",
							"https://api.anthropic.com/v1", "x-api-key",
							anthropic_headers}};

static const Api *find_api(const char *provider);
static void check_model(const Datum *values, const char *nulls);
static void check_headers(Jsonb *headers, const char *taken);
static void check_price(const char *argument, Datum price, char null);
static void check_fallbacks(Datum name, Datum fallbacks);
static Model *find_model(HitlBatch *batch, const char *name);
static void send_task(HitlBatch *batch, HitlWorkflow *workflow,
					  const HitlEffect *effect, Model *model);
static Datum request_body(HitlBatch *batch, HitlWorkflow *workflow,
						  const HitlEffect *effect, const Model *model);
static bool sends_bearer(const Api *api);
static Jsonb *request_headers(const Model *model, const char *own);
static char *answer_builtin(const HitlEffect *effect, const Model *model);

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
		return hitl_refusal(
			effect,
			name
				? psprintf("model \"%s\" does not exist", name)
				: "there is no default model; hitl.create_model(..., is_default => true) makes one");
	if (model->api == NULL)
	{
		char *reply = answer_builtin(effect, model);

		hitl_note_usage(batch, workflow, effect->body, reply);
		return reply;
	}
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
		"is_default, timeout_seconds, headers, input_price, output_price, fallbacks) "
		"VALUES ($1, rtrim($2, '/'), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
		"ON CONFLICT (name) DO UPDATE SET base_url = excluded.base_url, "
		"model = excluded.model, provider = excluded.provider, "
		"secret_name = excluded.secret_name, parameters = excluded.parameters, "
		"is_default = excluded.is_default, timeout_seconds = excluded.timeout_seconds, "
		"headers = excluded.headers, input_price = excluded.input_price, "
		"output_price = excluded.output_price, fallbacks = excluded.fallbacks",
		MODEL_ARGUMENTS,
		{TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, BOOLOID,
		 INT4OID, JSONBOID, NUMERICOID, NUMERICOID, TEXTARRAYOID},
	};
	Datum values[MODEL_ARGUMENTS];
	char nulls[MODEL_ARGUMENTS];
	int i;

	hitl_require_version(); /* another one may give fewer arguments */
	for (i = 0; i < MODEL_ARGUMENTS; i++)
	{
		values[i] = fcinfo->args[i].value;
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	check_model(values, nulls);
	check_price("input_price", values[9], nulls[9]);
	check_price("output_price", values[10], nulls[10]);
	for (i = 5; i <= 8; i += 3)
	{
		if (nulls[i] == ' ')
			continue;
		values[i] = JsonbPGetDatum(hitl_jsonb_parse("{}"));
		nulls[i] = ' ';
	}
	if (nulls[6] == 'n')
	{
		values[6] = BoolGetDatum(false);
		nulls[6] = ' ';
	}
	if (nulls[11] == 'n')
	{
		values[11] = PointerGetDatum(construct_empty_array(TEXTOID));
		nulls[11] = ' ';
	}

	SPI_connect();
	check_fallbacks(values[0], values[11]);
	if (DatumGetBool(values[6]))
		hitl_execute(&clear_default, values, NULL, 0);
	hitl_execute(&upsert, values, nulls, 0);
	SPI_finish();
	PG_RETURN_DATUM(values[0]);
}

/*
 * The API of a provider; NULL: the built-in model, which has none.
 */
static const Api *
find_api(const char *provider)
{
	int i;

	for (i = 0; i < lengthof(apis); i++)
		if (strcmp(apis[i].provider, provider) == 0)
			return &apis[i];
	return NULL;
}

/*
 * Is there all that a request to the model needs?
 */
static void
check_model(const Datum *values, const char *nulls)
{
	char *provider;
	const Api *api;

	if (nulls[0] == 'n' || nulls[3] == 'n')
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name and provider of a model must not be null")));
	provider = TextDatumGetCString(values[3]);
	api = find_api(provider);
	if (api == NULL && strcmp(provider, "builtin") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown provider \"%s\"", provider),
				 errhint("A provider is \"openai\" (any compatible endpoint), \"anthropic\" or \"builtin\".")));
	if (api != NULL && (nulls[1] == 'n' || nulls[2] == 'n'))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a model of provider \"%s\" needs base_url and model", provider),
				 errhint("base_url is the address without %s, for example %s.", api->path, api->example)));
	if (nulls[1] == ' ')
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
	if (nulls[5] == ' ' && !JB_ROOT_IS_OBJECT(DatumGetJsonbP(values[5])))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameters of a model must be a JSON object")));
	if (nulls[7] == ' ' &&
		(DatumGetInt32(values[7]) < 1 ||
		 DatumGetInt32(values[7]) > MAX_TIMEOUT_SECONDS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("timeout_seconds must be between 1 and %d", MAX_TIMEOUT_SECONDS)));
	if (nulls[8] == ' ')
		check_headers(DatumGetJsonbP(values[8]),
					  api != NULL && nulls[4] == ' ' ? api->key_header : NULL);
}

/*
 * Headers are an object of texts; what they say is checked when it is sent.
 * None may be the one that carries the model's secret.
 */
static void
check_headers(Jsonb *headers, const char *taken)
{
	JsonbIterator *iterator = JsonbIteratorInit(&headers->root);
	JsonbIteratorToken token;
	JsonbValue value;
	bool valid = JB_ROOT_IS_OBJECT(headers);

	while (valid &&
		   (token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		valid = token != WJB_VALUE || value.type == jbvString;
		if (token == WJB_KEY && taken != NULL &&
			value.val.string.len == strlen(taken) &&
			pg_strncasecmp(value.val.string.val, taken, strlen(taken)) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("header \"%s\" is given besides secret_name", taken),
					 errhint("The secret of secret_name is sent in this header.")));
	}
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("headers of a model must be a JSON object of strings"),
				 errhint("In a value, \"${secret:name}\" stands for a secret.")));
}

/*
 * A price is a number, and nobody is paid for asking.
 */
static void
check_price(const char *argument, Datum price, char null)
{
	if (null == 'n')
		return;
	if (numeric_is_nan(DatumGetNumeric(price)) ||
		numeric_is_inf(DatumGetNumeric(price)) ||
		DatumGetBool(DirectFunctionCall2(numeric_lt, price,
										 NumericGetDatum(int64_to_numeric(0)))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative, infinite or NaN", argument),
				 errhint("It is the price of a million tokens.")));
}

/*
 * Fallbacks are other models that there are, each once.
 */
static void
check_fallbacks(Datum name, Datum fallbacks)
{
	static HitlStatement find = {
		"SELECT CASE WHEN f.name IS NULL THEN 'One of them is null.' "
		"WHEN f.name = $1 THEN format('\"%s\" is the model itself.', f.name) "
		"WHEN count(*) > 1 THEN format('\"%s\" is named twice.', f.name) "
		"ELSE format('\"%s\" does not exist.', f.name) END "
		"FROM unnest($2) AS f (name) LEFT JOIN hitl.models m ON m.name = f.name "
		"GROUP BY f.name HAVING f.name IS NULL OR f.name = $1 OR count(*) > 1 OR count(m.name) = 0 "
		"ORDER BY f.name",
		2,
		{TEXTOID, TEXTARRAYOID},
	};
	Datum values[2] = {name, fallbacks};

	hitl_execute(&find, values, NULL, 1);
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("fallbacks must be names of other models"),
				 errdetail_internal("%s", hitl_column_text(0, 1))));
}

/*
 * A model by name (NULL: the default one), looked up once per batch.
 */
static Model *
find_model(HitlBatch *batch, const char *name)
{
#define LOAD_MODEL \
	"SELECT name, provider, base_url, model, secret_name, parameters::text, " \
	"coalesce(timeout_seconds, 0), headers::text, " \
	"to_json(ARRAY(SELECT f.name FROM unnest(m.fallbacks) WITH ORDINALITY AS f (name, place) " \
	"JOIN hitl.models o ON o.name = f.name ORDER BY f.place))::text, " \
	"(jsonb_build_object('model', model) || CASE WHEN parameters = '{}' THEN '{}' " \
	"ELSE jsonb_build_object('parameters', parameters) END)::text " \
	"FROM hitl.models m WHERE "
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
		model->fallbacks = hitl_jsonb_parse(hitl_column_text(0, 9));
		model->asks = hitl_jsonb_parse(hitl_column_text(0, 10));
		model->api = find_api(model->provider);
		if (model->api)
			model->headers = request_headers(model, hitl_column_text(0, 8));
	}
	batch->models = lappend(batch->models, model);
	return model;
}

/*
 * Queue the request of a task to the endpoint of its model.
 */
static void
send_task(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect,
		  Model *model)
{
	Jsonb *body = hitl_jsonb_parse(effect->body);
	Jsonb *retry = hitl_member(body, "retry");
	Jsonb *fallbacks = hitl_member(body, "fallbacks");
	bool agent = hitl_member(body, "memory") != NULL;
	const Api *api = model->api;
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));
	int64 timeout;
	Datum values[15];
	bool nulls[15] = {false};

	*id = hitl_new_id(hitl_id_partition(&workflow->id));
	/* A step may state less than a second, or years. */
	timeout = hitl_member_int(body, "timeout_seconds", -1);
	timeout = timeout < 0 ? model->timeout_seconds
						  : Min(Max(timeout, 1), MAX_TIMEOUT_SECONDS);
	values[0] = UUIDPGetDatum(id);
	values[1] = UUIDPGetDatum(&workflow->id);
	values[2] = Int64GetDatum(effect->token);
	values[3] = CStringGetTextDatum(
		psprintf("%s%s", model->base_url, api->path));
	nulls[4] = model->secret_name == NULL || !sends_bearer(api);
	values[4] = nulls[4] ? 0 : CStringGetTextDatum(model->secret_name);
	nulls[5] = agent;
	values[5] = agent ? 0 : request_body(batch, workflow, effect, model);
	values[6] = CStringGetTextDatum(hitl_id_text(id));
	nulls[7] = retry == NULL || JB_ROOT_IS_SCALAR(retry);
	values[7] = PointerGetDatum(retry);
	nulls[8] = timeout <= 0;
	values[8] = Int32GetDatum(timeout);
	values[9] = Int16GetDatum((int16) workflow->priority);
	values[10] = JsonbPGetDatum(model->headers);
	values[11] = CStringGetTextDatum(model->provider);
	values[12] = CStringGetTextDatum(model->name);
	/* A fallback goes on with what is left of those of the first model. */
	if (fallbacks == NULL)
		fallbacks = model->fallbacks;
	nulls[13] = JB_ROOT_COUNT(fallbacks) == 0;
	values[13] = JsonbPGetDatum(fallbacks);
	nulls[14] = !agent;
	/* With model and parameters as they are now: all attempts say the same. */
	values[14] = agent
		? JsonbPGetDatum(hitl_merge(hitl_some_members(body, "agent", "version",
													  "memory", "tools", NULL),
									model->asks))
		: 0;
	hitl_rows_add(&batch->tasks, values, nulls);
	hitl_add_event(batch, workflow, "task_requested", effect->step,
				   effect->position,
				   hitl_facts("model", model->name, "request_id",
							  hitl_id_text(id), NULL),
				   NULL, NULL);
}

/*
 * The body of a request that has a task done.
 */
static Datum
request_body(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect,
			 const Model *model)
{
	Jsonb *data = hitl_scope_document(batch, workflow, effect->scope);
	Jsonb *variables = hitl_member(data, "variables");
	Jsonb *steps = hitl_member(data, "steps");
	char *request = NULL;
	char *error = NULL;
	char *fault;
	HitlResult result;
	Datum body;

	result = hitl_core()->build_request(model->provider, effect->body,
										model->model, model->parameters,
										hitl_member_text(data, "task"),
										variables ? hitl_jsonb_text(variables)
												  : NULL,
										steps ? hitl_jsonb_text(steps) : NULL,
										&request, &error);
	fault = hitl_core_fault(result, error);
	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the request to model \"%s\" cannot be built", model->name),
				 errdetail_internal("%s", fault)));
	body = CStringGetTextDatum(request);
	hitl_core()->free_text(request);
	return body;
}

/*
 * Is the secret sent as the outbox does it by itself?  If not, a header speaks
 * of it.
 */
static bool
sends_bearer(const Api *api)
{
	return strcmp(api->key_header, "Authorization") == 0;
}

/*
 * The headers of a request: the model's own, and those of its API.
 */
static Jsonb *
request_headers(const Model *model, const char *own)
{
	const Api *api = model->api;
	Jsonb *headers = hitl_jsonb_parse(own);
	const char *const *header;

	if (model->secret_name != NULL && !sends_bearer(api))
		headers = hitl_with_header(headers, api->key_header,
								   psprintf("${secret:%s}",
											model->secret_name));
	for (header = api->headers; header != NULL && *header != NULL; header += 2)
		headers = hitl_with_header(headers, header[0], header[1]);
	return headers;
}

/*
 * The built-in model repeats the task, or says to an agent what its parameters
 * have; it serves trials and measurements.
 */
static char *
answer_builtin(const HitlEffect *effect, const Model *model)
{
	char *body = NULL;
	char *error = NULL;
	char *fault;
	char *reply;
	HitlResult result;

	result = hitl_core()->build_builtin_reply(model->parameters, effect->body,
											  effect->token, &body, &error);
	fault = hitl_core_fault(result, error);
	if (fault)
		elog(ERROR, "the built-in model cannot answer: %s", fault);
	reply = pstrdup(body);
	hitl_core()->free_text(body);
	return reply;
}
