/*
 * agent.c
 *		Agents: the settings that runs go by.
 *
 * What agents are made of is put together in agent.sql; here the core checks it,
 * and gets it when it asks.
 */
#include "postgres.h"

#include "agent/agent.h"
#include "core_bridge.h"
#include "db.h"
#include "funcapi.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "workflow/data.h"
#include "workflow/host.h"

/* The settings of an agent, looked up once per batch. */
typedef struct Agent
{
	char *name;
	char *version;	/* it was looked up by; NULL: that of now */
	char *settings; /* NULL: there is none */
} Agent;

static char *load_settings(const char *name, const char *version);
static HitlResult check_settings(Jsonb *settings, HitlFaults *faults);

PG_FUNCTION_INFO_V1(hitl_validate_agent);

/*
 * The settings of an agent.
 */
const char *
hitl_agent_settings(HitlBatch *batch, const char *name, const char *version)
{
	Agent *agent;
	ListCell *cell;

	if (batch == NULL)
		return load_settings(name, version);
	foreach(cell, batch->agents)
	{
		agent = lfirst(cell);
		if (strcmp(agent->name, name) == 0 &&
			(version == NULL || agent->version == NULL
				 ? version == agent->version
				 : strcmp(agent->version, version) == 0))
			return agent->settings;
	}
	agent = palloc(sizeof(Agent));
	agent->name = pstrdup(name);
	agent->version = version ? pstrdup(version) : NULL;
	agent->settings = load_settings(name, version);
	batch->agents = lappend(batch->agents, agent);
	return agent->settings;
}

/*
 * hitl.validate_agent(settings): every fault, one row each.
 */
Datum
hitl_validate_agent(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HitlFaults faults = {0};

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect(); /* for what the core asks */
	(void) check_settings(PG_GETARG_JSONB_P(0), &faults);
	SPI_finish();
	hitl_put_faults(rsinfo, &faults);
	return (Datum) 0;
}

/*
 * Look up settings; NULL if there are none.
 */
static char *
load_settings(const char *name, const char *version)
{
#define LOAD_SETTINGS \
	"SELECT (v.settings || jsonb_build_object('version', v.version))::text " \
	"FROM hitl.agent_versions v "
	static HitlStatement load_current = {
		LOAD_SETTINGS
		"JOIN hitl.agents a ON a.version = v.version WHERE a.name = $1",
		1,
		{TEXTOID},
	};
	static HitlStatement load_version = {
		LOAD_SETTINGS "WHERE v.agent = $1 AND v.version = $2",
		2,
		{TEXTOID, TEXTOID},
	};
	Datum values[2];

	values[0] = CStringGetTextDatum(name);
	if (version)
		values[1] = CStringGetTextDatum(version);
	hitl_execute(version ? &load_version : &load_current, values, NULL, 1);
	return SPI_processed > 0 ? hitl_column_text(0, 1) : NULL;
}

/*
 * Have the core check settings.
 */
static HitlResult
check_settings(Jsonb *settings, HitlFaults *faults)
{
	HitlHostData host_data = {0};
	HitlHost host;
	char *text = hitl_jsonb_text(settings);
	HitlResult result;

	hitl_host_init(&host, &host_data);
	result = hitl_core()->check_agent(text, &host, faults);
	pfree(text);
	if (result != HITL_OK && result != HITL_INVALID)
		hitl_core()->free_faults(faults);
	if (result == HITL_NO_MEMORY)
		hitl_core_out_of_memory();
	if (result == HITL_HOST_FAILED)
		hitl_host_rethrow(&host_data);
	return result;
}
