/*
 * core_bridge.c
 *		Opens the core library.
 *
 * It links jansson, whose json_object PostgreSQL has too; so it is a library
 * of its own that binds its own symbols first (RTLD_DEEPBIND).
 */
#include "hitl.h"

#include <dlfcn.h>

#include "miscadmin.h"

#include "core_bridge.h"

/*
 * The core's functions.
 */
const HitlCoreApi *
hitl_core(void)
{
	static const HitlCoreApi *core = NULL;
	char					  path[MAXPGPATH];
	void					 *library;
	const HitlCoreApi *(*lookup)(void);

	if (core != NULL)
		return core;

	snprintf(path, sizeof(path), "%s/hitl_core.so", pkglib_path);
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	if (library == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("could not load library \"%s\": %s", path, dlerror())));
	lookup = (const HitlCoreApi *(*) (void) ) dlsym(library, "hitl_core_api");
	if (lookup == NULL || lookup()->abi != HITL_CORE_ABI)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("library \"%s\" does not fit this version of hitl", path),
				 errhint("Install hitl.so and hitl_core.so of the same version.")));
	core = lookup();
	return core;
}
