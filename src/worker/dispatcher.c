/*
 * dispatcher.c
 *		The dispatcher worker.
 */
#include "postgres.h"

#include "worker/worker.h"

static long
dispatcher_pass(void)
{
	return HITL_SLEEP_FOREVER;
}

const HitlWorkerRole hitl_dispatcher_role = {
	.kind = HITL_WORKER_DISPATCHER,
	.pass = dispatcher_pass
};
