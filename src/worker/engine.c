/*
 * engine.c
 *		The engine worker.
 */
#include "postgres.h"

#include "worker/worker.h"

static long
engine_pass(void)
{
	return HITL_SLEEP_FOREVER;
}

const HitlWorkerRole hitl_engine_role = {
	.kind = HITL_WORKER_ENGINE,
	.pass = engine_pass
};
