/*
 * template.c
 *		JSON with holes: {{ path }} in a string stands for what a SQL/JSON path
 *		matches in the workflow's data.
 *
 * A string that is one template and nothing else keeps the JSON type of the
 * match; inside a longer string, and in texts (titles, tasks), the match
 * becomes text: strings bare, all else as compact JSON.  \{{ stands for the
 * two braces themselves.  A path that matches nothing is an error: nobody is
 * ever shown an empty amount.
 *
 * Templates are compiled while the definition is parsed, to pieces of JSON
 * text with paths between them; rendering copies and queries.
 */
#include "core/internal.h"

#include <string.h>

typedef struct Compiler
{
	HitlParse *parse;
	HitlTemplate *template;
	HitlBuffer text; /* of the piece being built */
} Compiler;

typedef enum Form
{
	FORM_TEXT,	 /* the match becomes text */
	FORM_VALUE,	 /* a match alone keeps its type */
	FORM_LITERAL /* the match becomes a literal */
} Form;

static void begin(Compiler *compiler, HitlParse *parse, HitlTemplate *template);
static HitlSegment *end_piece(Compiler *compiler, const char *path, bool whole);
static void compile_string(Compiler *compiler, const HitlPlace *place,
						   const char *text, Form form);
static void compile_json(Compiler *compiler, const HitlPlace *place,
						 const HitlJson *value);
static void compile_object(Compiler *compiler, const HitlPlace *place,
						   const HitlJson *object);
static bool is_space(char c);
static const char *path_end(const char *p);
static bool append_match(HitlRun *run, HitlPosition *position,
						 HitlBuffer *buffer, const HitlSegment *segment,
						 const char *text);
static void check_with_literals(HitlParse *parse, const HitlPlace *place,
								const char *path);

/*
 * Does a text have a template in it?
 */
bool
hitl_has_template(const char *text)
{
	return strstr(text, "{{") != NULL;
}

/*
 * Compile a text; it renders to a JSON string.
 */
void
hitl_compile_text(HitlParse *parse, const HitlPlace *place, const char *text,
				  HitlTemplate *template)
{
	Compiler compiler;

	begin(&compiler, parse, template);
	compile_string(&compiler, place, text, FORM_TEXT);
	end_piece(&compiler, NULL, false);
}

/*
 * Compile a JSON value with templates in its strings.
 */
void
hitl_compile_value(HitlParse *parse, const HitlPlace *place,
				   const HitlJson *value, HitlTemplate *template)
{
	Compiler compiler;

	begin(&compiler, parse, template);
	compile_json(&compiler, place, value);
	end_piece(&compiler, NULL, false);
}

/*
 * Compile an object so that it renders without its braces.
 */
void
hitl_compile_members(HitlParse *parse, const HitlPlace *place,
					 const HitlJson *object, HitlTemplate *template)
{
	Compiler compiler;

	begin(&compiler, parse, template);
	compile_object(&compiler, place, object);
	end_piece(&compiler, NULL, false);
}

/*
 * Compile an object whose members are all texts.
 */
void
hitl_compile_texts(HitlParse *parse, const HitlPlace *place,
				   const HitlJson *object, HitlTemplate *template)
{
	const HitlJson *child;
	Compiler compiler;

	begin(&compiler, parse, template);
	hitl_append_char(&compiler.text, '{');
	for (child = object->first; child != NULL; child = child->next)
	{
		HitlPlace here = {place, child->key, 0};

		if (child != object->first)
			hitl_append_char(&compiler.text, ',');
		hitl_json_write_string(&compiler.text, child->key, strlen(child->key));
		hitl_append_char(&compiler.text, ':');
		if (child->type == HITL_JSON_STRING)
			compile_string(&compiler, &here, child->text, FORM_TEXT);
		else
			hitl_fault(parse, &here, "must be a string, not %s",
					   hitl_json_type_name(child));
	}
	hitl_append_char(&compiler.text, '}');
	end_piece(&compiler, NULL, false);
}

/*
 * Compile a SQL/JSON path with templates for literals in it; it renders to a
 * JSON string.
 */
void
hitl_compile_path(HitlParse *parse, const HitlPlace *place, const char *path,
				  HitlTemplate *template)
{
	Compiler compiler;

	begin(&compiler, parse, template);
	compile_string(&compiler, place, path, FORM_LITERAL);
	end_piece(&compiler, NULL, false);
	if (hitl_has_template(path))
		check_with_literals(parse, place, path);
	else
		hitl_check_path(parse, place, path);
}

