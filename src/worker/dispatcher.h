/*
 * dispatcher.h
 *		What the dispatcher's files share: one attempt to deliver a request.
 *
 *		outbox.c		the statements: claim rows, record what became of them
 *		conversation.c	the bodies of agents' requests
 *		notification.c	what notifications say
 *		delivery.c		from a row to a request, from a result to a verdict
 *		delivery_mail.c	the same for mail servers
 *		delivery_provider.c	what providers of channels want and say
 *		delivery_secret.c	the secrets of a request
 *		delivery_log.c	what the log says
 *		hosts.c			how much each host may have
 *		dispatcher.c	the worker: when to do what
 */
#ifndef HITL_DISPATCHER_H
#define HITL_DISPATCHER_H

#include "postgres.h"

#include "lib/ilist.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "core/core.h"
#include "worker/hosts.h"
#include "worker/http_client.h"
#include "worker/mail_client.h"
#include "worker/url.h"

/* The values of outbox.purpose. */
extern const char *const hitl_purposes[HITL_PURPOSES];

/* Of a notification's response, only its beginning is kept. */
#define HITL_KEPT_RESPONSE 4096

/* A secret that a request needs. */
typedef struct HitlSecret
{
	char *name;
	char *value;		 /* NULL: it is not set */
	List *allowed_hosts; /* of char *: where http steps may send it */
} HitlSecret;

/* One attempt.  Everything is allocated in its context. */
typedef struct HitlDelivery
{
	dlist_node node;
	MemoryContext context;
	HitlRemote *remote; /* counted there until its request has ended */
	bool trial;			/* of the breaker of its host */

	/* the claimed row */
	pg_uuid_t id;
	int attempt; /* 1 for the first */
	HitlPurpose purpose;
	char *method;
	char *url;
	Jsonb *headers;
	char *body;			 /* or NULL */
	Jsonb *conversation; /* what to make the body of, or NULL */
	bool has_notification;
	pg_uuid_t notification_id; /* its row of the ledger */
	pg_uuid_t workflow_id;	   /* whose it is; zeros: nobody's */
	pg_uuid_t approval_id;	   /* that a notification is about, likewise */
	HitlSecret *secret;		   /* or NULL, as the next ones */
	HitlSecret *signing_secret;
	List *header_secrets; /* of HitlSecret, of which headers speak */
	char *idempotency_key;
	char *retry_text;
	char *provider;	 /* of inference: the format of its response; of
					  * notifications: who carries them; or NULL */
	Jsonb *settings; /* of mail servers, or NULL */
	int *expect;	 /* statuses that are a success */
	int expected;
	int timeout; /* s */
	TimestampTz created_at;
	int revision; /* of the notification, that its body tells; 0: of none */

	/* the request (hitl_prepare_delivery) */
	HttpRequest request;
	bool is_mail; /* this one instead */
	MailRequest mail;
	char host[URL_HOST_SIZE];
	int port;
	bool standard_schedule; /* retry as Standard Webhooks does */
	HitlRetry retry;		/* else */

	TimestampTz sent_at; /* 0: it was not */
	TimestampTz ended_at;

	/* the verdict (hitl_judge_delivery) */
	const char *status;			 /* of the row: delivered, failed, queued */
	TimestampTz next_attempt_at; /* for queued */
	int response_status;		 /* 0: none */
	char *response_body;		 /* or NULL */
	size_t response_length;
	char *response_headers;	   /* JSON text, or NULL */
	char *provider_message_id; /* by which it knows the message, or NULL */
	const char *error_kind;	   /* or NULL */
	char *error_message;	   /* or NULL */
	char *missing_secret;	   /* it waits for; the attempt does not count */
	BreakerOutcome outcome;
	bool unrecordable;	/* the database refused an earlier verdict */
	bool answered;		/* the reply is status and body, not an error */
	int64 input_tokens; /* -1: not told */
	int64 output_tokens;
	TimestampTz held_until; /* its row was locked when it was to be recorded */
	bool ledger_locked;		/* or its row of the ledger is */
} HitlDelivery;

/* ---- outbox.c: inside a transaction of hitl_begin_work ---------------- */

/* Queue what an earlier dispatcher of this database left unfinished. */
extern void hitl_release_outbox(void);

/* What to claim from the queue of one host. */
typedef struct HitlOrder
{
	HitlQueue *queue;
	TimestampTz since; /* rows with this rank or a later one */
	int limit;
} HitlOrder;

/*
 * Claim rows of a purpose that are due, as ordered, but none of those in the
 * lists under_way (NULL at the end), though their leases have ended; append
 * them to claimed, allocated in context.  Counts them in "got" of their queues,
 * whose position becomes the rank of the last.  Returns how many.
 */
extern int hitl_claim_outbox(HitlPurpose purpose, const HitlOrder *orders,
							 int count, dlist_head *const *under_way,
							 MemoryContext context, dlist_head *claimed);

/*
 * Find the hosts that have unfinished rows of a purpose: sets "first" of their
 * queues to the rank of the first one, and appends the queues to a list.
 */
extern List *hitl_find_queues(HitlPurpose purpose);

/* Look up the secrets of which the headers of claimed rows speak. */
extern void hitl_read_header_secrets(dlist_head *claimed);

/*
 * Let requests go on that wait for secrets which are set now.  Returns how
 * many still wait.
 */
extern int hitl_release_waiting(void);

/*
 * Fail what waits for these hosts (char *, origins) and has fallbacks; true if
 * there may be more of it.
 */
