/*
 * format.c
 *		The values of "format": RFC 3339 for times, RFC 5321 for addresses, RFC
 *		3986 for URIs, RFC 4122 for UUIDs.
 */
#include "core/schema.h"

#include <string.h>

#define UNRESERVED	   "-._~"
#define SUB_DELIMITERS "!$&'()*+,;="

static bool is_date(const char *text);
static bool is_time(const char *text);
static bool is_date_time(const char *text);
static bool is_email(const char *text);
static bool is_uri(const char *text);
static bool is_uri_reference(const char *text);
static bool is_uuid(const char *text);
static bool read_date(const char **text);
static bool read_time(const char **text);
static bool read_number(const char **text, int digits, int *number);
static bool is_quoted(const char *p, const char *end);
static bool is_domain(const char *p);
static bool is_address(const char *p, const char *end);
static bool is_ipv4(const char *p, const char *end);
static bool is_ipv6(const char *p, const char *end);
static bool is_after_scheme(const char *p);
static bool is_authority(const char *p, const char *end);
static const char *skip_uri(const char *p, const char *end, const char *more);
static bool is_letter(char c);
static bool is_digit(char c);
static bool is_hex(char c);
static bool is_one_of(char c, const char *set);

const HitlFormat hitl_formats[] = {
	{"date", is_date, "a date, as 2026-01-31"},
	{"time", is_time, "a time with its zone, as 09:30:00+01:00"},
	{"date-time", is_date_time,
	 "a date and time with its zone, as 2026-01-31T09:30:00+01:00"},
	{"email", is_email, "an e-mail address"},
	{"uri", is_uri, "a URI, as https://example.com/"},
	{"uri-reference", is_uri_reference, "a URI or a relative reference"},
	{"uuid", is_uuid, "a UUID"},
	{NULL, NULL, NULL},
};

static bool
is_date(const char *text)
{
	return read_date(&text) && *text == '\0';
}

static bool
is_time(const char *text)
{
	return read_time(&text) && *text == '\0';
}

static bool
is_date_time(const char *text)
{
	if (!read_date(&text) || !is_one_of(*text, "Tt"))
		return false;
	text++;
	return read_time(&text) && *text == '\0';
}

/*
 * A mailbox.
 */
static bool
is_email(const char *text)
{
	const char *at = strrchr(text, '@');
	const char *p;

	if (at == NULL || at == text)
		return false;
	if (*text == '"')
		return is_quoted(text, at) && is_domain(at + 1);
	for (p = text; p < at; p++)
	{
		if (*p == '.')
		{
			if (p == text || p + 1 == at || p[1] == '.')
				return false;
		}
		else if (!is_letter(*p) && !is_digit(*p) &&
				 !is_one_of(*p, "!#$%&'*+-/=?^_`{|}~"))
			return false;
	}
	return is_domain(at + 1);
}

static bool
is_uri(const char *text)
{
	const char *colon = text + strcspn(text, ":/?#");

	return *colon == ':' && is_uri_reference(text);
}

/*
 * A URI, or a reference relative to one.
 */
static bool
is_uri_reference(const char *text)
{
	const char *colon = text + strcspn(text, ":/?#");
	const char *p;

	if (*colon != ':')
		return is_after_scheme(text);
	if (!is_letter(*text))
		return false;
	for (p = text; p < colon; p++)
	{
		if (!is_letter(*p) && !is_digit(*p) && !is_one_of(*p, "+-."))
			return false;
	}
	return is_after_scheme(colon + 1);
}

static bool
is_uuid(const char *text)
{
	int i;

	for (i = 0; i < 36; i++)
	{
		if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-'
													: !is_hex(text[i]))
			return false;
	}
	return text[i] == '\0';
}

/*
 * yyyy-mm-dd
 */
static bool
read_date(const char **text)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year;
	int month;
	int day;
	bool leap;

	if (!read_number(text, 4, &year) || *(*text)++ != '-' ||
		!read_number(text, 2, &month) || *(*text)++ != '-' ||
		!read_number(text, 2, &day))
		return false;
	leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return month >= 1 && month <= 12 && day >= 1 &&
		day <= days[month - 1] + (month == 2 && leap);
}

/*
 * hh:mm:ss, a fraction, a zone.  Leap seconds end a day of UTC.
 */
static bool
read_time(const char **text)
{
	int hour;
	int minute;
	int second;
	int zone_hour = 0;
	int zone_minute = 0;
	int minutes;

	if (!read_number(text, 2, &hour) || *(*text)++ != ':' ||
		!read_number(text, 2, &minute) || *(*text)++ != ':' ||
		!read_number(text, 2, &second))
		return false;
	if (**text == '.')
	{
		if (!is_digit(*++*text))
			return false;
		while (is_digit(**text))
			(*text)++;
	}
	minutes = hour * 60 + minute;
	if (is_one_of(**text, "Zz"))
		(*text)++;
	else
	{
		bool east = **text == '+';

		if (!is_one_of(*(*text), "+-"))
			return false;
		(*text)++;
		if (!read_number(text, 2, &zone_hour) || *(*text)++ != ':' ||
			!read_number(text, 2, &zone_minute))
			return false;
		minutes += (zone_hour * 60 + zone_minute) * (east ? -1 : 1);
	}
	return hour <= 23 && minute <= 59 && zone_hour <= 23 && zone_minute <= 59 &&
		(second <= 59 || (second == 60 && (minutes + 1440) % 1440 == 1439));
}

