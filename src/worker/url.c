/*
 * url.c
 *		URLs, as libcurl's parser reads them; no PostgreSQL.
 *
 * It is the parser that will be used on them when they are sent, so that
 * nothing is understood in two ways.
 */
#include "worker/url.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

/* What a URL without a port means; libcurl would send mail to port 25. */
static const struct
{
	const char *scheme;
	UrlProtocol protocol;
	int port;
	bool secure;
} schemes[] = {{"https", URL_HTTP, 443, true},
			   {"http", URL_HTTP, 80, false},
			   {"smtps", URL_MAIL, 465, true},
			   {"smtp", URL_MAIL, 587, false}};

static const char *mail_fault(CURLU *parsed);

/*
 * Check a URL.
 */
const char *
url_fault(UrlProtocol protocol, const char *url, char host[URL_HOST_SIZE],
		  int *port, bool *secure)
{
	const int count = sizeof(schemes) / sizeof(schemes[0]);
	const char *fault = NULL;
	char *port_text = NULL;
	char *scheme = NULL;
	char *name = NULL;
	char *user = NULL;
	int known = count;
	CURLU *parsed = curl_url();

	if (parsed == NULL)
		return "out of memory";
	if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
		curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
		curl_url_get(parsed, CURLUPART_HOST, &name, 0) != CURLUE_OK ||
		name[0] == '\0' || strlen(name) >= URL_HOST_SIZE)
		fault = "not a URL with scheme and host";
	else
	{
		for (known = 0; known < count &&
			 (schemes[known].protocol != protocol ||
			  strcmp(schemes[known].scheme, scheme) != 0);
			 known++)
			;
		if (known == count)
			fault = protocol == URL_HTTP ? "neither http nor https"
										 : "neither smtp nor smtps";
		else if (curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK)
			fault = "user name or password inside the URL";
		else if (protocol == URL_MAIL)
			fault = mail_fault(parsed);
	}
	if (fault == NULL)
	{
		strcpy(host, name);
		*port = schemes[known].port;
		*secure = schemes[known].secure;
		if (curl_url_get(parsed, CURLUPART_PORT, &port_text, 0) == CURLUE_OK)
			*port = atoi(port_text);
	}
	curl_free(scheme);
	curl_free(name);
	curl_free(user);
	curl_free(port_text);
	curl_url_cleanup(parsed);
	return fault;
}

/*
 * The path of a mail server's URL is the name that libcurl gives in EHLO.
 */
static const char *
mail_fault(CURLU *parsed)
{
	const char *fault = NULL;
	char *path = NULL;
	char *query = NULL;
	char *fragment = NULL;

	if (curl_url_get(parsed, CURLUPART_QUERY, &query, 0) == CURLUE_OK ||
		curl_url_get(parsed, CURLUPART_FRAGMENT, &fragment, 0) == CURLUE_OK)
		fault = "a mail server has no query or fragment";
	else if (curl_url_get(parsed, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
			 path[0] != '\0' &&
			 strspn(path + 1,
					"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					"0123456789.-[]:") != strlen(path + 1))
		fault =
			"the path of a mail server must be the host name to greet it with";
	curl_free(path);
	curl_free(query);
	curl_free(fragment);
	return fault;
}
