/*
 * hosts.c
 *		Remote hosts: their names, and what the dispatcher knows of each.
 *
 * Requests are queued by host, and each host is asked for no more than it may
 * have: by its limit (hitl.limits) and by its circuit breaker.  What it may
 * not have is not even looked at, so a request that has to wait costs nothing
 * and burns no attempt.
 *
 * All of this is in the dispatcher's memory.  It sees from invalidations of
 * the tables (hitl.limits_changed) when somebody has changed them.
 */
#include "postgres.h"

#include "hitl.h"

#include <limits.h>

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "db.h"
#include "worker/dispatcher.h"
#include "worker/hosts.h"

/* Hosts that are remembered for nothing but their names. */
#define MAX_IDLE_HOSTS 1000

/* Mail servers shut out who has many connections to them. */
#define MAIL_CONCURRENCY 10

/* What a level of priority is worth. */
#define PRIORITY_US (10 * USECS_PER_SEC)

/* A row of hitl.limits. */
typedef struct HostLimit
{
	char name[HITL_ORIGIN_SIZE]; /* must be first: the hash key */
	int max_concurrency;
	int max_rate;
	int64 period;
} HostLimit;

static void table_changed(Datum arg, Oid relid);
static void read_limits(void);
static void apply_limit(HitlRemote *host);
static void resize_ring(HitlRemote *host, int size);
static int rate_allows(const HitlRemote *host, TimestampTz now,
					   TimestampTz *ready_at);

PG_FUNCTION_INFO_V1(hitl_request_origin);
PG_FUNCTION_INFO_V1(hitl_request_rank);

static MemoryContext hosts_context = NULL;
static HTAB *hosts = NULL;
static HTAB *limits = NULL;
static Oid limits_table = InvalidOid;
static Oid breakers_table = InvalidOid;
static bool limits_stale = true;
static bool breakers_stale = true;

/*
 * hitl.request_origin(url): scheme, host and port.  It sorts requests and
 * decides nothing; what is no URL will be found out when it is to be sent.
 */
Datum
hitl_request_origin(PG_FUNCTION_ARGS)
{
	static const struct
	{
		const char *scheme;
		const char *port;
	} usual[] = {{"https", ":443"},
				 {"http", ":80"},
				 {"smtps", ":465"},
				 {"smtp", ":587"}};
	char *url = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *authority = strstr(url, "://");
	char *end;
	char *at;
	char *c;
	size_t length;
	int scheme;

	for (scheme = 0; authority != NULL && scheme < lengthof(usual); scheme++)
		if (authority - url == strlen(usual[scheme].scheme) &&
			pg_strncasecmp(url, usual[scheme].scheme, authority - url) == 0)
			break;
	if (authority == NULL || scheme == lengthof(usual))
		PG_RETURN_TEXT_P(cstring_to_text(""));
	authority += 3;
	end = authority + strcspn(authority, "/?#\\");
	*end = '\0';
	at = strrchr(authority, '@');
	if (at != NULL)
		memmove(authority, at + 1, strlen(at + 1) + 1);
	for (c = url; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	length = strlen(url);
	if (length > strlen(usual[scheme].port) &&
		strcmp(url + length - strlen(usual[scheme].port), usual[scheme].port) ==
			0)
		length -= strlen(usual[scheme].port);
	if (length >= HITL_ORIGIN_SIZE)
		length = pg_mbcliplen(url, (int) length, HITL_ORIGIN_SIZE - 1);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(url, (int) length));
}

/*
 * hitl.request_rank(next_attempt_at, created_at, attempts, priority).  Never
 * later than the request is due; earlier only if it is due from the start, so
 * that whatever comes first in a queue and has come, is due.
 */
Datum
hitl_request_rank(PG_FUNCTION_ARGS)
{
	TimestampTz next_attempt_at = PG_GETARG_TIMESTAMPTZ(0);
	TimestampTz created_at = PG_GETARG_TIMESTAMPTZ(1);
	int32 attempts = PG_GETARG_INT32(2);
	int16 priority = PG_GETARG_INT16(3);

	if (attempts > 0 || next_attempt_at > created_at ||
		TIMESTAMP_NOT_FINITE(next_attempt_at))
		PG_RETURN_TIMESTAMPTZ(next_attempt_at);
	PG_RETURN_TIMESTAMPTZ(next_attempt_at - priority * PRIORITY_US);
}

