/*
 * instant.c
 *		Points in time: RFC 3339, a little wider, from and to Unix time in
 *		microseconds.
 */
#include "core/internal.h"

#include <string.h>

#define SECOND_US INT64_C(1000000)
#define DAY_US	  (24 * 60 * 60 * SECOND_US)

static bool read_date(const char **p, int64_t *days);
static bool read_time(const char **p, int64_t *us);
static bool read_offset(const char **p, int64_t *us);
static bool read_digits(const char **p, int count, int low, int high,
						int *value);
static int days_of_month(int year, int month);
static int64_t days_since_epoch(int year, int month, int day);

/*
 * Read a date, or a date and a time with a blank or T between them.  The
 * offset may be Z, +hh, +hhmm or +hh:mm; none means UTC, and a date alone its
 * midnight.  False where the text is something else.
 */
bool
hitl_parse_instant(const char *text, int64_t *us)
{
	const char *p = text;
	int64_t days;
	int64_t time = 0;
	int64_t offset = 0;

	if (!read_date(&p, &days))
		return false;
	if (*p != '\0')
	{
		if (*p != 'T' && *p != 't' && *p != ' ')
			return false;
		p++;
		if (!read_time(&p, &time) || !read_offset(&p, &offset) || *p != '\0')
			return false;
	}
	*us = days * DAY_US + time - offset;
	return true;
}

/*
 * Append an instant in UTC, with as many digits of the second as it has.
 */
void
hitl_append_instant(HitlBuffer *buffer, int64_t us)
{
	HitlInstant instant = hitl_split_instant(us);
	int fraction = instant.fraction;

	hitl_append_format(buffer, "%04d-%02d-%02dT%02d:%02d:%02d", instant.year,
					   instant.month, instant.day, instant.hour, instant.minute,
					   instant.second);
	if (fraction != 0)
	{
		int digits = 6;

		for (; fraction % 10 == 0; fraction /= 10)
			digits--;
		hitl_append_format(buffer, ".%0*d", digits, fraction);
	}
	hitl_append_char(buffer, 'Z');
}

/*
 * What calendar and clock show of an instant in UTC.
 */
HitlInstant
hitl_split_instant(int64_t us)
{
	int64_t days = us / DAY_US - (us % DAY_US < 0);
	int64_t time = us - days * DAY_US;
	int64_t seconds = time / SECOND_US;
	HitlInstant instant = {.month = 12};

	/* The year is at most one less than this. */
	instant.year = (int) (1970 + (days + 366) / 365);
	while (days_since_epoch(instant.year, 1, 1) > days)
		instant.year--;
	while (days_since_epoch(instant.year, instant.month, 1) > days)
		instant.month--;
	instant.day = (int) (days -
						 days_since_epoch(instant.year, instant.month, 1)) +
		1;
	instant.weekday = (int) (((days + 4) % 7 + 7) % 7);
	instant.hour = (int) (seconds / 3600);
	instant.minute = (int) (seconds / 60 % 60);
	instant.second = (int) (seconds % 60);
	instant.fraction = (int) (time % SECOND_US);
	return instant;
}

/*
 * yyyy-mm-dd, as days since 1970.
 */
static bool
read_date(const char **p, int64_t *days)
{
	int year;
	int month;
	int day;

	if (!read_digits(p, 4, 1, 9999, &year) || *(*p)++ != '-' ||
		!read_digits(p, 2, 1, 12, &month) || *(*p)++ != '-' ||
		!read_digits(p, 2, 1, days_of_month(year, month), &day))
		return false;
	*days = days_since_epoch(year, month, day);
	return true;
}

/*
 * hh:mm, hh:mm:ss or hh:mm:ss.f; what is finer than a microsecond is dropped.
 */
static bool
read_time(const char **p, int64_t *us)
{
	int hour;
	int minute;
	int second = 0;
	int64_t unit = SECOND_US / 10;

	if (!read_digits(p, 2, 0, 23, &hour) || *(*p)++ != ':' ||
		!read_digits(p, 2, 0, 59, &minute))
		return false;
	if (**p == ':')
	{
		/* 60 is a leap second */
		(*p)++;
		if (!read_digits(p, 2, 0, 60, &second))
			return false;
	}
	*us = (((int64_t) hour * 60 + minute) * 60 + second) * SECOND_US;
	if (**p != '.')
		return true;
	(*p)++;
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++)
	{
		*us += (**p - '0') * unit;
		unit /= 10;
	}
	return true;
}

/*
 * How far local time is ahead of UTC.
 */
static bool
read_offset(const char **p, int64_t *us)
{
	int sign;
	int hours;
	int minutes = 0;

	if (**p == '\0')
		return true;
	if (**p == 'Z' || **p == 'z')
	{
		(*p)++;
		return true;
	}
	if (**p != '+' && **p != '-')
		return false;
	sign = *(*p)++ == '-' ? -1 : 1;
	if (!read_digits(p, 2, 0, 23, &hours))
		return false;
	if (**p == ':')
	{
		(*p)++;
		if (!read_digits(p, 2, 0, 59, &minutes))
			return false;
	}
	else if (**p != '\0' && !read_digits(p, 2, 0, 59, &minutes))
		return false;
	*us = sign * ((int64_t) hours * 60 + minutes) * 60 * SECOND_US;
	return true;
}

/*
 * A number of so many digits within limits.
 */
static bool
read_digits(const char **p, int count, int low, int high, int *value)
{
	*value = 0;
	for (; count > 0; count--, (*p)++)
	{
		if (**p < '0' || **p > '9')
			return false;
		*value = *value * 10 + (**p - '0');
	}
	return *value >= low && *value <= high;
}

/*
 * The length of a month.
 */
static int
days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/*
 * Days from 1970-01-01 to a day of the Gregorian calendar.
 */
static int64_t
days_since_epoch(int year, int month, int day)
{
	int64_t before = year + 399; /* years since -400, which is not below 0 */
	int64_t days = before * 365 + before / 4 - before / 100 + before / 400;
	int m;

	for (m = 1; m < month; m++)
		days += days_of_month(year, m);

	return days + day - 1 - (146097 + 719162);
}
