/*
 * equal.c
 *		Equality and order of JSON values.
 *
 * Numbers are equal by value, strings by code points, objects whatever the
 * order of their members.  For that, members are sorted once.
 */
#include "core/schema.h"

#include <string.h>

static HitlJson *sort_list(HitlJson **rest, int count);
static void sort_values(const HitlJson **values, const HitlJson **spare,
						int count, int64_t *budget);

/*
 * Sort the members of all objects in a value by their keys, and count the
 * values in it.
 */
int64_t
hitl_sort_members(HitlJson *value, const HitlPlace *place, HitlTwice twice,
				  void *context)
{
	HitlPlace here = {place, NULL, 0};
	int64_t values = 1;
	HitlJson *child;

	if (value->type == HITL_JSON_OBJECT && value->count > 1)
	{
		HitlJson *rest = value->first;

		value->first = sort_list(&rest, value->count);
	}
	for (child = value->first; child != NULL; child = child->next, here.index++)
	{
		here.key = child->key;
		if (child->key != NULL && child->next != NULL &&
			strcmp(child->key, child->next->key) == 0)
			twice(context, &here);
		values += hitl_sort_members(child, &here, twice, context);
	}
	return values;
}

/*
 * Below, at or above 0, by an order that has no meaning but to find equals.
 * Both have sorted members.  Once the budget is used up, the answer is 0.
 */
int
hitl_compare_values(const HitlJson *a, const HitlJson *b, int64_t *budget)
{
	const HitlJson *x;
	const HitlJson *y;
	int difference = 0;

	if (--*budget < 0)
		return 0;
	if (a->type != b->type)
		return (int) a->type - (int) b->type;
	switch (a->type)
	{
		case HITL_JSON_NUMBER:
			*budget -= a->length / 64;
			return hitl_compare_numbers(a->text, b->text);
		case HITL_JSON_STRING:
			*budget -= a->length / 64;
			return strcmp(a->text, b->text);
		case HITL_JSON_ARRAY:
		case HITL_JSON_OBJECT:
			if (a->count != b->count)
				return a->count < b->count ? -1 : 1;
			for (x = a->first, y = b->first; x != NULL && difference == 0;
				 x = x->next, y = y->next)
			{
				if (x->key != NULL)
					difference = strcmp(x->key, y->key);
				if (difference == 0)
					difference = hitl_compare_values(x, y, budget);
			}
			return difference;
		default:
			return 0;
	}
}

/*
 * Are two elements of an array equal?
 */
bool
hitl_has_equals(HitlArena *arena, const HitlJson *array, int64_t *budget)
{
	const HitlJson **values;
	const HitlJson *child;
	int count = 0;
	int i;

	if (array->count < 2)
		return false;
	values = hitl_alloc(arena, array->count * 2 * sizeof(HitlJson *));
	if (values == NULL)
		return false;
	for (child = array->first; child != NULL; child = child->next)
		values[count++] = child;
	sort_values(values, values + count, count, budget);
	for (i = 1; i < count; i++)
	{
		if (hitl_compare_values(values[i - 1], values[i], budget) == 0)
			return true;
	}
	return false;
}

/*
 * Take so many members from the rest of a list and give them sorted.
 */
static HitlJson *
sort_list(HitlJson **rest, int count)
{
	HitlJson *a;
	HitlJson *b;
	HitlJson *sorted = NULL;
	HitlJson **last = &sorted;

	if (count == 1)
	{
		a = *rest;
		*rest = a->next;
		a->next = NULL;
		return a;
	}
	a = sort_list(rest, count / 2);
	b = sort_list(rest, count - count / 2);
	while (a != NULL && b != NULL)
	{
		HitlJson **least = strcmp(a->key, b->key) <= 0 ? &a : &b;

		*last = *least;
		last = &(*least)->next;
		*least = *last;
	}
	*last = a != NULL ? a : b;
	return sorted;
}

/*
 * Sort values; spare has room for as many.
 */
static void
sort_values(const HitlJson **values, const HitlJson **spare, int count,
			int64_t *budget)
{
	int half = count / 2;
	int a = 0;
	int b = half;
	int i;

	if (count < 2)
		return;
	sort_values(values, spare, half, budget);
	sort_values(values + half, spare, count - half, budget);
	memcpy(spare, values, count * sizeof(HitlJson *));
	for (i = 0; i < count; i++)
	{
		if (b == count ||
			(a < half && hitl_compare_values(spare[a], spare[b], budget) <= 0))
			values[i] = spare[a++];
		else
			values[i] = spare[b++];
	}
}
