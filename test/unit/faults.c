/*
 * faults.c
 *		Faults, and definitions that must be refused.
 */
#include "harness.h"

/*
 * Each fault is a failure.
 */
void
report_faults(const char *file, int line, const HitlFaults *faults)
{
	int i;

	for (i = 0; i < faults->count; i++)
		report_failure(file, line, "got %s: %s", faults->items[i].pointer,
					   faults->items[i].message);
}

/*
 * All faults, one a line, kept until the next call.
 */
const char *
fault_lines(const HitlFaults *faults)
{
	static char text[6000];
	int i;

	text[0] = '\0';
	for (i = 0; i < faults->count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s: %s",
				 i > 0 ? "\n" : "", faults->items[i].pointer,
				 faults->items[i].message);
	return text;
}

/*
 * There must be exactly one fault, at this place, with this in it.
 */
void
check_only_fault(const char *file, int line, const HitlFaults *faults,
				 const char *pointer, const char *part)
{
	if (faults->count == 1 && strcmp(faults->items[0].pointer, pointer) == 0 &&
		contains(faults->items[0].message, part))
		return;
	report_failure(file, line, "expected %s: %s", pointer, part);
	report_faults(file, line, faults);
}

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

	memory_init(&memory, NULL);
	result = hitl_parse_definition(definition, &memory.host, &parsed, &faults);
	if (result == HITL_OK)
	{
		report_failure(file, line, "taken: %s", definition);
		hitl_free_definition(parsed);
	}
	else if (result != HITL_INVALID)
		report_failure(file, line, "result %d: %s", (int) result, definition);
	else
		check_only_fault(file, line, &faults, pointer, part);
	hitl_free_faults(&faults);
	memory_free(&memory);
}
