/*
 * faults.c
 *		Definitions that must be refused.
 */
#include "harness.h"

/*
 * A definition must have exactly one fault, at this place, with this in it.
 */
void
check_fault(const char *file, int line, const char *definition,
			const char *pointer, const char *part)
{
	Memory memory;
	HitlDefinition *parsed;
	HitlFaults faults = {0};
	HitlResult result;
	int i;

	memory_init(&memory, NULL);
	result = hitl_parse_definition(definition, &memory.host, &parsed, &faults);
	if (result == HITL_OK)
	{
		report_failure(file, line, "taken: %s", definition);
		hitl_free_definition(parsed);
	}
	else if (result != HITL_INVALID)
		report_failure(file, line, "result %d: %s", (int) result, definition);
	else if (faults.count != 1 ||
			 strcmp(faults.items[0].pointer, pointer) != 0 ||
			 !contains(faults.items[0].message, part))
	{
		for (i = 0; i < faults.count; i++)
			report_failure(file, line, "got %s: %s", faults.items[i].pointer,
						   faults.items[i].message);
	}
	hitl_free_faults(&faults);
	memory_free(&memory);
}
