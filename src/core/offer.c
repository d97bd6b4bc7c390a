/*
 * offer.c
 *		The tools that an agent's model may call.
 */
#include "core/inference.h"

#include <string.h>

/* What a part of a schema is. */
typedef enum Part
{
	PART_SCHEMA,
	PART_NAMED, /* schemas by name */
	PART_DATA
} Part;

static bool make_offer(HitlArena *arena, const HitlJson *settings,
					   const HitlJson *tool, HitlOffer *offer);
static const char *write_parameters(HitlArena *arena, const HitlJson *tool);
static bool is_offered(const HitlOffer *offers, int count, const char *name);
static void make_final_answer(HitlArena *arena, const HitlJson *settings,
							  HitlOffer *offer);
static void write_within(HitlBuffer *buffer, const HitlJson *value, Part part);
static Part part_of(const HitlJson *member, Part around);

/*
 * What the settings of an agent name, each once; and the final answer where it
 * is given by calling a tool.
 */
const HitlOffer *
hitl_make_offers(HitlArena *arena, const HitlJson *settings, int *count)
{
	const HitlJson *tools = hitl_json_member(settings, "tools");
	const HitlJson *tool;
	HitlOffer *offers;
	size_t most = 1;

	*count = 0;
	if (tools != NULL && tools->type == HITL_JSON_ARRAY)
		most += tools->count;
	offers = hitl_alloc(arena, most * sizeof(HitlOffer));
	if (offers == NULL)
		return NULL;
	for (tool = most > 1 ? tools->first : NULL; tool != NULL; tool = tool->next)
	{
		if (make_offer(arena, settings, tool, &offers[*count]) &&
			!is_offered(offers, *count, offers[*count].name))
			(*count)++;
	}
	if (!hitl_writes_code(settings) &&
		!is_offered(offers, *count, HITL_FINAL_ANSWER))
		make_final_answer(arena, settings, &offers[(*count)++]);
	return offers;
}

/*
 * One of the tools; false if there is no such.
 */
static bool
make_offer(HitlArena *arena, const HitlJson *settings, const HitlJson *tool,
		   HitlOffer *offer)
{
	static const char *const builtin_kind[] = {"builtin", NULL};
	const HitlJson *name = hitl_json_member(tool, "name");
	const HitlBuiltinTool *builtin;

	if (name == NULL || name->type != HITL_JSON_STRING)
		return false;
	if (hitl_find_name(hitl_json_member(tool, "kind"), builtin_kind) < 0)
	{
		offer->name = name->text;
		offer->description = hitl_text_at(tool, "description");
		offer->parameters = write_parameters(arena, tool);
		return true;
	}
	builtin = hitl_find_builtin_tool(name->text);
	if (builtin == NULL)
		return false;
	offer->name = builtin->name;
	offer->description = builtin->description;
	offer->parameters = builtin->parameters;
	if (strcmp(builtin->name, HITL_FINAL_ANSWER) == 0)
		make_final_answer(arena, settings, offer);
	return true;
}

/*
 * The schema of a tool's arguments.
 */
static const char *
write_parameters(HitlArena *arena, const HitlJson *tool)
{
	const HitlJson *parameters = hitl_json_member(tool, "parameters");
	char *written;

	if (parameters == NULL || parameters->type != HITL_JSON_OBJECT)
		return "{\"type\":\"object\",\"properties\":{}}";
	written = hitl_json_text(arena, parameters);
	return written == NULL ? "" : written;
}

/*
 * Is a tool of this name among them?
 */
static bool
is_offered(const HitlOffer *offers, int count, const char *name)
{
	int i;

	for (i = 0; i < count; i++)
	{
		if (strcmp(offers[i].name, name) == 0)
			return true;
	}
	return false;
}

/*
 * The tool that takes the final answer, which may have a schema of its own.
 */
static void
make_final_answer(HitlArena *arena, const HitlJson *settings, HitlOffer *offer)
{
	const HitlBuiltinTool *tool = hitl_find_builtin_tool(HITL_FINAL_ANSWER);
	const HitlJson *schema = hitl_json_member(settings, "output_schema");
	HitlBuffer text;
	char *written;

	offer->name = tool->name;
	offer->description = tool->description;
	offer->parameters = tool->parameters;
	if (schema == NULL || schema->type != HITL_JSON_OBJECT)
		return;
	hitl_buffer_init(&text, arena);
	hitl_append_text(&text, "{\"type\":\"object\",\"properties\":{\"answer\":");
	write_within(&text, schema, PART_SCHEMA);
	hitl_append_text(
		&text, "},\"required\":[\"answer\"],\"additionalProperties\":false}");
	written = hitl_buffer_text(&text);
	offer->parameters = written == NULL ? "" : written;
}

/*
 * Write a schema as one within another: its references to itself begin where
 * it is now.
 */
static void
write_within(HitlBuffer *buffer, const HitlJson *value, Part part)
{
	const HitlJson *child;
	bool object = value->type == HITL_JSON_OBJECT;

	if (part == PART_DATA || (!object && value->type != HITL_JSON_ARRAY))
	{
		hitl_json_write(buffer, value);
		return;
	}
	hitl_append_char(buffer, object ? '{' : '[');
	for (child = value->first; child != NULL; child = child->next)
	{
		if (object)
			hitl_json_write_key(buffer, child->key);
		else if (child != value->first)
			hitl_append_char(buffer, ',');
		if (object && part == PART_SCHEMA && child->type == HITL_JSON_STRING &&
			strcmp(child->key, "$ref") == 0 && child->text[0] == '#' &&
			(child->text[1] == '\0' || child->text[1] == '/'))
		{
			hitl_append_text(buffer, "\"#/properties/answer");
			hitl_json_write_content(buffer, child->text + 1, child->length - 1);
			hitl_append_char(buffer, '"');
		}
		else
			write_within(buffer, child, object ? part_of(child, part) : part);
	}
	hitl_append_char(buffer, object ? '}' : ']');
}

/*
 * What a member of a part is.
 */
static Part
part_of(const HitlJson *member, Part around)
{
	static const char *const named[] = {"properties", "patternProperties",
										"$defs", "dependentSchemas", NULL};
	static const char *const data[] = {"const", "enum", "default", "examples",
									   NULL};
	const char *const *name;

	if (around == PART_NAMED)
		return PART_SCHEMA;
	for (name = named; *name != NULL; name++)
	{
		if (strcmp(*name, member->key) == 0)
			return PART_NAMED;
	}
	for (name = data; *name != NULL; name++)
	{
		if (strcmp(*name, member->key) == 0)
			return PART_DATA;
	}
	return PART_SCHEMA;
}
