/*
 * principal.c
 *		Who answers, and who may.
 *
 * A caller is recognised by session_user (docs/decisions/0016).  It answers as
 * the principal whose role that is, or else by the role's name; as others only
 * by a grant, or as their delegate.
 */
#include "postgres.h"

#include "approval/principal.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "db.h"
#include "hitl.h"
#include "lookup.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/formatting.h"
#include "utils/json.h"
#include "utils/timestamp.h"
#include "workflow/caller.h"
#include "workflow/data.h"

/* The grants by which the role $3 may act for $1, who is $2. */
#define FIND_GRANTS \
	"SELECT 1 FROM hitl.acting_grants g WHERE (g.approver_id IN ($1, $2, '*') " \
	"OR g.approver_id IN (SELECT n.name FROM hitl.principal_names n WHERE n.principal = $2)) " \
	"AND pg_has_role($3, (SELECT oid FROM pg_roles WHERE rolname = g.grantee), 'USAGE')"

/* A row of hitl.principals. */
typedef struct Principal
{
	char *name; /* NULL: nobody that is registered */
	char *role; /* or NULL */
	bool active;
} Principal;

static List *find_texts(const HitlIndex *index, const char *key,
						const char *column);
static int compare_places(const void *one, const void *other);
static bool find_principal(const char *text, bool lock, Principal *found);
static char *find_name(const char *text, bool only_email, bool *is_group);
static bool read_principal(const char *name, bool lock, Principal *found);
static char *own_principal(void);
static bool is_own(const Principal *principal);
static bool is_granted(const char *approver, const char *principal, bool lock);
static bool may_act(const char *text, const Principal *principal, bool lock,
					bool *by_grant);
static void add_names(HitlActor *actor);
static bool is_delegate(const char *name);
static bool sees_all(const HitlActor *actor);
static HitlDelegator *find_delegator(HitlActor *actor, const char *name);
static void refuse_acting(const char *approver) pg_attribute_noreturn();

PG_FUNCTION_INFO_V1(hitl_calling_role);
PG_FUNCTION_INFO_V1(hitl_identity_role);
PG_FUNCTION_INFO_V1(hitl_may_act_for);
PG_FUNCTION_INFO_V1(hitl_grant_acting);
PG_FUNCTION_INFO_V1(hitl_revoke_acting);

/*
 * hitl.calling_role(): the role on whose authority functions act.
 */
Datum
hitl_calling_role(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(namein, CStringGetDatum(hitl_caller()));
}

/*
 * hitl.identity_role()
 */
Datum
hitl_identity_role(PG_FUNCTION_ARGS)
{
	char *name = GetUserNameFromId(hitl_identity_role_id(), false);

	return DirectFunctionCall1(namein, CStringGetDatum(name));
}

/*
 * hitl.may_act_for(approver_id)
 */
Datum
hitl_may_act_for(PG_FUNCTION_ARGS)
{
	char *approver = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Principal principal;
	bool by_grant;
	bool may;

	SPI_connect();
	(void) find_principal(approver, false, &principal);
	may = may_act(approver, &principal, false, &by_grant);
	SPI_finish();
	PG_RETURN_BOOL(may);
}

/*
 * hitl.grant_acting(grantee, approver_id)
 */
Datum
hitl_grant_acting(PG_FUNCTION_ARGS)
{
	static HitlStatement insert = {
		"INSERT INTO hitl.acting_grants (grantee, approver_id, granted_by) "
		"VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		3,
		{NAMEOID, TEXTOID, NAMEOID},
	};
	Datum values[3];

	(void) get_role_oid(NameStr(*PG_GETARG_NAME(0)), false);
	if (VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(1)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("approver_id must not be empty"),
				 errhint("'*' lets the role act for anyone.")));
	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_GETARG_DATUM(1);
	values[2] = DirectFunctionCall1(namein, CStringGetDatum(hitl_caller()));
	SPI_connect();
	hitl_execute(&insert, values, NULL, 0);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * hitl.revoke_acting(grantee, approver_id)
 */