/*
 * The name of a host, checked: one that no URL can have would stand for
 * nothing, and nobody would know.
 */
char *
hitl_host_name(const char *given)
{
	const char *allowed = "abcdefghijklmnopqrstuvwxyz0123456789-._:[]";
	char *name = pstrdup(given);
	char *port;
	char *c;

	for (c = name; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	port = strrchr(name, ':');
	/* The colons of an address are in brackets. */
	if (port != NULL && strchr(port, ']') != NULL)
		port = NULL;
	if (name[0] != '\0' && strlen(name) < HITL_ORIGIN_SIZE - 10 &&
		strspn(name, allowed) == strlen(name) && name[0] != ':' &&
		(port == NULL ||
		 (port[1] != '\0' && strlen(port + 1) <= 5 &&
		  strspn(port + 1, "0123456789") == strlen(port + 1))) &&
		(name[0] == '[') == (strchr(name, ']') != NULL) &&
		(name[0] == '[' || strchr(name, ':') == port))
		return name;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid name of a host: \"%s\"", name),
			 errdetail("It is the host as it stands in URLs, followed by a colon and the port unless it is the usual one: api.example.org, api.example.org:8443, [2001:db8::1].")));
}

/*
 * Does a name stand for the host and port of a URL?  Without a port it stands
 * for the host as a whole.
 */
bool
hitl_host_matches(const char *name, const char *host, int port)
{
	size_t length = strlen(host);

	if (pg_strncasecmp(name, host, length) != 0)
		return false;
	if (name[length] == '\0')
		return true;
	return name[length] == ':' && atoi(name + length + 1) == port;
}

/*
 * Once, when the dispatcher starts.
 */
