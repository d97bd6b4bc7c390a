/*
 * log.h
 *		What hitl tells the server's log: a line for each happening.
 *
 * The message is constant, the name of the happening; the facts are the
 * DETAIL, an object of JSON in one line, which PostgreSQL's jsonlog and csvlog
 * keep apart.  Facts are ids, names from definitions, numbers, and words of
 * ours: no text that came from outside, nobody's name, no body, no URL; of what
 * the gateway has answered, the address of the client.
 *
 *		if (hitl_logs(HITL_LOG_REQUESTS))
 *		{
 *			HitlLine *line = hitl_log_begin("request_sent");
 *
 *			hitl_log_id(line, "request_id", &id);
 *			hitl_log_at_commit(line);
 *		}
 */
#ifndef HITL_LOG_H
#define HITL_LOG_H

#include "postgres.h"

#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* What is logged: a bit for each name in hitl.log_happenings. */
#define HITL_LOG_WORKFLOWS	0x01
#define HITL_LOG_STEPS		0x02
#define HITL_LOG_APPROVALS	0x04
#define HITL_LOG_REQUESTS	0x08
#define HITL_LOG_STATEMENTS 0x10
#define HITL_LOG_WORKERS	0x20
#define HITL_LOG_FAILURES	0x40 /* of whatever kind */

extern int hitl_log_wanted; /* bits */

/* Is any of these to be logged?  All that it costs if not. */
#define hitl_logs(kinds) (unlikely((hitl_log_wanted & (kinds)) != 0))

typedef struct HitlLine HitlLine;

/*
 * Begin a line.  event: name of the happening, one of a few that we have: words
 * in lower case, joined by underscores.
 */
extern HitlLine *hitl_log_begin(const char *event);

/* Add facts; what is NULL, or a time that is 0, is left out. */
extern void hitl_log_id(HitlLine *line, const char *key, const pg_uuid_t *id);
extern void hitl_log_text(HitlLine *line, const char *key, const char *value);
extern void hitl_log_number(HitlLine *line, const char *key, int64 value);
extern void hitl_log_time(HitlLine *line, const char *key, TimestampTz value);
extern void hitl_log_true(HitlLine *line, const char *key);

/* How long something took, in ms; the second one to a tenth of them. */
extern void hitl_log_since(HitlLine *line, TimestampTz since,
						   TimestampTz until);
extern void hitl_log_ms(HitlLine *line, double ms);

/*
 * Log the line when the transaction has committed, and not if it, or the
 * subtransaction under way, does not.
 */
extern void hitl_log_at_commit(HitlLine *line);

/* Log what is so already. */
extern void hitl_log_now(HitlLine *line);

/*
 * In a transaction of a worker: look up the name of its database, for lines that
 * are of none.
 */
extern void hitl_log_know_database(void);

/* From _PG_init. */
extern void hitl_log_init(void);

/* Of the setting. */
extern bool hitl_check_log(char **value, void **extra, GucSource source);
extern void hitl_assign_log(const char *value, void *extra);

#endif /* HITL_LOG_H */
