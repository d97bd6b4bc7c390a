/*
 * message.h
 *		What the files about messages to people share: mail, Slack, pages, and
 *		what comes back by their forms.
 *
 * docs/reference/messages.md describes the documents.  All that agents or
 * users have written goes out through the functions here, which escape it and
 * take the characters out of it that would make it look like something else.
 */
#ifndef HITL_CORE_MESSAGE_H
#define HITL_CORE_MESSAGE_H

#include "core/internal.h"

/* ---- message.c: documents, words, texts ------------------------------ */

/* Where a request stands. */
typedef enum HitlStanding
{
	HITL_STANDING_PENDING,
	HITL_STANDING_APPROVED,
	HITL_STANDING_REJECTED,
	HITL_STANDING_EXPIRED,
	HITL_STANDING_CANCELLED
} HitlStanding;

/* A notification document, or the part of a page that is about a request. */
typedef struct HitlNotice
{
	HitlArena *arena;
	const HitlJson *document;
	const HitlJson *approval;
	const HitlJson *context;   /* object, or NULL */
	const HitlJson *responses; /* array, or NULL */
	const HitlJson *schema;	   /* of the answer, or NULL */
	const HitlJson *ui_schema; /* or NULL */
	const char *event;		   /* "" if there is none */
	const char *id;
	const char *title;
	HitlStanding standing;

	/* NULL where there is none. */
	const char *content_hash;
	const char *description;
	const char *requested_by;
	const char *requested_at;
	const char *expires_at;
	const char *decided_at;
	const char *decided_by;
	const char *reason;
	const char *recipient;
	const char *review; /* links */
	const char *approve;
	const char *reject;
} HitlNotice;

/* What can be answered, as forms offer it: the first one approves. */
typedef struct HitlChoiceName
{
	const char *decision;
	const char *label;
} HitlChoiceName;

#define HITL_CHOICES 4

extern const HitlChoiceName hitl_choices[HITL_CHOICES];

extern HitlResult hitl_read_notice(HitlArena *arena, const char *text,
								   HitlNotice *notice, const char **why);
extern HitlResult hitl_read_request(HitlArena *arena, const HitlJson *document,
									HitlNotice *notice, const char **why);
extern HitlResult hitl_read_object(HitlArena *arena, const char *text,
								   const HitlJson **object, const char **why);
extern HitlResult hitl_end_message(HitlArena *arena, HitlResult result,
								   HitlBuffer *message, const char *why,
								   char **text, char **error);

extern const char *hitl_name_of(const HitlJson *principal);
extern const char *hitl_headline(const HitlNotice *notice);
extern const char *hitl_introduction(const HitlNotice *notice);
extern const char *hitl_outcome(const HitlNotice *notice);
extern const char *hitl_decision_name(const char *decision);
extern const HitlJson *hitl_last_answers(const HitlNotice *notice, int most,
										 int *left_out);
extern void hitl_append_answer(HitlBuffer *buffer, const HitlJson *answer,
							   const char *attributes);
extern const char *hitl_date(HitlArena *arena, const char *instant);
extern const char *hitl_humanise(HitlArena *arena, const char *key);

extern const char *hitl_clean_text(HitlArena *arena, const char *text);
extern const char *hitl_one_line(HitlArena *arena, const char *text,
								 size_t characters);
extern const char *hitl_cut_text(HitlArena *arena, const char *text,
								 size_t characters);
extern const char *hitl_sentence(HitlArena *arena, const char *text);
extern void hitl_append_html(HitlBuffer *buffer, const char *text);
extern void hitl_append_typed(HitlBuffer *buffer, const char *text);
extern void hitl_append_wrapped(HitlBuffer *buffer, const char *text,
								int column, int indent);
extern void hitl_append_paragraphs(HitlBuffer *buffer, const char *text,
								   const char *attributes);