void
hitl_hosts_init(void)
{
	HASHCTL control = {.keysize = HITL_ORIGIN_SIZE,
					   .entrysize = sizeof(HitlRemote)};

	hosts_context = AllocSetContextCreate(TopMemoryContext, "hitl hosts",
										  ALLOCSET_DEFAULT_SIZES);
	control.hcxt = hosts_context;
	hosts = hash_create("hitl hosts", 64, &control,
						HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(table_changed, (Datum) 0);
}

/*
 * The host with an origin.
 */
HitlRemote *
hitl_find_host(const char *origin)
{
	bool found;
	HitlRemote *host = hash_search(hosts, origin, HASH_ENTER, &found);
	int i;

	if (found)
		return host;
	memset((char *) host + HITL_ORIGIN_SIZE, 0,
		   sizeof(HitlRemote) - HITL_ORIGIN_SIZE);
	for (i = 0; i < HITL_PURPOSES; i++)
	{
		host->queues[i].host = host;
		host->queues[i].position = DT_NOBEGIN;
		host->queues[i].first = DT_NOEND;
	}
	apply_limit(host);
	return host;
}

/*
 * All hosts, one after the other.
 */
void
hitl_scan_hosts(HASH_SEQ_STATUS *scan)
{
	hash_seq_init(scan, hosts);
}

/*
 * How many requests to it may begin now.
 */
int
hitl_host_allows(HitlRemote *host, TimestampTz now, TimestampTz *ready_at)
{
	BreakerTerms terms = hitl_breaker_terms();
	TimestampTz ready = now;
	int allowed = INT_MAX;
	int breaker;

	*ready_at = now;
	breaker = breaker_allows(&host->breaker, &terms, now, &ready);
	if (breaker >= 0)
		allowed = breaker;
	if (breaker == 0)
		*ready_at = Max(*ready_at, ready);
	if (host->max_rate > 0)
	{
		int rate = rate_allows(host, now, &ready);

		allowed = Min(allowed, rate);
		if (rate == 0)
			*ready_at = Max(*ready_at, ready);
	}
	if (host->max_concurrency > 0)
	{
		int left = Max(host->max_concurrency - host->in_flight, 0);

		allowed = Min(allowed, left);
		if (left == 0)
			*ready_at = DT_NOEND;
	}
	return allowed;
}

/*
 * A request begins.
 */
bool
hitl_host_begins(HitlRemote *host, HitlPurpose purpose, TimestampTz now)
{
	BreakerTerms terms = hitl_breaker_terms();

	host->in_flight++;
	host->queues[purpose].in_flight++;
	if (host->max_rate > 0)
	{
		host->begun[host->oldest] = now;
		host->oldest = (host->oldest + 1) % host->max_rate;
	}
	return breaker_send(&host->breaker, &terms, now);
}

/*
 * A request has ended.
 */
void
hitl_host_ends(HitlRemote *host, HitlPurpose purpose, TimestampTz now,
			   bool trial, BreakerOutcome outcome, const char *error_message)
{
	BreakerTerms terms = hitl_breaker_terms();
	bool was_open = host->breaker.open;

	host->in_flight--;
	host->queues[purpose].in_flight--;
	if (!breaker_end(&host->breaker, &terms, now, trial, outcome))
		return;
	host->unsaved = true;
	hitl_breakers_unsaved = true;
	if (!host->breaker.open || !was_open)
		hitl_log_breaker(host);
	if (!host->breaker.open)
		return;
	if (host->error_message != NULL)
		pfree(host->error_message);
	host->error_message = MemoryContextStrdup(hosts_context,
											  error_message != NULL
												  ? error_message
												  : "");
}

/*
 * Read limits and breakers if they have changed; true if they have.
 */
bool
hitl_refresh_hosts(void)
{
	bool changed = limits_stale || breakers_stale;

	/* First: they may change again while we read. */
	if (limits_stale)
	{
		limits_stale = false;
		read_limits();
	}
	if (breakers_stale)
	{
		breakers_stale = false;
		hitl_read_breakers();
	}
	return changed;
}

/*
 * The transaction of a refresh has failed.
 */
void
hitl_refresh_again(void)
{
	limits_stale = breakers_stale = true;
}

/*
 * The clock was set back.  Nothing has begun later than now, queues have rows
 * before the last one that was claimed, and no breaker rests for longer than
 * it would if it had been opened now.
 */
void
hitl_hosts_set_back(TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	HitlRemote *host;

	hitl_scan_hosts(&scan);
	while ((host = hash_seq_search(&scan)) != NULL)
	{
		Breaker *breaker = &host->breaker;
		int i;

		for (i = 0; i < host->max_rate; i++)
			host->begun[i] = Min(host->begun[i], now);
		for (i = 0; i < HITL_PURPOSES; i++)
		{
			host->queues[i].position = DT_NOBEGIN;
			host->queues[i].served_at = Min(host->queues[i].served_at, now);
		}
		if (breaker->open && breaker->next_trial_at > now + breaker->cooldown)
		{
			breaker->next_trial_at = now + breaker->cooldown;
			host->unsaved = hitl_breakers_unsaved = true;
		}
	}
}

/*
 * Forget hosts of which nothing is known that matters.
 */
void
hitl_forget_hosts(TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	HitlRemote *host;

	if (hash_get_num_entries(hosts) <= MAX_IDLE_HOSTS)
		return;
	hitl_scan_hosts(&scan);
	while ((host = hash_seq_search(&scan)) != NULL)
	{
		TimestampTz ready_at;
		bool listed = false;
		int i;

		for (i = 0; i < HITL_PURPOSES; i++)
			listed |= host->queues[i].listed;
		if (listed || host->in_flight > 0 || host->breaker.open ||
			host->breaker.failures > 0 || host->unsaved ||
			(host->max_rate > 0 &&
			 rate_allows(host, now, &ready_at) < host->max_rate))
			continue;
		if (host->begun != NULL)
			pfree(host->begun);
		if (host->error_message != NULL)
			pfree(host->error_message);
		(void) hash_search(hosts, host->origin, HASH_REMOVE, NULL);
	}
}

/*
 * Invalidation callback; it must not do more than note what it is told.
 */
static void
table_changed(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == limits_table)
		limits_stale = true;
	if (relid == InvalidOid || relid == breakers_table)
		breakers_stale = true;
}