Datum
hitl_revoke_acting(PG_FUNCTION_ARGS)
{
	static HitlStatement remove = {
		"DELETE FROM hitl.acting_grants WHERE grantee = $1 AND approver_id = $2",
		2,
		{NAMEOID, TEXTOID},
	};
	Datum values[2];
	bool found;

	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_GETARG_DATUM(1);
	SPI_connect();
	hitl_execute(&remove, values, NULL, 0);
	found = SPI_processed > 0;
	SPI_finish();
	PG_RETURN_BOOL(found);
}

/*
 * The role by which the caller is recognised: who logged in.  SET ROLE lends
 * rights, not an identity, but to a superuser, who could log in as anybody.
 * For whom the gateway acts, its own grants do not count.
 */
Oid
hitl_identity_role_id(void)
{
	Oid caller = hitl_caller_id();
	Oid session = GetSessionUserId();

	return superuser_arg(session) || OidIsValid(hitl_acting_role) ? caller
																  : session;
}

/*
 * Who acts, if the caller may act as that principal.
 */
HitlActor *
hitl_identify(const char *approver_id)
{
	HitlActor *actor = palloc0(sizeof(HitlActor));
	const char *text = approver_id ? approver_id : own_principal();
	Principal principal;

	(void) find_principal(text, true, &principal);
	if (!may_act(text, &principal, true, &actor->by_grant))
	{
		/* Who names his delegator means to answer for him. */
		Principal own;

		if (principal.name == NULL ||
			!find_principal(own_principal(), true, &own) || !is_own(&own) ||
			!own.active)
			refuse_acting(text);
		actor->name = own.name;
		actor->registered = true;
		actor->by_grant = false;
		add_names(actor);
		if (find_delegator(actor, principal.name) == NULL)
			refuse_acting(text);
		return actor;
	}
	if (principal.name && !principal.active)
		hitl_refuse_inactive(principal.name);
	if (principal.name == NULL && !hitl_can_be_name(text))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" cannot be an approver", text),
				 errhint("Name the person who answers.")));
	actor->registered = principal.name != NULL;
	actor->name = principal.name ? principal.name : pstrdup(text);
	add_names(actor);
	return actor;
}

/*
 * Report that a principal is not active.
 */
void
hitl_refuse_inactive(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_HITL_PRINCIPAL_INACTIVE),
			 errmsg("principal \"%s\" is not active", name),
			 errhint("hitl.set_principal_active() activates it.")));
}

/*
 * The texts that mean somebody.
 */
List *
hitl_own_names(const char *name)
{
	static const HitlIndex by_principal = {"principal_names",
										   "principal_names_principal",
										   F_TEXTEQ};

	return hitl_join_names(list_make1(pstrdup(name)),
						   find_texts(&by_principal, name, "name"));
}

/*
 * The groups that a principal is in.
 */
List *
hitl_groups_of(const char *name)
{
	static const HitlIndex by_principal = {"group_members",
										   "group_members_pkey", F_TEXTEQ};

	return find_texts(&by_principal, name, "group_name");
}

/*
 * A column of the rows of a key.
 */
static List *
find_texts(const HitlIndex *index, const char *key, const char *column)
{
	HitlLookup lookup;
	List *texts = NIL;

	hitl_begin_lookup(&lookup, index, CStringGetTextDatum(key));
	while (hitl_next_row(&lookup))
		texts = lappend(texts, hitl_row_text(&lookup, column));
	hitl_end_lookup(&lookup);
	return texts;
}

/*
 * A text[] as a list.
 */
List *
hitl_text_list(ArrayType *array)
{
	List *texts = NIL;
	Datum *elements;
	bool *nulls;
	int count;
	int i;

	if (array == NULL)
		return NIL;
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &count);
	for (i = 0; i < count; i++)
		if (!nulls[i])
			texts = lappend(texts, TextDatumGetCString(elements[i]));
	return texts;
}

/*
 * A list as text[].
 */
ArrayType *
hitl_list_array(List *texts)
{
	Datum *elements = palloc((list_length(texts) + 1) * sizeof(Datum));
	ListCell *cell;
	int count = 0;

	foreach(cell, texts)
		elements[count++] = CStringGetTextDatum(lfirst(cell));
	return construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT);
}