extern size_t hitl_characters(const char *text);
extern const char *hitl_made_text(HitlBuffer *buffer);
extern const char *hitl_format_text(HitlArena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- message_value.c: JSON for people -------------------------------- */

/* How much of a value is shown. */
typedef struct HitlLimits
{
	int depth;		   /* of objects and arrays in each other */
	int rows;		   /* in all */
	size_t characters; /* of a text */
} HitlLimits;

/* Attributes of the elements of a table, each with a blank before it. */
typedef struct HitlTableLook
{
	const char *table;
	const char *row_header;
	const char *column_header;
	const char *cell;
	const char *list;
	const char *long_text; /* of the element around a very long text; NULL:
							* there is none, it stands in the cell */
} HitlTableLook;

extern void hitl_append_table(HitlBuffer *buffer, const HitlJson *object,
							  const HitlTableLook *look,
							  const HitlLimits *limits);
extern void hitl_append_lines(HitlBuffer *buffer, const HitlJson *object,
							  const HitlLimits *limits);
extern const char *hitl_value_text(HitlArena *arena, const HitlJson *value,
								   size_t characters);
extern const HitlJson *hitl_shown_context(const HitlNotice *notice);

/* ---- message_template.c ---------------------------------------------- */

extern HitlResult hitl_fill_template(HitlArena *arena, const HitlHost *host,
									 const char *name, const char *template,
									 bool html, const char **text,
									 const char **why);

/* ---- field.c: the fields of a form ----------------------------------- */

typedef enum HitlFieldKind
{
	HITL_FIELD_TEXT,
	HITL_FIELD_NUMBER,
	HITL_FIELD_INTEGER,
	HITL_FIELD_BOOLEAN,
	HITL_FIELD_DATE,
	HITL_FIELD_TIME,
	HITL_FIELD_DATE_TIME,
	HITL_FIELD_EMAIL,
	HITL_FIELD_URL,
	HITL_FIELD_CHOICE,	/* one of some values */
	HITL_FIELD_CHOICES, /* any of some values, as an array */
	HITL_FIELD_LIST,	/* an array of simple values */
	HITL_FIELD_GROUP,	/* an object */
	HITL_FIELD_JSON		/* whatever else */
} HitlFieldKind;

typedef struct HitlOption
{
	const HitlJson *value;
	const char *label;
	const char *code; /* by which forms tell it */
} HitlOption;

typedef struct HitlField
{
	HitlFieldKind kind;
	const char *key;	 /* of the member that it is; NULL: the whole answer */
	const char *pointer; /* in the answer, and the name in forms */
	const char *label;
	const char *description;		 /* or NULL */
	const HitlJson *schema;			 /* without references */
	const struct HitlField *element; /* of a list: what each is; or NULL */
	const HitlJson *preset;			 /* or NULL */
	bool required;
	bool nullable;
	int count; /* of options */
	const HitlOption *options;
	struct HitlField *first; /* of a group */
	struct HitlField *next;

	/* Hints; NULL where there are none. */
	const HitlJson *hints;
	const char *widget;
	const char *help;
	const char *placeholder;
} HitlField;

/* The name in forms of a field that is the whole answer. */
#define HITL_WHOLE_ANSWER "/"

extern HitlField *hitl_plan_form(HitlArena *arena, const HitlJson *schema,
								 const HitlJson *ui_schema);
extern const HitlOption *hitl_find_option(const HitlField *field,
										  const HitlJson *value);
extern bool hitl_same_value(const HitlJson *a, const HitlJson *b);
extern const char *hitl_field_rule(HitlArena *arena, const HitlField *field);
extern const HitlJson *hitl_field_value(HitlArena *arena,
										const HitlField *field,
										const char *text);
extern const HitlJson *hitl_field_list(HitlArena *arena, const HitlField *field,
									   const char *text);
extern const char *hitl_field_text(HitlArena *arena, const HitlField *field,
								   const HitlJson *value);

/* ---- the messages ---------------------------------------------------- */

extern HitlResult hitl_render_template(const char *template,
									   const HitlHost *host, char **text,
									   char **error);
extern HitlResult hitl_render_mail(const char *document, const HitlHost *host,
								   char **text, char **error);
extern HitlResult hitl_render_slack(const char *document, char **text,
									char **error);
extern HitlResult hitl_render_slack_modal(const char *document, char **text,
										  char **error);
extern HitlResult hitl_render_page(const char *page, char **text, char **error);
extern HitlResult hitl_read_form_answer(const char *fields, const char *schema,
										char **answer, char **error);
extern HitlResult hitl_read_slack_answer(const char *values, const char *schema,
										 char **answer, char **error);
extern const char hitl_page_style[];

/* ---- message_slack.c, for the modal ----------------------------------- */

/* In the ids of the blocks of fields, before the pointer. */
#define HITL_SLACK_FIELD "answer"

extern void hitl_slack_text(HitlBuffer *buffer, const char *text, size_t limit);
extern void hitl_slack_section(HitlBuffer *buffer, const char *text);

/* ---- page_form.c ------------------------------------------------------ */

extern void hitl_append_form(HitlBuffer *buffer, const HitlNotice *notice,
							 const HitlJson *page, const char *decision);
extern void hitl_append_faults(HitlBuffer *buffer, const HitlNotice *notice,
							   const HitlJson *page);
extern void hitl_append_hidden(HitlBuffer *buffer, const char *name,
							   const char *value);

#endif /* HITL_CORE_MESSAGE_H */
