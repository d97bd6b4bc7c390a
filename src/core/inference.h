/*
 * inference.h
 *		What the files about models share with each other and with their tests.
 */
#ifndef HITL_CORE_INFERENCE_H
#define HITL_CORE_INFERENCE_H

#include "core/internal.h"

/* The longest name of a tool that all servers take. */
#define HITL_MAX_TOOL_NAME 64

/* More tokens than any server counts; sums of some stay below an int64. */
#define HITL_MAX_TOKENS 1000000000000000

/* How an answer has ended. */
typedef enum HitlStop
{
	HITL_STOP_ENDED,	/* as it should, or for a reason of no concern */
	HITL_STOP_LENGTH,	/* no more tokens */
	HITL_STOP_TOOL,		/* it wants a tool */
	HITL_STOP_REFUSED,	/* by the model */
	HITL_STOP_FILTERED, /* by the server */
} HitlStop;

/* A tool that a model wants to be called. */
typedef struct HitlToolCall
{
	const char *id;		   /* as the model gave it, "" if it gave none */
	const char *name;	   /* "" if it gave none */
	const char *arguments; /* JSON text of an object; NULL: see fault */
	const char *fault;	   /* why it cannot be called, or NULL */
} HitlToolCall;

/* What a model says in a conversation. */
typedef struct HitlTurn
{
	const char *text; /* "" if it says nothing */
	size_t length;
	int ncalls;
	HitlToolCall *calls;
	HitlStop stop;
	const char *model;	  /* as the server calls it, or NULL */
	int64_t input_tokens; /* -1: not told, as the next one */
	int64_t output_tokens;
	double cost; /* as the host tells; -1: it does not */
} HitlTurn;

typedef enum HitlRole
{
	HITL_ROLE_USER,
	HITL_ROLE_ASSISTANT,
	HITL_ROLE_TOOL
} HitlRole;

/* A message of a conversation. */
typedef struct HitlSaid
{
	HitlRole role;
	const char *text;
	size_t length;
	int ncalls; /* of an assistant */
	const HitlToolCall *calls;
	const char *call; /* of a tool: the id of the call that it answers */
	bool failed;	  /* of a tool */
} HitlSaid;

/* A tool that a model may call. */
typedef struct HitlOffer
{
	const char *name;
	const char *description; /* or NULL */
	const char *parameters;	 /* JSON text of a schema */
} HitlOffer;

/*
 * What is said to a model, in an order that all servers take: a user is first,
 * a user or tool last, two users or two assistants never follow each other,
 * and each call of an assistant is answered right after it, once.
 */
typedef struct HitlConversation
{
	const char *instructions;
	size_t instructions_length;
	int nsaid;
	const HitlSaid *said;
	int noffers;
	const HitlOffer *offers;
	bool may_call; /* what is offered */
} HitlConversation;

/* An answer. */
typedef struct HitlCompletion
{
	const HitlJson *document;
	const char *content;
	size_t length;
	HitlStop stop;
	const HitlJson *model; /* or NULL */
	int64_t input_tokens;  /* -1: not told, as the next ones */
	int64_t output_tokens;
	int64_t total_tokens;
} HitlCompletion;

/* A wire format of requests and replies. */
typedef struct HitlWireFormat
{
	const char *provider;
	const char *answer; /* what it calls one */
	bool plain_ids;		/* of calls: only letters, digits, "_" and "-" */

	/* Append members to a request that has begun. */
	void (*write)(HitlBuffer *request, const HitlJson *parameters,
				  const HitlConversation *conversation);

	/* Read an answer; false: the document is none. */
	bool (*read)(HitlArena *arena, const HitlJson *document,
				 HitlCompletion *completion);

	/* Add the calls of such an answer to a turn. */
	void (*read_calls)(HitlArena *arena, const HitlJson *document,
					   HitlTurn *turn);
} HitlWireFormat;

extern const HitlWireFormat hitl_openai_format;	   /* openai.c */
extern const HitlWireFormat hitl_anthropic_format; /* anthropic.c */

/* ---- inference.c ---------------------------------------------------- */

extern void hitl_read_reply(HitlArena *arena, const HitlJson *body,
							HitlReply *reply);
