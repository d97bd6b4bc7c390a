/*
 * channel.c
 *		Telling people about approval requests.
 *
 * A notification is a row of the outbox; the dispatcher delivers it.
 */
#include "postgres.h"

#include "channel/channel.h"
#include "catalog/pg_type.h"
#include "db.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(hitl_configure_channel);

/*
 * Queue the notifications of an event of requests to their channels.
 */
void
hitl_notify_channels(const char *event_type, ArrayType *approval_ids)
{
	static HitlStatement any_channel =
		{"SELECT 1 FROM hitl.channel_configurations WHERE active LIMIT 1", 0};
	static HitlStatement insert = {
		"INSERT INTO hitl.outbox (id, purpose, workflow_id, approval_id, channel, url, "
		"headers, body, signing_secret_name, idempotency_key) "
		"SELECT n.id, 'notification', n.workflow_id, n.approval_id, n.channel, n.url, "
		"n.headers, n.body, n.signing_secret_name, n.id::text "
		"FROM (SELECT hitl.uuidv7(hitl.partition_of(a.id)) AS id, a.workflow_id, "
		"a.id AS approval_id, c.name AS channel, c.settings ->> 'url' AS url, "
		"coalesce(c.settings -> 'headers', '{}') AS headers, "
		"hitl.notification_body($1, a)::text AS body, c.signing_secret_name "
		"FROM hitl.channel_configurations c JOIN hitl.approval_requests a "
		"ON CASE WHEN a.channels IS NULL THEN c.is_default ELSE c.name = ANY (a.channels) END "
		"WHERE c.active AND a.id = ANY ($2) "
		/* Nobody is asked what a rule has decided. */
		"AND ($1 <> 'approval.requested' OR a.status = 'pending') OFFSET 0) n",
		2,
		{TEXTOID, UUIDARRAYOID},
	};
	Datum values[2];

	/* An INSERT of no rows would still wake the dispatcher. */
	hitl_execute(&any_channel, NULL, NULL, 1);
	if (SPI_processed == 0)
		return;
	values[0] = CStringGetTextDatum(event_type);
	values[1] = PointerGetDatum(approval_ids);
	hitl_execute(&insert, values, NULL, 0);
}

/*
 * hitl.configure_channel(...): create or replace a channel.
 */
Datum
hitl_configure_channel(PG_FUNCTION_ARGS)
{
	static HitlStatement upsert = {
		"INSERT INTO hitl.channel_configurations (name, channel_type, settings, "
		"signing_secret_name, is_default, active) VALUES ($1, $2, $3, $4, $5, $6) "
		"ON CONFLICT (name) DO UPDATE SET channel_type = excluded.channel_type, "
		"settings = excluded.settings, signing_secret_name = excluded.signing_secret_name, "
		"is_default = excluded.is_default, active = excluded.active",
		6,
		{TEXTOID, TEXTOID, JSONBOID, TEXTOID, BOOLOID, BOOLOID},
	};
	Datum values[6];
	char nulls[7] = "      ";
	char *type;
	Jsonb *settings;
	JsonbValue url;
	JsonbValue headers;
	int i;

	for (i = 0; i < 6; i++)
	{
		values[i] = fcinfo->args[i].value;
		if (i == 3)
			nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
		else if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("only signing_secret_name of a channel may be null")));
	}
	type = TextDatumGetCString(values[1]);
	settings = DatumGetJsonbP(values[2]);
	if (strcmp(type, "webhook") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown channel type \"%s\"", type),
				 errhint("This version delivers to channels of type \"webhook\".")));
	if (!JB_ROOT_IS_OBJECT(settings) ||
		!getKeyJsonValueFromContainer(&settings->root, "url", 3, &url) ||
		url.type != jbvString || url.val.string.len < 8 ||
		(strncmp(url.val.string.val, "https://", 8) != 0 &&
		 strncmp(url.val.string.val, "http://", 7) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("settings of a webhook need an http or https \"url\""),
				 errhint("For example {\"url\": \"https://example.org/hook\", \"headers\": {}}.")));
	if (getKeyJsonValueFromContainer(&settings->root, "headers", 7, &headers) &&
		!(headers.type == jbvBinary &&
		  JsonContainerIsObject(headers.val.binary.data)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"headers\" of a webhook must be an object of strings")));

	SPI_connect();
	hitl_execute(&upsert, values, nulls, 0);
	SPI_finish();
	PG_RETURN_DATUM(values[0]);
}