/*
 * Is a text in a list?
 */
bool
hitl_list_has(List *texts, const char *text)
{
	ListCell *cell;

	foreach(cell, texts)
		if (strcmp(lfirst(cell), text) == 0)
			return true;
	return false;
}

/*
 * Append what is not there yet.
 */
List *
hitl_join_names(List *texts, List *more)
{
	ListCell *cell;

	foreach(cell, more)
		if (!hitl_list_has(texts, lfirst(cell)))
			texts = lappend(texts, lfirst(cell));
	return texts;
}

/*
 * Can it be read as a person or group where it is recorded?
 */
bool
hitl_can_be_name(const char *text)
{
	return text[0] != '\0' && strcmp(text, "*") != 0 &&
		strncmp(text, "rule:", 5) != 0;
}

/*
 * The strings of a JSON array, or a JSON string, as a list.
 */
List *
hitl_jsonb_names(Jsonb *value)
{
	int size = JsonContainerSize(&value->root);
	char **names = palloc((size + 1) * sizeof(char *));
	JsonbIterator *iterator = JsonbIteratorInit(&value->root);
	JsonbIteratorToken token;
	JsonbValue element;
	int count = 0;

	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
		if (token == WJB_ELEM && element.type == jbvString)
			names[count++] = pnstrdup(element.val.string.val,
									  element.val.string.len);
	return hitl_distinct(names, count);
}

/*
 * Texts as a list, each once, where it is first.  There may be many.
 */
List *
hitl_distinct(char **texts, int count)
{
	char ***order = palloc((count + 1) * sizeof(char **));
	bool *again = palloc0((count + 1) * sizeof(bool));
	List *list = NIL;
	int i;

	for (i = 0; i < count; i++)
		order[i] = &texts[i];
	qsort(order, count, sizeof(char **), compare_places);
	for (i = 1; i < count; i++)
		again[order[i] - texts] = strcmp(*order[i - 1], *order[i]) == 0;
	for (i = 0; i < count; i++)
		if (!again[i])
			list = lappend(list, texts[i]);
	return list;
}

/*
 * By the text, then by where it stands.
 */
static int
compare_places(const void *one, const void *other)
{
	char **first = *(char **const *) one;
	char **second = *(char **const *) other;
	int difference = strcmp(*first, *second);

	return difference != 0 ? difference : (first > second) - (first < second);
}

/*
 * Append a list as a JSON array.
 */
void
hitl_append_names(StringInfo text, List *names)
{
	ListCell *cell;

	appendStringInfoChar(text, '[');
	foreach(cell, names)
	{
		if (cell != list_head(names))
			appendStringInfoChar(text, ',');
		escape_json(text, lfirst(cell));
	}
	appendStringInfoChar(text, ']');
}

/*
 * Names as a JSON array.
 */
Jsonb *
hitl_names_jsonb(List *names)
{
	StringInfoData text;

	initStringInfo(&text);
	hitl_append_names(&text, names);
	return hitl_jsonb_parse(text.data);
}

/*
 * Find the principal that a text means, and lock its row, if wanted, against a
 * loss of rights.  A group is nobody.
 */
static bool
find_principal(const char *text, bool lock, Principal *found)
{
	bool is_group = false;
	char *name = find_name(text, false, &is_group);

	memset(found, 0, sizeof(*found));
	if (name == NULL && strchr(text, '@'))
	{
		char *lower = str_tolower(text, strlen(text), DEFAULT_COLLATION_OID);

		/* As hitl.principal_of() does. */
		if (strcmp(lower, text) != 0)
			name = find_name(lower, true, NULL);
	}
	if (name && read_principal(name, lock, found))
		return true;
	if (is_group)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is a group", text),
				 errhint("Say which of its members it is.")));
	return false;
}

/*
 * The name of the principal that a text means, or that it means as an e-mail
 * address; NULL: it means none.
 */
