/*
 * clock.h
 *		The clock of what waits for the network; no PostgreSQL.
 */
#ifndef HITL_CLOCK_H
#define HITL_CLOCK_H

#include <stdint.h>
#include <time.h>

/*
 * Milliseconds of a clock that nobody sets.
 */
static inline int64_t
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif /* HITL_CLOCK_H */
