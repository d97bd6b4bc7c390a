/*
 * gateway.h
 *		What the gateway's files share.
 *
 *		gateway.c			the worker: settings, the role, when to do what
 *		gateway_server.c	libmicrohttpd: listening, connections, their limits
 *		gateway_request.c	requests, as libmicrohttpd reads them
 *		gateway_route.c		routes, and calling their functions
 *		gateway_answer.c	what functions return; errors as problems
 *		gateway_events.c	streams of events
 *		gateway_http.c, gateway_clients.c	without PostgreSQL
 */
#ifndef HITL_GATEWAY_H
#define HITL_GATEWAY_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "worker/gateway_http.h"

/* hitl.gateway_access_log */
typedef enum HitlAccessLog
{
	HITL_LOG_NONE,
	HITL_LOG_ERRORS, /* statuses from 400 on */
	HITL_LOG_ALL
} HitlAccessLog;

struct MHD_Connection;

/* A header of a request (the name in lower case) or of an answer. */
typedef struct HitlHeader
{
	char *name;
	char *value;
} HitlHeader;

/* What a function is told. */
typedef struct HitlCall
{
	const char *method; /* GET for HEAD */
	const char *path;	/* as it came, not decoded */
	size_t path_length;
	const char *query;
	List *headers;	  /* of HitlHeader */
	const char *body; /* or NULL */
	size_t body_length;
	char address[HITL_ADDRESS_TEXT]; /* of the client */
	char proxy[HITL_ADDRESS_TEXT];	 /* trusted; "": none */
	bool secure;
} HitlCall;

/* What it answers; in the memory context that was current. */
typedef struct HitlAnswer
{
	int status;
	List *headers; /* of HitlHeader */
	const char *body;
	size_t length;
	const char *route;	 /* its path, for the log; NULL: there is none */
	bool close;			 /* the connection cannot be gone on with */
	const char *refusal; /* why the gateway refuses by itself, or NULL */

	/* a stream of events in place of a body */
	char *events; /* what hitl.http_events_allowed said, or NULL */
	char *last_event_id;
} HitlAnswer;

/* ---- gateway.c -------------------------------------------------------- */

/* In a transaction: ERROR if our role has become one that must not serve. */
extern void hitl_check_gateway_role(void);

/* After an error: true if the session is that of another role now. */
extern bool hitl_renew_gateway_role(void);

/* ---- gateway_server.c ------------------------------------------------- */

extern void hitl_server_init(void);
extern int hitl_server_descriptor(void);
extern bool hitl_server_is_open(void);
extern void hitl_server_open(void); /* or ERROR */
extern void hitl_server_close(void);
extern void hitl_server_run(void);
extern long hitl_server_sleep(void); /* ms; HITL_SLEEP_FOREVER */

/* ---- gateway_route.c -------------------------------------------------- */

extern void hitl_routes_init(void);

/*
 * False if nothing serves this method and path; then answer says so.  Nothing
 * of the body is needed.
 */
extern bool hitl_find_route(const HitlCall *request, HitlAnswer *answer);
extern void hitl_answer_request(const HitlCall *request, HitlAnswer *answer);

/* ---- gateway_answer.c ------------------------------------------------- */

extern void hitl_refuse_request(HitlAnswer *answer, int status,
								const char *detail);

/* The refusal as a page, for people. */
extern void hitl_show_refusal(HitlAnswer *answer);
extern void hitl_add_header(HitlAnswer *answer, const char *name,
							const char *value);


/* What a function has returned, or an ERROR that it has raised. */
extern void hitl_read_answer(Jsonb *document, HitlAnswer *answer);
extern void hitl_tell_error(const ErrorData *error, HitlAnswer *answer);

/* ---- gateway_events.c ------------------------------------------------- */

/* Answers the connection with a stream; false if there are too many. */
extern bool hitl_open_stream(struct MHD_Connection *connection,
							 HitlAnswer *answer);
extern bool hitl_describe_stream(struct MHD_Connection *connection);
extern bool hitl_feed_streams(void);
extern long hitl_streams_sleep(void);
extern void hitl_hear_events(const char *payload);
extern void hitl_forget_streams(void); /* the server is closed */

#endif /* HITL_GATEWAY_H */