static char *
find_name(const char *text, bool only_email, bool *is_group)
{
	static const HitlIndex by_name = {"principal_names", "principal_names_pkey",
									  F_TEXTEQ};
	HitlLookup lookup;
	char *name = NULL;

	hitl_begin_lookup(&lookup, &by_name, CStringGetTextDatum(text));
	if (hitl_next_row(&lookup))
	{
		char *kind = hitl_row_text(&lookup, "kind");

		if (!only_email || strcmp(kind, "email") == 0)
			name = hitl_row_text(&lookup, "principal");
		if (is_group)
			*is_group = strcmp(kind, "group") == 0;
	}
	hitl_end_lookup(&lookup);
	return name;
}

/*
 * Read the row of a principal; false: there is none.
 */
static bool
read_principal(const char *name, bool lock, Principal *found)
{
	static const HitlIndex by_name = {"principals", "principals_pkey",
									  F_TEXTEQ};
	Datum key = CStringGetTextDatum(name);
	HitlLookup lookup;
	bool there;

	if (lock)
		there = hitl_lock_row(&lookup, &by_name, key, LockTupleShare);
	else
	{
		hitl_begin_lookup(&lookup, &by_name, key);
		there = hitl_next_row(&lookup);
	}
	if (there)
	{
		Datum role;
		bool isnull;

		found->name = hitl_row_text(&lookup, "name");
		role = hitl_row_value(&lookup, "role", &isnull);
		found->role = isnull ? NULL : pstrdup(NameStr(*DatumGetName(role)));
		found->active = DatumGetBool(
			hitl_row_value(&lookup, "active", &isnull));
	}
	hitl_end_lookup(&lookup);
	return there;
}

/*
 * The principal that calls, or the name of its role.
 */
static char *
own_principal(void)
{
	static const HitlIndex by_role = {"principals", "principals_role",
									  F_NAMEEQ};
	char *name = GetUserNameFromId(hitl_identity_role_id(), false);
	HitlLookup lookup;

	hitl_begin_lookup(&lookup, &by_role,
					  DirectFunctionCall1(namein, CStringGetDatum(name)));
	if (hitl_next_row(&lookup))
		name = hitl_row_text(&lookup, "name");
	hitl_end_lookup(&lookup);
	return name;
}

/*
 * Is it the principal that calls?  A role that is only called like one is not.
 */
static bool
is_own(const Principal *principal)
{
	char *role = GetUserNameFromId(hitl_identity_role_id(), false);

	return principal->role && strcmp(principal->role, role) == 0;
}

/*
 * May the caller speak as what text means?
 */
static bool
may_act(const char *text, const Principal *principal, bool lock, bool *by_grant)
{
	char *own_role = GetUserNameFromId(hitl_identity_role_id(), false);
	bool own = principal->name
		? is_own(principal)
		: strcmp(text, own_role) == 0 && strcmp(own_principal(), own_role) == 0;
	bool superuser = superuser_arg(hitl_caller_id());

	*by_grant = superuser || !own;
	return superuser || own ||
		is_granted(text, principal->name ? principal->name : text, lock);
}

/*
 * Was a role whose rights the caller has allowed to act for this approver?  The
 * grants are locked, if wanted, against being taken back.
 */
static bool
is_granted(const char *approver, const char *principal, bool lock)
{
	static HitlStatement find = {FIND_GRANTS, 3, {TEXTOID, TEXTOID, OIDOID}};
	static HitlStatement find_locked = {
		FIND_GRANTS " ORDER BY g.grantee, g.approver_id FOR KEY SHARE OF g",
		3,
		{TEXTOID, TEXTOID, OIDOID},
	};
	Datum values[3];

	values[0] = CStringGetTextDatum(approver);
	values[1] = CStringGetTextDatum(principal);
	values[2] = ObjectIdGetDatum(hitl_caller_id());
	hitl_execute(lock ? &find_locked : &find, values, NULL, 0);
	return SPI_processed > 0;
}

/*
 * By which names requests can ask this principal, and those for whom it may
 * answer.
 */