/*
 * Render a template over the workflow's data.  NULL when the step has failed
 * or the run has stopped.  An empty template gives "".
 */
const char *
hitl_render(HitlRun *run, HitlPosition *position, const HitlTemplate *template)
{
	HitlBuffer buffer;
	int i;

	if (run->result != HITL_OK)
		return NULL;
	if (template->count == 1 && template->segments[0].path == NULL)
		return template->segments[0].text;

	hitl_buffer_init(&buffer, &run->scratch);
	for (i = 0; i < template->count; i++)
	{
		const HitlSegment *segment = &template->segments[i];
		const char *text = NULL;

		hitl_append(&buffer, segment->text, segment->length);
		if (segment->path == NULL)
			continue;
		if (run->host == NULL)
		{
			hitl_stop(run, HITL_HOST_FAILED, NULL);
			return NULL;
		}
		switch (run->host->query(run->host->context, run->scope, segment->path,
								 &text))
		{
			case HITL_QUERY_FOUND:
				if (!append_match(run, position, &buffer, segment, text))
					return NULL;
				break;
			case HITL_QUERY_EMPTY:
				hitl_fail_faulty(run, position,
								 "template path %s matches nothing",
								 segment->path);
				return NULL;
			case HITL_QUERY_FAULTY:
				hitl_fail_faulty(run, position,
								 "template path %s cannot be evaluated: %s",
								 segment->path,
								 text == NULL ? "no reason given" : text);
				return NULL;
			case HITL_QUERY_HOST_FAILED:
				hitl_stop(run, HITL_HOST_FAILED, NULL);
				return NULL;
		}
	}
	return hitl_finish_text(run, &buffer);
}

/*
 * Begin a template.
 */
static void
begin(Compiler *compiler, HitlParse *parse, HitlTemplate *template)
{
	memset(template, 0, sizeof(*template));
	compiler->parse = parse;
	compiler->template = template;
	hitl_buffer_init(&compiler->text, parse->arena);
}

/*
 * End a piece of text with a path after it, or with none at the very end.
 */
static HitlSegment *
end_piece(Compiler *compiler, const char *path, bool whole)
{
	HitlTemplate *template = compiler->template;
	HitlArena *arena = compiler->parse->arena;
	HitlSegment *segment;

	if (template->count == template->capacity)
	{
		int capacity = template->capacity == 0 ? 1 : template->capacity * 2;
		HitlSegment *segments = hitl_alloc(arena,
										   capacity * sizeof(HitlSegment));

		if (segments == NULL)
			return NULL;
		if (template->count > 0)
			memcpy(segments, template->segments,
				   template->count * sizeof(HitlSegment));
		template->segments = segments;
		template->capacity = capacity;
	}
	segment = &template->segments[template->count];
	segment->length = compiler->text.length;
	segment->text = hitl_buffer_text(&compiler->text);
	segment->path = path;
	segment->whole = whole;
	segment->literal = false;
	if (segment->text != NULL)
		template->count++;
	hitl_buffer_init(&compiler->text, arena);
	return segment;
}

/*
 * Compile a string.  FORM_VALUE: when it is one template, the match takes the
 * place of the string, quotes and all.
 */
static void
compile_string(Compiler *compiler, const HitlPlace *place, const char *text,
			   Form form)
{
	HitlBuffer *buffer = &compiler->text;
	const char *p = text;
	bool whole = false;

	if (form == FORM_VALUE && strncmp(text, "{{", 2) == 0)
	{
		const char *end = path_end(text + 2);

		whole = end != NULL && end[2] == '\0';
	}
	if (!whole)
		hitl_append_char(buffer, '"');
	for (;;)
	{
		const char *open = strstr(p, "{{");
		const char *end;
		const char *path;

		if (open == NULL)
			break;
		if (open > p && open[-1] == '\\')
		{
			hitl_json_write_content(buffer, p, open - 1 - p);
			hitl_append(buffer, "{{", 2);
			p = open + 2;
			continue;
		}
		hitl_json_write_content(buffer, p, open - p);
		p = open + 2;
		end = path_end(p);
		if (end == NULL)
		{
			hitl_fault(compiler->parse, place,
					   "a template has no end: \"}}\" is missing "
					   "(write \\{{ for the braces themselves)");
			return;
		}
		while (is_space(*p))
			p++;
		path = end;
		while (path > p && is_space(path[-1]))
			path--;
		if (path == p)
			hitl_fault(compiler->parse, place, "a template has no path in it");
		else
		{
			path = hitl_copy_text(compiler->parse->arena, p, path - p);
			if (path != NULL)
			{
				HitlSegment *segment;

				hitl_check_path(compiler->parse, place, path);
				segment = end_piece(compiler, path, whole);
				if (segment != NULL)
					segment->literal = form == FORM_LITERAL;
			}
		}
		p = end + 2;
	}
	if (!whole)
	{
		hitl_json_write_content(buffer, p, strlen(p));
		hitl_append_char(buffer, '"');
	}
}

