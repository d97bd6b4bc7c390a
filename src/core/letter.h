/*
 * letter.h
 *		Mail documents, and what becomes of them.
 *
 * A mail document is {"from","to":[one],"reply_to"?,"subject","text","html"?,
 * "headers"?:{},"date"?}; docs/reference/tables.md describes it.  Nothing of
 * it gets into a header, an envelope or a line that was not checked here.
 */
#ifndef HITL_CORE_LETTER_H
#define HITL_CORE_LETTER_H

#include "core/internal.h"

/* Who sends or gets a mail. */
typedef struct HitlMailbox
{
	const char *name; /* UTF-8; "" if there is none */
	size_t name_length;
	const char *address; /* ASCII; NULL: there is no mailbox */
	const char *domain;	 /* of the address */
} HitlMailbox;

typedef struct HitlLetter
{
	HitlMailbox from;
	HitlMailbox to;
	HitlMailbox reply_to;
	const HitlJson *subject;
	const HitlJson *text;
	const HitlJson *html;		/* or NULL */
	const HitlJson *headers;	/* object of strings, or NULL */
	const HitlJson *message_id; /* among the headers, or NULL */
	int64_t date;				/* Unix time in s */
} HitlLetter;

/* ---- letter.c ------------------------------------------------------- */

extern HitlResult hitl_build_mail(const char *document, const char *id,
								  int64_t date, HitlMail *mail, char **error);
extern void hitl_free_mail(HitlMail *mail);
extern HitlResult hitl_read_letter(HitlArena *arena, const char *document,
								   HitlLetter *letter, HitlBuffer *reason);

/* ---- mime.c --------------------------------------------------------- */

extern void hitl_write_header(HitlBuffer *buffer, const char *name,
							  const char *value, size_t length);
extern void hitl_write_mailbox(HitlBuffer *buffer, const char *name,
							   const HitlMailbox *mailbox);
extern void hitl_append_quoted(HitlBuffer *buffer, const char *text,
							   size_t length);
extern void hitl_write_date(HitlBuffer *buffer, int64_t date);
extern void hitl_write_part(HitlBuffer *buffer, const char *type,
							const char *text, size_t length);
extern bool hitl_is_ascii(const char *text, size_t length);
extern void hitl_write_encoded_words(HitlBuffer *buffer, const char *text,
									 size_t length, const char *separator);

/* ---- sendgrid.c ----------------------------------------------------- */

extern HitlResult hitl_build_sendgrid(const char *document, const char *id,
									  char **body, char **error);

/* ---- provider_reply.c ----------------------------------------------- */

extern HitlResult hitl_read_provider_reply(const char *provider, int status,
										   const char *text,
										   HitlAcceptance *acceptance);

#endif /* HITL_CORE_LETTER_H */
