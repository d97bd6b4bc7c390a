/*
 * message.c
 *		Messages and pages for people, and the answers that come back by forms.
 *
 * The core makes and reads them; here are its paths over the document.
 */
#include "postgres.h"

#include "channel/channel.h"
#include "common/base64.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "core_bridge.h"
#include "fmgr.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/jsonpath.h"
#include "utils/resowner.h"
#include "workflow/data.h"
#include "workflow/host.h"

/* What stands behind the callbacks of the core. */
typedef struct Templates
{
	Jsonb *document;  /* NULL: any path matches something */
	ErrorData *error; /* that must not pass through the core */
} Templates;

static Datum fill(Jsonb *input, Jsonb *document,
				  HitlResult (*function)(const char *input,
										 const HitlHost *host, char **text,
										 char **error),
				  const char *message);
static Datum render(FunctionCallInfo fcinfo,
					HitlResult (*function)(const char *document, char **text,
										   char **error));
static Datum read_answer(FunctionCallInfo fcinfo,
						 HitlResult (*function)(const char *typed,
												const char *schema,
												char **answer, char **error));
static char *take(HitlResult result, char *text, char *error,
				  const char *message);
static HitlQueryResult query_document(void *context, int64_t scope,
									  const char *path, const char **text);
static HitlQueryResult check_path(void *context, const char *path,
								  const char **text);

PG_FUNCTION_INFO_V1(hitl_render_mail);
PG_FUNCTION_INFO_V1(hitl_render_template);
PG_FUNCTION_INFO_V1(hitl_check_templates);
PG_FUNCTION_INFO_V1(hitl_render_slack);
PG_FUNCTION_INFO_V1(hitl_render_slack_modal);
PG_FUNCTION_INFO_V1(hitl_render_page);
PG_FUNCTION_INFO_V1(hitl_page_policy);
PG_FUNCTION_INFO_V1(hitl_read_form_answer);
PG_FUNCTION_INFO_V1(hitl_read_slack_answer);

/*
 * hitl.render_mail(document): {"subject","text","html"}.
 */
Datum
hitl_render_mail(PG_FUNCTION_ARGS)
{
	return fill(PG_GETARG_JSONB_P(0), PG_GETARG_JSONB_P(0),
				hitl_core()->render_mail, "the mail cannot be rendered");
}

/*
 * hitl.render_template(template, document): with what its paths match.
 */
Datum
hitl_render_template(PG_FUNCTION_ARGS)
{
	return fill(PG_GETARG_JSONB_P(0), PG_GETARG_JSONB_P(1),
				hitl_core()->render_template, "the template cannot be filled");
}

/*
 * hitl.check_templates(input, is_mail): refuse templates that are malformed;
 * whether their paths match is known only when there is a document.
 */
Datum
hitl_check_templates(PG_FUNCTION_ARGS)
{
	fill(PG_GETARG_JSONB_P(0), NULL,
		 PG_GETARG_BOOL(1) ? hitl_core()->render_mail
						   : hitl_core()->render_template,
		 "a template of the channel is malformed");
	PG_RETURN_VOID();
}

/*
 * What has paths over a document in it, with what they match.
 */
static Datum
fill(Jsonb *input, Jsonb *document,
	 HitlResult (*function)(const char *input, const HitlHost *host,
							char **text, char **error),
	 const char *message)
{
	Templates templates = {document, NULL};
	HitlHost host = {.context = &templates,
					 .query = query_document,
					 .check_path = check_path};
	char *text;
	char *error;
	HitlResult result = function(hitl_jsonb_text(input), &host, &text, &error);

	if (result == HITL_HOST_FAILED)
		hitl_core_rethrow(templates.error);
	PG_RETURN_JSONB_P(hitl_jsonb_parse(take(result, text, error, message)));
}

/*
 * hitl.render_slack(document): {"text","blocks"}.
 */
Datum
hitl_render_slack(PG_FUNCTION_ARGS)
{
	return render(fcinfo, hitl_core()->render_slack);
}

/*
 * hitl.render_slack_modal(document): a view.
 */
Datum
hitl_render_slack_modal(PG_FUNCTION_ARGS)
{
	return render(fcinfo, hitl_core()->render_slack_modal);
}

/*
 * hitl.render_page(page): HTML.
 */
Datum
hitl_render_page(PG_FUNCTION_ARGS)
{
	char *text;
	char *error;
	HitlResult result = hitl_core()->render_page(hitl_jsonb_text(
													 PG_GETARG_JSONB_P(0)),
												 &text, &error);

	PG_RETURN_TEXT_P(cstring_to_text(
		take(result, text, error, "the page cannot be rendered")));
}

/*
 * hitl.page_policy(html): no page has a script; its style sheet, if it has one,
 * is known by its hash.
 */