/*
 * So many digits.
 */
static bool
read_number(const char **text, int digits, int *number)
{
	*number = 0;
	for (; digits > 0; digits--, (*text)++)
	{
		if (!is_digit(**text))
			return false;
		*number = *number * 10 + (**text - '0');
	}
	return true;
}

/*
 * A quoted string, the first part of an address.
 */
static bool
is_quoted(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
	{
		if (*p == '\\')
			p++;
		if (p >= end || *p < 0x20 || *p > 0x7E)
			return false;
	}
	return p + 1 == end;
}

/*
 * The part of an e-mail address after the @.
 */
static bool
is_domain(const char *p)
{
	const char *end = p + strlen(p);

	if (*p == '[')
	{
		if (end[-1] != ']')
			return false;
		p++;
		end--;
		if (end - p > 5 && strncmp(p, "IPv6:", 5) == 0)
			return is_ipv6(p + 5, end);
		return is_ipv4(p, end);
	}
	for (;;)
	{
		const char *label = p;

		while (is_letter(*p) || is_digit(*p) || *p == '-')
			p++;
		if (p == label || p - label > 63 || *label == '-' || p[-1] == '-')
			return false;
		if (p == end)
			return true;
		if (*p++ != '.')
			return false;
	}
}

/*
 * What may stand in brackets for a host.
 */
static bool
is_address(const char *p, const char *end)
{
	const char *version = p + 1;

	if (p == end || (*p != 'v' && *p != 'V'))
		return is_ipv6(p, end);
	for (p = version; p < end && is_hex(*p); p++)
		continue;
	if (p == version || p == end || *p != '.' || p + 1 == end)
		return false;
	for (p++; p < end; p++)
	{
		if (*p == '%' || skip_uri(p, end, ":") == p)
			return false;
	}
	return true;
}

/*
 * Four numbers up to 255 without leading zeros.
 */
static bool
is_ipv4(const char *p, const char *end)
{
	int i;

	for (i = 0; i < 4; i++)
	{
		const char *first;
		int number = 0;

		if (i > 0 && (p == end || *p++ != '.'))
			return false;
		for (first = p; p < end && p - first < 3 && is_digit(*p); p++)
			number = number * 10 + (*p - '0');
		if (p == first || number > 255 || (*first == '0' && p - first > 1))
			return false;
	}
	return p == end;
}

/*
 * Eight groups, or less and a gap.
 */
static bool
is_ipv6(const char *p, const char *end)
{
	int groups = 0;
	bool gap = false;

	if (end - p >= 2 && p[0] == ':' && p[1] == ':')
	{
		gap = true;
		p += 2;
	}
	while (p < end)
	{
		const char *first = p;

		while (p < end && is_hex(*p))
			p++;
		if (p < end && *p == '.')
		{
			if (!is_ipv4(first, end))
				return false;
			groups += 2;
			break;
		}
		if (p == first || p - first > 4)
			return false;
		groups++;
		if (p == end)
			break;
		if (*p++ != ':' || p == end)
			return false;
		if (*p == ':')
		{
			if (gap)
				return false;
			gap = true;
			p++;
		}
	}
	return gap ? groups <= 7 : groups == 8;
}

/*
 * A URI without its scheme.
 */
static bool
is_after_scheme(const char *p)
{
	const char *end = p + strlen(p);

	if (p[0] == '/' && p[1] == '/')
	{
		const char *authority = p + 2;

		p = authority + strcspn(authority, "/?#");
		if (!is_authority(authority, p))
			return false;
	}
	p = skip_uri(p, end, ":@/");
	if (*p == '?')
		p = skip_uri(p + 1, end, ":@/?");
	if (*p == '#')
		p = skip_uri(p + 1, end, ":@/?");
	return p == end;
}

/*
 * user@host:port
 */
static bool
is_authority(const char *p, const char *end)
{
	const char *user = skip_uri(p, end, ":");

	if (user < end && *user == '@')
		p = user + 1;
	if (p < end && *p == '[')
	{
		const char *closing = memchr(p, ']', end - p);

		if (closing == NULL || !is_address(p + 1, closing))
			return false;
		p = closing + 1;
	}
	else
		p = skip_uri(p, end, "");
	if (p < end && *p == ':')
	{
		for (p++; p < end && is_digit(*p); p++)
			continue;
	}
	return p == end;
}

/*
 * Skip what may stand unescaped in all parts of a URI, some characters more,
 * and those that are percent-encoded.
 */
static const char *
skip_uri(const char *p, const char *end, const char *more)
{
	for (; p < end; p++)
	{
		if (*p == '%')
		{
			if (end - p < 3 || !is_hex(p[1]) || !is_hex(p[2]))
				break;
			p += 2;
		}
		else if (!is_letter(*p) && !is_digit(*p) &&
				 !is_one_of(*p, UNRESERVED SUB_DELIMITERS) &&
				 !is_one_of(*p, more))
			break;
	}
	return p;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}
