/*
 * decimal.c
 *		Arithmetic on numbers as they are written in JSON.
 *
 * An amount must be compared to its limit, not to the nearest double.  The
 * reader of JSON bounds digits and exponents.
 */
#include "core/schema.h"

#include <string.h>

/* Digits of a divisor; ten times a remainder must fit into 64 bits. */
#define MAX_DIVISOR_DIGITS 18

typedef struct Decimal
{
	bool negative;
	const char *first; /* digit but zeros; NULL: the number is zero */
	const char *last;  /* digit but zeros */
	int64_t top;	   /* power of ten of the first */
	int64_t bottom;	   /* power of ten of the last */
} Decimal;

static Decimal read_decimal(const char *text);
static int next_digit(const char **p, const char *last);

/*
 * Below, at or above 0 as the first number is less, equal or more.
 */
int
hitl_compare_numbers(const char *a, const char *b)
{
	Decimal x = read_decimal(a);
	Decimal y = read_decimal(b);
	int x_sign = x.first == NULL ? 0 : x.negative ? -1 : 1;
	int y_sign = y.first == NULL ? 0 : y.negative ? -1 : 1;

	if (x_sign != y_sign || x_sign == 0)
		return x_sign - y_sign;
	if (x.top != y.top)
		return x.top > y.top ? x_sign : -x_sign;
	while (x.first != NULL || y.first != NULL)
	{
		int difference = next_digit(&x.first, x.last) -
			next_digit(&y.first, y.last);

		if (difference != 0)
			return difference > 0 ? x_sign : -x_sign;
	}
	return 0;
}

/*
 * Is it an integer, however it is written?
 */
bool
hitl_is_whole(const char *number)
{
	Decimal decimal = read_decimal(number);

	return decimal.first == NULL || decimal.bottom >= 0;
}

/*
 * Can hitl_is_multiple divide by it?
 */
bool
hitl_is_divisor(const char *number)
{
	Decimal decimal = read_decimal(number);

	return decimal.first != NULL && !decimal.negative &&
		decimal.top - decimal.bottom < MAX_DIVISOR_DIGITS;
}

/*
 * Is a number a divisor times an integer?
 */
bool
hitl_is_multiple(const char *number, const char *divisor)
{
	Decimal decimal = read_decimal(number);
	Decimal by = read_decimal(divisor);
	uint64_t modulus = 0;
	uint64_t rest = 0;
	int64_t zeros = decimal.bottom - by.bottom;

	if (decimal.first == NULL)
		return true;
	if (zeros < 0)
		return false;
	while (by.first != NULL)
		modulus = modulus * 10 + next_digit(&by.first, by.last);
	while (decimal.first != NULL)
		rest = (rest * 10 + next_digit(&decimal.first, decimal.last)) % modulus;
	for (; zeros > 0 && rest != 0; zeros--)
		rest = rest * 10 % modulus;
	return rest == 0;
}

/*
 * Is it an integer of 0 or more?  One that is too large is as good as the
 * largest.
 */
bool
hitl_read_size(const HitlJson *value, int64_t *size)
{
	Decimal decimal;
	int64_t sum = 0;
	int64_t zeros;

	if (value->type != HITL_JSON_NUMBER)
		return false;
	decimal = read_decimal(value->text);
	*size = 0;
	if (decimal.first == NULL)
		return true;
	if (decimal.negative || decimal.bottom < 0)
		return false;
	*size = INT64_MAX;
	if (decimal.top >= 18)
		return true;
	zeros = decimal.bottom;
	while (decimal.first != NULL)
		sum = sum * 10 + next_digit(&decimal.first, decimal.last);
	for (; zeros > 0; zeros--)
		sum *= 10;
	*size = sum;
	return true;
}

/*
 * Append twice a number.
 */
void
hitl_append_doubled(HitlBuffer *buffer, const char *number)
{
	size_t length = strcspn(number, "eE");
	const char *exponent = number + length;
	char *digits = hitl_copy_text(buffer->arena, number, length);
	int carry = 0;
	size_t i;

	if (digits == NULL)
		return;
	for (i = length; i-- > 0;)
	{
		int digit;

		if (digits[i] < '0' || digits[i] > '9')
			continue;
		digit = (digits[i] - '0') * 2 + carry;
		carry = digit / 10;
		digits[i] = (char) ('0' + digit % 10);
	}
	if (*digits == '-')
	{
		hitl_append_char(buffer, '-');
		digits++;
	}
	if (carry)
		hitl_append_char(buffer, '1');
	hitl_append_text(buffer, digits);
	hitl_append_text(buffer, exponent);
}

/*
 * Take a number apart.
 */
static Decimal
read_decimal(const char *text)
{
	Decimal decimal = {0};
	int64_t exponent = 0;
	int64_t whole = -1; /* digits before the point */
	int64_t digits = 0;
	int64_t first = 0;
	int64_t last = 0;
	const char *p = text;

	if (*p == '-')
	{
		decimal.negative = true;
		p++;
	}
	for (; *p == '.' || (*p >= '0' && *p <= '9'); p++)
	{
		if (*p == '.')
		{
			whole = digits;
			continue;
		}
		if (*p != '0')
		{
			if (decimal.first == NULL)
			{
				decimal.first = p;
				first = digits;
			}
			decimal.last = p;
			last = digits;
		}
		digits++;
	}
	if (whole < 0)
		whole = digits;
	if (*p == 'e' || *p == 'E')
	{
		bool negative = *++p == '-';

		if (*p == '-' || *p == '+')
			p++;
		for (; *p >= '0' && *p <= '9'; p++)
			exponent = exponent * 10 + (*p - '0');
		if (negative)
			exponent = -exponent;
	}
	decimal.top = whole - 1 - first + exponent;
	decimal.bottom = whole - 1 - last + exponent;
	return decimal;
}

/*
 * The digit at p, which goes on; NULL after the last one, and then 0.
 */
static int
next_digit(const char **p, const char *last)
{
	int digit;

	if (*p == NULL)
		return 0;
	digit = **p - '0';
	if (*p == last)
		*p = NULL;
	else
	{
		(*p)++;
		if (**p == '.')
			(*p)++;
	}
	return digit;
}