/*
 * Compile a value.
 */
static void
compile_json(Compiler *compiler, const HitlPlace *place, const HitlJson *value)
{
	HitlBuffer *buffer = &compiler->text;
	const HitlJson *child;
	HitlPlace here = {place, NULL, 0};

	switch (value->type)
	{
		case HITL_JSON_STRING:
			compile_string(compiler, place, value->text, FORM_VALUE);
			break;
		case HITL_JSON_ARRAY:
			hitl_append_char(buffer, '[');
			for (child = value->first; child != NULL; child = child->next)
			{
				if (child != value->first)
					hitl_append_char(buffer, ',');
				compile_json(compiler, &here, child);
				here.index++;
			}
			hitl_append_char(buffer, ']');
			break;
		case HITL_JSON_OBJECT:
			hitl_append_char(buffer, '{');
			compile_object(compiler, place, value);
			hitl_append_char(buffer, '}');
			break;
		default:
			hitl_json_write(buffer, value);
			break;
	}
}

/*
 * Compile the members of an object, commas between them.
 */
static void
compile_object(Compiler *compiler, const HitlPlace *place,
			   const HitlJson *object)
{
	const HitlJson *child;

	for (child = object->first; child != NULL; child = child->next)
	{
		HitlPlace here = {place, child->key, 0};

		if (child != object->first)
			hitl_append_char(&compiler->text, ',');
		hitl_json_write_string(&compiler->text, child->key, strlen(child->key));
		hitl_append_char(&compiler->text, ':');
		compile_json(compiler, &here, child);
	}
}

/*
 * White space as JSON has it.
 */
static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * The "}}" that ends a path, which may have strings with braces in it.
 */
static const char *
path_end(const char *p)
{
	bool quoted = false;

	for (; *p != '\0'; p++)
	{
		if (quoted && *p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && p[0] == '}' && p[1] == '}')
			return p;
	}
	return NULL;
}

/*
 * Append the match of a path.
 */
static bool
append_match(HitlRun *run, HitlPosition *position, HitlBuffer *buffer,
			 const HitlSegment *segment, const char *text)
{
	const HitlJson *match;
	HitlBuffer compact;
	HitlJsonError error;

	switch (
		hitl_json_parse(&run->scratch, text, strlen(text), 0, &match, &error))
	{
		case HITL_OK:
			break;
		case HITL_INVALID:
			hitl_fail_faulty(run, position,
							 "the match of template path %s cannot be used: %s",
							 segment->path, error.message);
			return false;
		default:
			hitl_stop(run, HITL_NO_MEMORY, NULL);
			return false;
	}
	if (segment->literal && match->type > HITL_JSON_STRING)
	{
		hitl_fail_faulty(run, position,
						 "the match of template path %s is %s, which cannot "
						 "stand in a path",
						 segment->path, hitl_json_type_name(match));
		return false;
	}
	if (segment->whole)
		hitl_json_write(buffer, match);
	else if (match->type == HITL_JSON_STRING && !segment->literal)
		hitl_json_write_content(buffer, match->text, match->length);
	else
	{
		hitl_buffer_init(&compact, &run->scratch);
		hitl_json_write(&compact, match);
		hitl_json_write_content(buffer,
								compact.data == NULL ? "" : compact.data,
								compact.length);
	}
	return true;
}

/*
 * Check a path in which a literal stands for each template.
 */
static void
check_with_literals(HitlParse *parse, const HitlPlace *place, const char *path)
{
	const char *p = path;
	HitlBuffer filled;

	hitl_buffer_init(&filled, parse->arena);
	for (;;)
	{
		const char *open = strstr(p, "{{");
		const char *end = open == NULL ? NULL : path_end(open + 2);

		if (open == NULL)
			break;
		if (end == NULL || (open > path && open[-1] == '\\'))
			return;
		hitl_append(&filled, p, open - p);
		hitl_append_text(&filled, "\"\"");
		p = end + 2;
	}
	hitl_append_text(&filled, p);
	if (hitl_buffer_text(&filled) != NULL)
		hitl_check_path(parse, place, filled.data);
}
