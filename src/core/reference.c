/*
 * reference.c
 *		References of JSON Schemas.
 *
 * They are followed once, to nodes.  Those that would lead from one schema to
 * another for ever, without looking at another part of the instance, are refused.
 */
#include "core/schema.h"

#include <stdlib.h>
#include <string.h>

static void resolve(HitlCompiler *c, const HitlNode *node, HitlRule *rule);
static HitlNode *follow(HitlNode *node, char *pointer);
static HitlNode *follow_token(const HitlNode *node, char **pointer);
static bool decode_percents(char *text);
static void find_loops(HitlCompiler *c);
static HitlNode *next_in_place(HitlNode *node);

/*
 * Find the targets of all references of a schema.
 */
void
hitl_resolve_references(HitlCompiler *c)
{
	int i;

	for (i = 0; i < c->count; i++)
	{
		HitlRule *rule = c->nodes[i]->rules;

		while (rule != NULL && rule->keyword != HITL_KEYWORD_REF)
			rule = rule->next;
		if (rule != NULL && rule->value->type == HITL_JSON_STRING)
			resolve(c, c->nodes[i], rule);
	}
	if (!c->parse.arena->failed)
		find_loops(c);
}

/*
 * The schema that has an anchor, or NULL.
 */
HitlNode *
hitl_find_anchor(const HitlCompiler *c, const char *anchor)
{
	int i;

	for (i = 0; i < c->count; i++)
	{
		const HitlRule *rule = hitl_find_rule(c->nodes[i], HITL_KEYWORD_ANCHOR);

		if (rule != NULL && rule->value->type == HITL_JSON_STRING &&
			strcmp(rule->value->text, anchor) == 0)
			return c->nodes[i];
	}
	return NULL;
}

/*
 * Find the target of a reference.
 */
static void
resolve(HitlCompiler *c, const HitlNode *node, HitlRule *rule)
{
	HitlPlace place = {node->place, "$ref", 0};
	HitlNode *target = NULL;
	char *text = hitl_copy_text(c->parse.arena, rule->value->text,
								rule->value->length);

	rule->nodes = hitl_alloc(c->parse.arena, sizeof(HitlNode *));
	if (c->parse.arena->failed)
		return;
	if (*text != '#')
	{
		hitl_fault(&c->parse, &place,
				   "only references within the schema are supported, "
				   "as \"#/$defs/name\"");
		return;
	}
	text++;
	if (decode_percents(text))
	{
		if (*text == '\0')
			target = c->schema->root;
		else if (*text == '/')
			target = follow(c->schema->root, text + 1);
		else
			target = hitl_find_anchor(c, text);
	}
	if (target == NULL)
		hitl_fault(&c->parse, &place, "leads to no schema");
	else
		rule->nodes[rule->count++] = target;
}

/*
 * The schema that a JSON pointer leads to, from after its first slash.
 */
static HitlNode *
follow(HitlNode *node, char *pointer)
{
	while (node != NULL && pointer != NULL)
		node = follow_token(node, &pointer);
	return node;
}

/*
 * The schema at the next keyword of a pointer, and perhaps an index or a name.
 */
static HitlNode *
follow_token(const HitlNode *node, char **pointer)
{
	const char *token = hitl_pointer_token(pointer);
	const HitlRule *rule = node->rules;
	char *end;
	unsigned long index;
	int found;

	while (rule != NULL &&
		   strcmp(hitl_keyword_names[rule->keyword], token) != 0)
		rule = rule->next;
	if (rule == NULL || rule->count == 0)
		return NULL;
	switch (hitl_keywords[rule->keyword].shape)
	{
		case HITL_SHAPE_SCHEMA:
			return rule->nodes[0];
		case HITL_SHAPE_SCHEMAS:
			token = hitl_pointer_token(pointer);
			if (token == NULL || *token < '0' || *token > '9' ||
				(*token == '0' && token[1] != '\0'))
				return NULL;
			index = strtoul(token, &end, 10);
			return *end == '\0' && index < (unsigned long) rule->count
				? rule->nodes[index]
				: NULL;
		case HITL_SHAPE_NAMED:
		case HITL_SHAPE_PATTERNED:
			token = hitl_pointer_token(pointer);
			found = token == NULL ? -1 : hitl_find_rule_name(rule, token);
			return found < 0 ? NULL : rule->nodes[found];
		default:
			return NULL;
	}
}

/*
 * The next token of a JSON pointer, without its escapes; NULL at the end.  The
 * pointer, from after its first slash, is taken apart in place.
 */
char *
hitl_pointer_token(char **pointer)
{
	char *token = *pointer;
	char *in;
	char *out;

	if (token == NULL)
		return NULL;
	*pointer = strchr(token, '/');
	if (*pointer != NULL)
		*(*pointer)++ = '\0';
	for (in = out = token; *in != '\0'; in++)
	{
		if (in[0] == '~' && (in[1] == '0' || in[1] == '1'))
			*out++ = *++in == '0' ? '~' : '/';
		else
			*out++ = *in;
	}
	*out = '\0';
	return token;
}

/*
 * Put characters into the place of their percent-encodings; false if one is
 * malformed.
 */
static bool
decode_percents(char *text)
{
	char *out = text;
	char *in;

	for (in = text; *in != '\0'; in++)
	{
		int code = 0;
		int i;

		if (*in != '%')
		{
			*out++ = *in;
			continue;
		}
		for (i = 0; i < 2; i++)
		{
			static const char digits[] = "0123456789abcdef0123456789ABCDEF";
			const char *digit = *++in == '\0' ? NULL : strchr(digits, *in);

			if (digit == NULL)
				return false;
			code = code * 16 + (int) ((digit - digits) % 16);
		}
		if (code == 0)
			return false;
		*out++ = (char) code;
	}
	*out = '\0';
	return true;
}

/*
 * Look for references that lead back to where they are, looking at the same
 * part of the instance: a search in depth that keeps its way in the nodes.
 */
static void
find_loops(HitlCompiler *c)
{
	int i;

	for (i = 0; i < c->count; i++)
	{
		HitlNode *node = c->nodes[i]->entered ? NULL : c->nodes[i];

		if (node != NULL)
		{
			node->entered = true;
			node->rule = node->rules;
		}
		while (node != NULL)
		{
			HitlNode *next = next_in_place(node);

			if (next == NULL)
			{
				node->left = true;
				node = node->from;
			}
			else if (!next->entered)
			{
				next->entered = true;
				next->rule = next->rules;
				next->from = node;
				node = next;
			}
			else if (!next->left)
			{
				HitlPlace place = {node->place,
								   hitl_keyword_names[node->rule->keyword], 0};

				hitl_fault(&c->parse, &place, "leads back to itself for ever");
			}
		}
	}
}

/*
 * The next schema that is for the same part of the instance.
 */
static HitlNode *
next_in_place(HitlNode *node)
{
	while (node->rule != NULL)
	{
		if (hitl_keywords[node->rule->keyword].in_place &&
			node->index < node->rule->count)
			return node->rule->nodes[node->index++];
		node->rule = node->rule->next;
		node->index = 0;
	}
	return NULL;
}
