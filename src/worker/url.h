/*
 * url.h
 *		URLs, as libcurl's parser reads them; no PostgreSQL.
 */
#ifndef HITL_URL_H
#define HITL_URL_H

#include <stdbool.h>

#define URL_HOST_SIZE 256

typedef enum UrlProtocol
{
	URL_HTTP,
	URL_MAIL
} UrlProtocol;

/*
 * Check a URL of a protocol (http and https, or smtp and smtps): it must have
 * a host and no credentials; that of a mail server no more than a path, which
 * is the name by which we greet it.  Returns what is wrong with it, or NULL and
 * its host, its port and whether it is the scheme with TLS.
 */
extern const char *url_fault(UrlProtocol protocol, const char *url,
							 char host[URL_HOST_SIZE], int *port, bool *secure);

#endif /* HITL_URL_H */
