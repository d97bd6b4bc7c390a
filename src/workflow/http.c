/*
 * http.c
 *		HTTP calls of http steps, handed to the dispatcher.
 */
#include "postgres.h"

#include "workflow/effects.h"

void
hitl_queue_http(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect)
{
	elog(ERROR, "hitl_queue_http is not there");
}