/*
 * Read the limits of hosts.
 */
static void
read_limits(void)
{
	static HitlStatement read =
		{"SELECT name, coalesce(max_concurrency, 0), coalesce(max_rate, 0),"
		 " (extract(epoch FROM per) * 1000000)::int8"
		 " FROM hitl.limits WHERE kind = 'host'",
		 0};
	HASHCTL control = {.keysize = HITL_ORIGIN_SIZE,
					   .entrysize = sizeof(HostLimit)};
	Oid schema = get_namespace_oid("hitl", false);
	HASH_SEQ_STATUS scan;
	HitlRemote *host;
	HTAB *fresh;
	uint64 row;

	limits_table = get_relname_relid("limits", schema);
	breakers_table = get_relname_relid("breakers", schema);
	hitl_execute(&read, NULL, NULL, 0);

	control.hcxt = hosts_context;
	fresh = hash_create("hitl limits of hosts", 16, &control,
						HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	for (row = 0; row < SPI_processed; row++)
	{
		HostLimit *limit = hash_search(fresh, hitl_column_text(row, 1),
									   HASH_ENTER, NULL);
		bool isnull;

		limit->max_concurrency = DatumGetInt32(hitl_column(row, 2, &isnull));
		limit->max_rate = DatumGetInt32(hitl_column(row, 3, &isnull));
		limit->period = DatumGetInt64(hitl_column(row, 4, &isnull));
	}
	if (limits != NULL)
		hash_destroy(limits);
	limits = fresh;

	hitl_scan_hosts(&scan);
	while ((host = hash_seq_search(&scan)) != NULL)
		apply_limit(host);
}

/*
 * Look up the limit of a host: its own, or the one of all that have none.
 */
static void
apply_limit(HitlRemote *host)
{
	const char *name = strstr(host->origin, "://");
	HostLimit *limit = NULL;

	if (limits != NULL)
	{
		if (name != NULL)
		{
			char key[HITL_ORIGIN_SIZE];

			strlcpy(key, name + 3, sizeof(key));
			limit = hash_search(limits, key, HASH_FIND, NULL);
		}
		if (limit == NULL)
			limit = hash_search(limits, "*", HASH_FIND, NULL);
	}
	host->max_concurrency = limit != NULL ? limit->max_concurrency : 0;
	if (host->max_concurrency == 0 && strncmp(host->origin, "smtp", 4) == 0)
		host->max_concurrency = MAIL_CONCURRENCY;
	host->period = limit != NULL ? limit->period : 0;
	resize_ring(host, limit != NULL ? limit->max_rate : 0);
}

/*
 * Remember when as many requests began as the rate allows, the latest ones
 * that are known.
 */
static void
resize_ring(HitlRemote *host, int size)
{
	TimestampTz *ring = NULL;
	int kept = Min(size, host->max_rate);
	int i;

	if (size == host->max_rate)
		return;
	if (size > 0)
	{
		ring = MemoryContextAlloc(hosts_context, size * sizeof(TimestampTz));
		for (i = 0; i < size - kept; i++)
			ring[i] = DT_NOBEGIN;
		for (i = 0; i < kept; i++)
			ring[size - kept + i] =
				host->begun[(host->oldest + host->max_rate - kept + i) %
							host->max_rate];
	}
	if (host->begun != NULL)
		pfree(host->begun);
	host->begun = ring;
	host->oldest = 0;
	host->max_rate = size;
}

/*
 * How many requests may begin so that no period has more than max_rate: as
 * many as began longer ago than a period, of the last max_rate.
 */
static int
rate_allows(const HitlRemote *host, TimestampTz now, TimestampTz *ready_at)
{
	int low = 0;
	int high = host->max_rate;

	/* The ring is in order: find the first that is not that long ago. */
	while (low < high)
	{
		int middle = (low + high) / 2;
		TimestampTz begun =
			host->begun[(host->oldest + middle) % host->max_rate];

		if (begun == DT_NOBEGIN || begun + host->period <= now)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < host->max_rate)
		*ready_at = host->begun[(host->oldest + low) % host->max_rate] +
			host->period;
	return low;
}
