/*
 * hitl.h
 *		What every C file of the extension shares: settings, error codes.
 */
#ifndef HITL_H
#define HITL_H

#include "postgres.h"

#include "compat.h"
#include "fmgr.h"

/* ---- settings (hitl.c) ---------------------------------------------- */

extern bool hitl_run_workers;	/* shall this database have workers? */
extern int hitl_engine_workers; /* engine workers per database */
extern int hitl_sql_workers;	/* executors per database */
extern int hitl_sql_timeout;	/* ms, default limit of a step's statement */
extern int hitl_sandbox_memory; /* MB, that code of an agent may take; 0: all */
extern int hitl_batch_size;		/* messages an engine worker takes at once */
extern int hitl_batch_timeout;	/* ms, limit of an engine transaction */
extern int hitl_retention;		/* s, remove what ended longer ago; 0: never */
extern int hitl_max_connections;   /* requests the dispatcher has in flight */
extern int hitl_request_timeout;   /* s, default limit of one HTTP request */
extern int hitl_max_response_size; /* kB, a larger response is an error */
extern int hitl_breaker_threshold; /* failures in a row that open a breaker */
extern int hitl_breaker_cooldown;  /* ms, until the first trial */
extern int hitl_reminder_interval; /* s, nobody is reminded more often */
extern char *hitl_ca_file;		   /* certificates to trust; "": the system's */
extern char *hitl_allowed_private_hosts; /* comma-separated host names and
											 * addresses exempt from the guard */
extern char *hitl_trusted_user_header;	 /* who is signed in at a proxy */
extern bool hitl_action_links_need_sign_in;
extern int hitl_session_timeout;  /* s without a request */
extern int hitl_session_lifetime; /* s */

/* of the gateway, each database its own */
extern char *hitl_listen_addresses; /* comma-separated; "": no gateway */
extern int hitl_port;
extern char *hitl_public_url;	   /* base of links; "": no links */
extern char *hitl_gateway_role;	   /* whose session it is */
extern char *hitl_trusted_proxies; /* comma-separated addresses and CIDRs */
extern char *hitl_metrics_token;   /* "": /metrics for loopback alone */
extern int hitl_gateway_timeout;   /* ms, of one request in the database */
extern int hitl_gateway_client_timeout;	 /* s, that a client may take */
extern int hitl_gateway_max_body;		 /* kB */
extern int hitl_gateway_max_header;		 /* kB, request line and headers */
extern int hitl_gateway_max_connections; /* at once */
extern int hitl_gateway_max_per_address; /* connections */
extern int hitl_gateway_rate;			 /* requests/s of an address; 0: any */
extern int hitl_gateway_access_log;		 /* HitlAccessLog */

extern char *hitl_log_happenings; /* as it was set; log.h has what it means */

/* ---- SQLSTATEs (docs/reference/errors.md) ---------------------------- */

#define ERRCODE_HITL_INVALID_DEFINITION	  MAKE_SQLSTATE('W', 'F', '0', '0', '1')
#define ERRCODE_HITL_WORKFLOW_NOT_FOUND	  MAKE_SQLSTATE('W', 'F', '0', '0', '2')
#define ERRCODE_HITL_APPROVAL_NOT_FOUND	  MAKE_SQLSTATE('W', 'F', '0', '0', '3')
#define ERRCODE_HITL_CHECKPOINT_NOT_FOUND MAKE_SQLSTATE('W', 'F', '0', '0', '4')
#define ERRCODE_HITL_TEMPLATE_NOT_FOUND	  MAKE_SQLSTATE('W', 'F', '0', '0', '5')
#define ERRCODE_HITL_INVALID_TRANSITION	  MAKE_SQLSTATE('W', 'F', '0', '1', '0')
#define ERRCODE_HITL_APPROVAL_DECIDED	  MAKE_SQLSTATE('W', 'F', '0', '1', '1')
#define ERRCODE_HITL_APPROVAL_EXPIRED	  MAKE_SQLSTATE('W', 'F', '0', '1', '2')
#define ERRCODE_HITL_APPROVAL_CANCELLED	  MAKE_SQLSTATE('W', 'F', '0', '1', '3')
#define ERRCODE_HITL_ALREADY_ANSWERED	  MAKE_SQLSTATE('W', 'F', '0', '1', '4')
#define ERRCODE_HITL_NOT_AN_APPROVER	  MAKE_SQLSTATE('W', 'F', '0', '1', '5')
#define ERRCODE_HITL_KEY_REUSED			  MAKE_SQLSTATE('W', 'F', '0', '1', '6')
#define ERRCODE_HITL_STATE_CHANGED		  MAKE_SQLSTATE('W', 'F', '0', '1', '7')
#define ERRCODE_HITL_CONTENT_CHANGED	  MAKE_SQLSTATE('W', 'F', '0', '1', '8')
#define ERRCODE_HITL_INVALID_ANSWER		  MAKE_SQLSTATE('W', 'F', '0', '1', '9')
#define ERRCODE_HITL_PRINCIPAL_NOT_FOUND  MAKE_SQLSTATE('W', 'F', '0', '5', '0')
#define ERRCODE_HITL_NAME_IN_USE		  MAKE_SQLSTATE('W', 'F', '0', '5', '1')
#define ERRCODE_HITL_GROUP_NOT_FOUND	  MAKE_SQLSTATE('W', 'F', '0', '5', '2')
#define ERRCODE_HITL_PRINCIPAL_INACTIVE	  MAKE_SQLSTATE('W', 'F', '0', '5', '3')
#define ERRCODE_HITL_MUST_NOT_ANSWER	  MAKE_SQLSTATE('W', 'F', '0', '5', '4')
#define ERRCODE_HITL_INVALID_POLICY		  MAKE_SQLSTATE('W', 'F', '0', '5', '5')
#define ERRCODE_HITL_TYPE_NOT_FOUND		  MAKE_SQLSTATE('W', 'F', '0', '5', '6')
#define ERRCODE_HITL_INVALID_FORM		  MAKE_SQLSTATE('W', 'F', '0', '5', '7')
#define ERRCODE_HITL_MISSING_PARAMETERS	  MAKE_SQLSTATE('W', 'F', '0', '3', '0')
#define ERRCODE_HITL_TEMPLATE_EXISTS	  MAKE_SQLSTATE('W', 'F', '0', '3', '1')
#define ERRCODE_HITL_CANNOT_MIGRATE		  MAKE_SQLSTATE('W', 'F', '0', '3', '2')
#define ERRCODE_HITL_WORKER_UNAVAILABLE	  MAKE_SQLSTATE('W', 'F', '0', '2', '0')
#define ERRCODE_HITL_TASK_NOT_FOUND		  MAKE_SQLSTATE('W', 'F', '0', '4', '0')
#define ERRCODE_HITL_TASK_FINISHED		  MAKE_SQLSTATE('W', 'F', '0', '4', '1')
#define ERRCODE_HITL_TASK_WITHDRAWN		  MAKE_SQLSTATE('W', 'F', '0', '4', '2')
#define ERRCODE_HITL_TASK_LOST			  MAKE_SQLSTATE('W', 'F', '0', '4', '3')
#define ERRCODE_HITL_TOO_MANY_SIGNALS	  MAKE_SQLSTATE('W', 'F', '0', '4', '4')
#define ERRCODE_HITL_SIGNAL_CHANGED		  MAKE_SQLSTATE('W', 'F', '0', '4', '5')

#endif /* HITL_H */