static void
add_names(HitlActor *actor)
{
	static HitlStatement lock = {
		"SELECT 1 FROM hitl.principals p WHERE p.name IN (SELECT hitl.delegators_of($1)) "
		"ORDER BY p.name FOR SHARE",
		1,
		{TEXTOID},
	};
	static HitlStatement find_delegated = {
		"SELECT d.delegator, n.name FROM hitl.delegations d "
		"JOIN hitl.principals p ON p.name = d.delegator AND p.active "
		"JOIN hitl.principal_names n ON n.principal = d.delegator "
		"WHERE d.delegate = $1 AND d.starts_at <= $2 AND d.ends_at > $2 "
		"UNION ALL SELECT d.delegator, m.group_name FROM hitl.delegations d "
		"JOIN hitl.principals p ON p.name = d.delegator AND p.active "
		"JOIN hitl.group_members m ON m.principal = d.delegator "
		"WHERE d.delegate = $1 AND d.starts_at <= $2 AND d.ends_at > $2",
		2,
		{TEXTOID, TIMESTAMPTZOID},
	};
	Datum values[2];
	uint64 i;

	/* Whoever sees all requests is anybody who may answer them. */
	actor->names = list_make1(actor->name);
	if (sees_all(actor))
		actor->names = lappend(actor->names, "*");
	if (!actor->registered || !is_delegate(actor->name))
		return;
	values[0] = CStringGetTextDatum(actor->name);
	hitl_execute(&lock, values, NULL, 0);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	hitl_execute(&find_delegated, values, NULL, 0);
	for (i = 0; i < SPI_processed; i++)
	{
		char *owner = hitl_column_text(i, 1);
		HitlDelegator *delegator = find_delegator(actor, owner);

		if (delegator == NULL)
		{
			delegator = palloc0(sizeof(HitlDelegator));
			delegator->name = owner;
			actor->delegators = lappend(actor->delegators, delegator);
		}
		delegator->names = lappend(delegator->names, hitl_column_text(i, 2));
	}
}

/*
 * Has anybody delegated to a principal, now or for later?
 */
static bool
is_delegate(const char *name)
{
	static const HitlIndex by_delegate = {"delegations", "delegations_delegate",
										  F_TEXTEQ};
	HitlLookup lookup;
	bool found = false;
	bool isnull;

	/* The last is the one that ends last. */
	hitl_begin_lookup(&lookup, &by_delegate, CStringGetTextDatum(name));
	if (hitl_last_row(&lookup))
		found = DatumGetTimestampTz(
					hitl_row_value(&lookup, "ends_at", &isnull)) >
			GetCurrentTimestamp();
	hitl_end_lookup(&lookup);
	return found;
}

/*
 * Does the caller see all requests, or the principal for whom it speaks?
 */
static bool
sees_all(const HitlActor *actor)
{
	static HitlStatement caller_sees = {"SELECT hitl.sees_all()", 0};
	static HitlStatement principal_sees = {
		"SELECT hitl.sees_all() OR hitl.principal_sees_all($1)",
		1,
		{TEXTOID},
	};
	Datum value;
	bool isnull;

	if (superuser_arg(hitl_caller_id()))
		return true;
	if (actor->by_grant && actor->registered)
	{
		value = CStringGetTextDatum(actor->name);
		hitl_execute(&principal_sees, &value, NULL, 1);
	}
	else
		hitl_execute(&caller_sees, NULL, NULL, 1);
	return DatumGetBool(hitl_column(0, 1, &isnull));
}

/*
 * One of those for whom a principal may answer; NULL if it may not.
 */
static HitlDelegator *
find_delegator(HitlActor *actor, const char *name)
{
	ListCell *cell;

	foreach(cell, actor->delegators)
	{
		HitlDelegator *delegator = lfirst(cell);

		if (strcmp(delegator->name, name) == 0)
			return delegator;
	}
	return NULL;
}

/*
 * Report that the caller may not answer for somebody.
 */
static void
refuse_acting(const char *approver)
{
	char *role = GetUserNameFromId(hitl_identity_role_id(), false);

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("role \"%s\" may not answer as \"%s\"", role, approver),
			 errhint("An administrator can allow it with hitl.grant_acting('%s', '%s').",
					 hitl_caller(), approver)));
}
