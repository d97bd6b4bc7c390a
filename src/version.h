/*
 * version.h
 *		The version of the library, and of the extension in this database.
 */
#ifndef HITL_VERSION_H
#define HITL_VERSION_H

#include "postgres.h"

/* What a database has of the extension. */
typedef enum HitlPresence
{
	HITL_NOT_THERE = 0,
	HITL_OTHER_VERSION, /* than this library: its tables are others */
	HITL_THERE
} HitlPresence;

extern HitlPresence hitl_presence(char **version);
extern char *hitl_version_fault(const char *version);
extern const char *hitl_version_hint(const char *version);
extern void hitl_require_version(void);

#endif /* HITL_VERSION_H */
