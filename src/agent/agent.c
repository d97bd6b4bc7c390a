/*
 * agent.c
 *		Agents: the settings that runs go by.
 *
 * What agents are made of is put together in agent.sql; here the core checks it,
 * and gets it when it asks, which is with every message to a run.
 */
#include "postgres.h"

#include "agent/agent.h"
#include "core_bridge.h"
#include "db.h"
#include "funcapi.h"
#include "hitl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "workflow/data.h"
#include "workflow/host.h"

/* Settings that are kept for the life of the process, and their bytes at most. */
#define KEPT		  16
#define MAX_KEPT_SIZE (256 * 1024)

/* The settings of an agent, looked up once per batch. */
typedef struct Agent
{
	char *name;
	char *version;	/* it was looked up by; NULL: that of now */
	char *settings; /* NULL: there is none */
} Agent;

/* A version, whose settings never change: they are what it is the hash of. */
typedef struct Kept
{
	char *name;
	char *version;
	char *settings; /* NULL: nothing is kept here */
} Kept;

static Kept kept[KEPT];
static int next_kept = 0;

static char *load_settings(const char *name, const char *version);
static char *current_version(const char *name);
static void keep(const char *name, const char *version, const char *settings);
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
	static HitlStatement load = {
		"SELECT (settings || jsonb_build_object('version', version))::text "
		"FROM hitl.agent_versions WHERE agent = $1 AND version = $2",
		2,
		{TEXTOID, TEXTOID},
	};
	Datum values[2];
	char *settings;
	int i;

	if (version == NULL)
		version = current_version(name);
	if (version == NULL)
		return NULL;
	for (i = 0; i < KEPT; i++)
		if (kept[i].settings != NULL && strcmp(kept[i].version, version) == 0 &&
			strcmp(kept[i].name, name) == 0)
			return pstrdup(kept[i].settings);
	values[0] = CStringGetTextDatum(name);
	values[1] = CStringGetTextDatum(version);
	hitl_execute(&load, values, NULL, 1);
	if (SPI_processed == 0)
		return NULL;
	settings = hitl_column_text(0, 1);
	if (strlen(settings) <= MAX_KEPT_SIZE)
		keep(name, version, settings);
	return settings;
}

/*
 * The version by which an agent's further runs go; NULL if there is no such
 * agent.
 */
static char *
current_version(const char *name)
{
	static HitlStatement find = {
		"SELECT version FROM hitl.agents WHERE name = $1",
		1,
		{TEXTOID},
	};
	Datum value = CStringGetTextDatum(name);

	hitl_execute(&find, &value, NULL, 1);
	return SPI_processed > 0 ? hitl_column_text(0, 1) : NULL;
}

/*
 * Keep settings, in the place of those that were kept first.
 */
static void
keep(const char *name, const char *version, const char *settings)
{
	Kept *place = &kept[next_kept];

	if (place->settings != NULL)
	{
		pfree(place->name);
		pfree(place->version);
		pfree(place->settings);
		place->settings = NULL;
	}
	place->name = MemoryContextStrdup(TopMemoryContext, name);
	place->version = MemoryContextStrdup(TopMemoryContext, version);
	place->settings = MemoryContextStrdup(TopMemoryContext, settings);
	next_kept = (next_kept + 1) % KEPT;
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