extern void hitl_explain_stop(HitlReply *reply, HitlStop stop, bool empty);
extern int64_t hitl_read_tokens(const HitlJson *usage, const char *name);
extern HitlResult hitl_read_inference(const char *provider, int status,
									  const char *text, bool turn,
									  HitlInference *inference);
extern HitlResult hitl_build_request(const char *provider, const char *task,
									 const char *model, const char *parameters,
									 const char *goal, const char *variables,
									 const char *steps, char **body,
									 char **error);
extern HitlResult hitl_build_builtin_reply(const char *parameters,
										   const char *task, int64_t token,
										   char **body, char **error);
extern void hitl_write_prompt(HitlBuffer *prompt, const HitlJson *task,
							  const char *goal, const HitlJson *variables,
							  const HitlJson *steps);
extern const HitlJson *hitl_find_data(HitlArena *arena, const char *content,
									  size_t length);

/* A text that is written for the library's caller. */
typedef struct HitlDraft
{
	HitlArena arena;
	HitlBuffer text;
	HitlBuffer reason; /* why there is none */
	HitlResult result;
} HitlDraft;

extern void hitl_begin_draft(HitlDraft *draft);
extern const HitlJson *hitl_parse_part(HitlDraft *draft, const char *text,
									   const char *what, HitlJsonType type,
									   bool required);
extern const HitlWireFormat *hitl_choose_format(HitlDraft *draft,
												const char *provider);
extern void hitl_draft_request(HitlDraft *draft, const HitlWireFormat *format,
							   const char *model, const HitlJson *parameters,
							   const HitlConversation *conversation);
extern HitlResult hitl_end_draft(HitlDraft *draft, char **body, char **error);

extern const HitlWireFormat *hitl_read_response(HitlArena *arena,
												const HitlJson *body,
												HitlCompletion *completion,
												HitlReply *reply);
extern void hitl_write_parameters(HitlBuffer *request,
								  const HitlJson *parameters,
								  const char *const *own);

/* ---- turn.c --------------------------------------------------------- */

extern bool hitl_read_turn(HitlArena *arena, const HitlJson *body,
						   HitlTurn *turn, HitlReply *reply);
extern const char *hitl_find_code(HitlArena *arena, const HitlTurn *turn);

#define HITL_CUT_OFF "the call is cut off: the reply has used up its tokens"

extern HitlToolCall *hitl_add_call(HitlArena *arena, HitlTurn *turn,
								   const HitlJson *id, const HitlJson *name,
								   const HitlJson *arguments, bool cut);
extern const char *hitl_explain_fault(HitlArena *arena, const char *what,
									  const char *why, const char *at,
									  const char *end);

/* White space as JSON has it. */
extern const char hitl_space[];
extern bool hitl_is_blank(const HitlJson *value);
extern void hitl_trim(const char **start, const char **end);

/* ---- text_call.c ---------------------------------------------------- */

extern void hitl_find_calls(HitlArena *arena, HitlTurn *turn);

/* ---- conversation.c ------------------------------------------------- */

extern HitlResult hitl_build_conversation(const char *provider,
										  const char *model,
										  const char *parameters,
										  const char *settings,
										  const char *messages, bool tools,
										  char **body, char **error);
extern bool hitl_is_plain_id(const char *id);

/* ---- builtin_tool.c -------------------------------------------------- */

/* A tool that every agent can have. */
typedef struct HitlBuiltinTool
{
	const char *name;
	const char *description;
	const char *parameters; /* JSON text of the schema of its arguments */
} HitlBuiltinTool;

#define HITL_FINAL_ANSWER "final_answer"

extern const HitlBuiltinTool *hitl_find_builtin_tool(const char *name);

/* ---- offer.c -------------------------------------------------------- */

extern const HitlOffer *hitl_make_offers(HitlArena *arena,
										 const HitlJson *settings, int *count);

/* ---- briefing.c ----------------------------------------------------- */

extern bool hitl_writes_code(const HitlJson *settings);
extern void hitl_write_briefing(HitlBuffer *text, const HitlJson *settings,
								const HitlOffer *offers, int count);

#endif /* HITL_CORE_INFERENCE_H */