extern bool hitl_divert_outbox(List *origins);

/*
 * Record the verdicts of the first count deliveries of a list.  Those whose
 * row is locked by somebody else get held_until set, the others zero.
 */
extern void hitl_record_outbox(dlist_head *finished, int count);

/* ---- conversation.c --------------------------------------------------- */

/*
 * Make the bodies of claimed rows that have a conversation instead of one; for
 * those that cannot be made there is a verdict.  Inside the transaction of the
 * claim.
 */
extern void hitl_build_conversations(dlist_head *claimed);

/* ---- notification.c --------------------------------------------------- */

/*
 * Render the bodies of claimed notifications; for those that cannot be, or have
 * nothing to say any more, there is a verdict.  Inside the transaction of the
 * claim.
 */
extern void hitl_render_notifications(dlist_head *claimed);

/*
 * Before the verdicts of the first count deliveries are recorded: lock their
 * rows of the ledger; sets ledger_locked where somebody else has.  After it:
 * note in the ledger what was recorded, and queue what there is to tell by now.
 */
extern void hitl_lock_notifications(dlist_head *finished, int count);
extern void hitl_note_notifications(dlist_head *finished, int count);

/* ---- delivery.c ------------------------------------------------------- */

/*
 * Make the request of a claimed row.  False if that is impossible; the
 * verdict says why.  Inside a transaction; never ERRORs for a faulty row.
 */
extern bool hitl_prepare_delivery(HitlDelivery *delivery);

/* Reach a verdict on the result of its request. */
extern void hitl_judge_delivery(HitlDelivery *delivery,
								const HttpResult *result);

/*
 * A verdict: it failed and is sent again, if it has attempts left.  Never
 * earlier than the server asks (retry_after s from now; -1: it does not).
 */
extern void hitl_repeat_delivery(HitlDelivery *delivery, int64 retry_after,
								 const char *kind, const char *format, ...)
	pg_attribute_printf(4, 5);

/* The kind of failure that a status stands for. */
extern const char *hitl_kind_of_status(HitlPurpose purpose, int status);

/* Make text that the database can keep of what a server says. */
extern char *hitl_valid_text(char *text);

/* A verdict without a request: it fails, and is not repeated. */
extern void hitl_fail_delivery(HitlDelivery *delivery, const char *kind,
							   const char *format, ...)
	pg_attribute_printf(3, 4);

/* Wipe its secrets and free it. */
extern void hitl_free_delivery(HitlDelivery *delivery);

/* ---- delivery_mail.c -------------------------------------------------- */

/* As the functions of delivery.c, in the delivery's context. */
extern bool hitl_prepare_mail(HitlDelivery *delivery);
extern void hitl_judge_mail(HitlDelivery *delivery, const MailResult *result);

/* The verdict on a mail document of which the core makes nothing; frees error. */
extern void hitl_fail_mail(HitlDelivery *delivery, HitlResult result,
						   char *error);

/* ---- delivery_provider.c ---------------------------------------------- */

/* Is it a notification that this provider (hitl.outbox.provider) carries? */
extern bool hitl_is_carried_by(const HitlDelivery *delivery,
							   const char *provider);

/* Does somebody whose answers are understood carry the notification? */
extern bool hitl_has_provider(const HitlDelivery *delivery);

/*
 * Make the body as the provider wants it, before the request is made.  False
 * if that is impossible; the verdict says why.
 */
extern bool hitl_prepare_provider(HitlDelivery *delivery);

/* The verdict on its answer. */
extern void hitl_judge_provider(HitlDelivery *delivery,
								const HttpResult *result, bool success);

/*
 * The next header of the lines of a response, which are overwritten; false if
 * there is none.  The name is in lower case.
 */
extern bool hitl_next_header(char **lines, char **name, char **value);

/* ---- delivery_secret.c ------------------------------------------------ */

/*
 * May the request have this secret?  If not, it has a verdict.
 */
extern bool hitl_check_secret(HitlDelivery *delivery, const HitlSecret *secret);

/*
 * The names of secrets in a header's value, "${secret:name}", each once; false
 * if one is malformed.
 */
extern bool hitl_placeholders(const char *value, List **names);

/*
 * The value with secrets in their place (it is overwritten); NULL if that is
 * impossible, with a verdict.
 */
extern char *hitl_fill_placeholders(HitlDelivery *delivery, const char *name,
									char *value);

/* Make them unreadable in a text. */
extern void hitl_scrub_secrets(HitlDelivery *delivery, char *text);
extern void hitl_scrub_text(const char *secret, char *text);
extern void hitl_wipe_secrets(HitlDelivery *delivery);

/* ---- delivery_log.c --------------------------------------------------- */

#define HITL_LOG_OF_REQUESTS (HITL_LOG_REQUESTS | HITL_LOG_FAILURES)

extern void hitl_log_sent(const HitlDelivery *delivery);

/* These two are told when the transaction commits. */
extern void hitl_log_verdict(const HitlDelivery *delivery);
extern void hitl_log_diverted(const pg_uuid_t *id, const pg_uuid_t *workflow_id,
							  const char *origin);

extern void hitl_log_breaker(const HitlRemote *host);

/* ---- webhook_signature.c ---------------------------------------------- */

extern char *hitl_sign_webhook(const char *secrets, const char *id,
							   int64 timestamp, const char *body,
							   size_t body_length);

#endif /* HITL_DISPATCHER_H */
