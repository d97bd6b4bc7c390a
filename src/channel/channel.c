/*
 * channel.c
 *		Telling people about approval requests.
 *
 * Whom, is found out by SQL (notification.sql); the dispatcher delivers it.
 */
#include "postgres.h"

#include "channel/channel.h"
#include "catalog/pg_type.h"
#include "db.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "version.h"
#include "worker/worker.h"

PG_FUNCTION_INFO_V1(hitl_configure_channel);

/*
 * Queue what channels are to be told about an event of requests.
 */
void
hitl_notify_channels(const char *event_type, ArrayType *approval_ids)
{
	static HitlStatement any_channel = {
		"SELECT 1 WHERE EXISTS (SELECT FROM hitl.channel_configurations WHERE active) "
		"OR EXISTS (SELECT FROM hitl.approval_requests "
		"WHERE id = ANY ($1) AND webhook IS NOT NULL)",
		1,
		{UUIDARRAYOID},
	};
	static HitlStatement queue = {
		"SELECT hitl.queue_notifications($1, $2)",
		2,
		{TEXTOID, UUIDARRAYOID},
	};
	Datum values[2];

	/* An INSERT of no rows would still wake the dispatcher. */
	values[0] = PointerGetDatum(approval_ids);
	hitl_execute(&any_channel, values, NULL, 1);
	if (SPI_processed == 0)
		return;
	values[0] = CStringGetTextDatum(event_type);
	values[1] = PointerGetDatum(approval_ids);
	hitl_execute(&queue, values, NULL, 0);
}

/*
 * hitl.configure_channel(...): create or replace a channel.
 */
Datum
hitl_configure_channel(PG_FUNCTION_ARGS)
{
	static HitlStatement check = {
		"SELECT hitl.check_channel($2, $3, $8)",
		8,
		{TEXTOID, TEXTOID, JSONBOID, TEXTOID, BOOLOID, BOOLOID, TEXTOID,
		 JSONBOID},
	};
	static HitlStatement upsert = {
		"INSERT INTO hitl.channel_configurations (name, channel_type, settings, "
		"signing_secret_name, is_default, active, secret_name, templates) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
		"ON CONFLICT (name) DO UPDATE SET channel_type = excluded.channel_type, "
		"settings = excluded.settings, signing_secret_name = excluded.signing_secret_name, "
		"is_default = excluded.is_default, active = excluded.active, "
		"secret_name = excluded.secret_name, templates = excluded.templates",
		8,
		{TEXTOID, TEXTOID, JSONBOID, TEXTOID, BOOLOID, BOOLOID, TEXTOID,
		 JSONBOID},
	};
	static HitlStatement redirect = {
		"SELECT hitl.redirect_notifications(ARRAY(SELECT id FROM hitl.outbox"
		" WHERE channel = $1 AND purpose = 'notification' AND status = 'queued'"
		" AND notification_id IS NOT NULL))",
		1,
		{TEXTOID},
	};
	Datum values[8];
	char nulls[9] = "        ";
	int i;

	hitl_require_version(); /* another one gives fewer arguments */
	for (i = 0; i < 8; i++)
	{
		values[i] = fcinfo->args[i].value;
		if (PG_ARGISNULL(i))
			nulls[i] = 'n';
		if (PG_ARGISNULL(i) && i != 3 && i != 6)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("only secrets of a channel may be null")));
	}
	if (strcmp(TextDatumGetCString(values[0]), "(request)") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("\"(request)\" cannot be the name of a channel"),
				 errdetail("It stands for the webhooks that requests bring.")));

	SPI_connect();
	hitl_execute(&check, values, nulls, 0);
	hitl_execute(&upsert, values, nulls, 0);
	hitl_execute(&redirect, values, NULL, 0);
	SPI_finish();
	hitl_wake_at_commit(HITL_WORKER_DISPATCHER);
	PG_RETURN_DATUM(values[0]);
}
