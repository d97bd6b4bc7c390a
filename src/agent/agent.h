/*
 * agent.h
 *		Agents: the settings that runs go by.
 */
#ifndef HITL_AGENT_H
#define HITL_AGENT_H

#include "postgres.h"

#include "workflow/batch.h"

/*
 * The settings of an agent as JSON text, with the member "version": those that
 * it has now, or of a version.  NULL if there are none.  To be called within
 * SPI; a batch looks up each once, and batch may be NULL.
 */
extern const char *hitl_agent_settings(HitlBatch *batch, const char *name,
									   const char *version);

#endif /* HITL_AGENT_H */