Datum
hitl_page_policy(PG_FUNCTION_ARGS)
{
	char *policy = hitl_page_policy_text(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	PG_RETURN_TEXT_P(cstring_to_text(policy));
}

/*
 * Without it a style sheet is not used.
 */
char *
hitl_page_policy_text(const char *html)
{
	const char *tag = strstr(html, "<style");
	const char *style = tag ? strchr(tag, '>') : NULL;
	const char *end = style ? strstr(style, "</style>") : NULL;
	ResourceOwner before = CurrentResourceOwner;
	pg_cryptohash_ctx *hash;
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	char text[64];
	int length = -1;

	/* There may be no transaction, which would have one. */
	CurrentResourceOwner = ResourceOwnerCreate(NULL, "hash of a style sheet");
	hash = pg_cryptohash_create(PG_SHA256);
	if (end != NULL && hash != NULL && pg_cryptohash_init(hash) >= 0 &&
		pg_cryptohash_update(hash, (const uint8 *) style + 1,
							 end - style - 1) >= 0 &&
		pg_cryptohash_final(hash, digest, sizeof(digest)) >= 0)
		length = pg_b64_encode((const char *) digest, sizeof(digest), text,
							   sizeof(text));
	pg_cryptohash_free(hash);
	ResourceOwnerDelete(CurrentResourceOwner);
	CurrentResourceOwner = before;
	return psprintf("default-src 'none'; base-uri 'none'; form-action 'self'; "
					"frame-ancestors 'none'%s%.*s%s",
					length < 0 ? "" : "; style-src 'sha256-", Max(length, 0),
					text, length < 0 ? "" : "'");
}

/*
 * hitl.read_form_answer(fields, schema): the answer.
 */
Datum
hitl_read_form_answer(PG_FUNCTION_ARGS)
{
	return read_answer(fcinfo, hitl_core()->read_form_answer);
}

/*
 * hitl.read_slack_answer(values, schema): the answer.
 */
Datum
hitl_read_slack_answer(PG_FUNCTION_ARGS)
{
	return read_answer(fcinfo, hitl_core()->read_slack_answer);
}

/*
 * A message for Slack.
 */
static Datum
render(FunctionCallInfo fcinfo,
	   HitlResult (*function)(const char *document, char **text, char **error))
{
	char *text;
	char *error;
	HitlResult result = function(hitl_jsonb_text(PG_GETARG_JSONB_P(0)), &text,
								 &error);

	PG_RETURN_JSONB_P(hitl_jsonb_parse(
		take(result, text, error, "the message cannot be rendered")));
}

/*
 * An answer.
 */
static Datum
read_answer(FunctionCallInfo fcinfo,
			HitlResult (*function)(const char *typed, const char *schema,
								   char **answer, char **error))
{
	char *text;
	char *error;
	HitlResult result = function(hitl_jsonb_text(PG_GETARG_JSONB_P(0)),
								 hitl_jsonb_text(PG_GETARG_JSONB_P(1)), &text,
								 &error);

	PG_RETURN_JSONB_P(hitl_jsonb_parse(
		take(result, text, error, "the answer cannot be read")));
}

/*
 * What the core has made, palloc'd; or the error why it has not.
 */
static char *
take(HitlResult result, char *text, char *error, const char *message)
{
	char *fault = hitl_core_fault(result, error);
	char *copy;

	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_internal("%s", message),
				 errdetail_internal("%s", fault)));
	copy = MemoryContextAllocExtended(CurrentMemoryContext, strlen(text) + 1,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (copy)
		strcpy(copy, text);
	hitl_core()->free_text(text);
	if (copy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return copy;
}

/*
 * Callback of the core: what a path matches in the document.  It runs between
 * the core's frames, so that no error may pass.  Evaluating a path takes memory
 * and nothing else, so that catching its errors needs no subtransaction.
 */
static HitlQueryResult
query_document(void *context, int64_t scope, const char *path,
			   const char **text)
{
	Templates *templates = context;
	MemoryContext caller = CurrentMemoryContext;
	volatile HitlQueryResult answer = HITL_QUERY_EMPTY;

	if (templates->document == NULL)
	{
		*text = "null";
		return HITL_QUERY_FOUND;
	}
	PG_TRY();
	{
		Datum parsed = DirectFunctionCall1(jsonpath_in, CStringGetDatum(path));
		Jsonb *matches = DatumGetJsonbP(
			DirectFunctionCall4(jsonb_path_query_array,
								JsonbPGetDatum(templates->document), parsed,
								JsonbPGetDatum(hitl_jsonb_parse("{}")),
								BoolGetDatum(false)));

		if (JB_ROOT_COUNT(matches) > 0)
		{
			*text = hitl_jsonb_text(
				JB_ROOT_COUNT(matches) > 1
					? matches
					: JsonbValueToJsonb(
						  getIthJsonbValueFromContainer(&matches->root, 0)));
			answer = HITL_QUERY_FOUND;
		}
	}
	PG_CATCH();
	{
		answer = hitl_keep_error(&templates->error, caller, true, text);
	}
	PG_END_TRY();
	return answer;
}

/*
 * Callback of the core: is this text a path?
 */
static HitlQueryResult
check_path(void *context, const char *path, const char **text)
{
	Templates *templates = context;
	MemoryContext caller = CurrentMemoryContext;
	volatile HitlQueryResult answer = HITL_QUERY_FOUND;

	PG_TRY();
	{
		(void) DirectFunctionCall1(jsonpath_in, CStringGetDatum(path));
	}
	PG_CATCH();
	{
		answer = hitl_keep_error(&templates->error, caller, true, text);
	}
	PG_END_TRY();
	return answer;
}
