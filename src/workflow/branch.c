/*
 * branch.c
 *		Branches of parallel and foreach steps, and the scopes of steps being
 *		undone: rows of their own.
 *
 * A batch keeps those it has looked at by number.  The table has them as they
 * were when the batch began, or was last written; so a step that forks, joins
 * and forgets its branches within one batch leaves no trace there.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "core_bridge.h"
#include "db.h"
#include "lib/stringinfo.h"
#include "undo/checkpoint.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "workflow/branch.h"
#include "workflow/effects.h"
#include "workflow/identifier.h"
#include "workflow/large.h"

/* Rows written by one statement. */
#define WRITE_AT_ONCE 2000

/* Scopes within scopes; more than the core lets anybody nest. */
#define MAX_SCOPE_DEPTH 1000

typedef struct HitlBranch
{
	int64 number; /* the key */
	HitlWorkflow *workflow;
	bool exists; /* else there is none, or not any more */
	bool stored; /* the table may have it */
	int64 scope;
	int64 parent_scope;
	const char *status;
	const char *control; /* JSON text while active, else NULL */
	HitlData data;		 /* of a scope */
	bool has_data;
	Jsonb *result;			 /* once ended, unless it is that of a step */
	const char *result_step; /* whose result it is, in the data */
	bool changed;			 /* is in the batch's list of these */
	struct HitlBranch *next_changed;
} HitlBranch;

static void forget(HitlBatch *batch, HitlBranch *branch, bool keep);
static void read_wanted(HitlBatch *batch, HitlRows *rows);
static void want_scopes(HitlBatch *batch, HitlRows *rows, HitlRows *more);
static void read_one(HitlBatch *batch, HitlWorkflow *workflow, int64 number);
static void keep_row(HitlBatch *batch, HitlWorkflow *workflow, uint64 row);
static HitlBranch *look_up(HitlWorkflow *workflow, int64 number);
static HitlBranch *add(HitlWorkflow *workflow, int64 number);
static HitlBranch *find(HitlBatch *batch, HitlWorkflow *workflow, int64 number);
static void mark_changed(HitlBatch *batch, HitlBranch *branch);
static void take_change(HitlBatch *batch, HitlWorkflow *workflow,
						const HitlBranchChange *change);
static Jsonb *status_as_result(const char *status);
static Jsonb *result_of(HitlBranch *branch);
static void read_results(HitlWorkflow *workflow, int64 first, int64 count,
						 const char **results);
static void write_changed(HitlBatch *batch);
static void add_row(HitlRows *rows, HitlBranch *branch);

/* Of hitl.workflow_branches, in the order that keep_row() reads them. */
#define BRANCH_COLUMNS \
	"b.branch, b.scope, b.parent_scope, b.status, b.control, b.data, b.result"

/*
 * Read the branches that the tokens of messages name, and the scopes they are
 * in.
 */
void
hitl_read_branches(HitlBatch *batch, HitlRows *rows)
{
	static const Oid types[] = {UUIDOID, INT8OID};

	while (rows->count > 0)
	{
		HitlRows *more = palloc(sizeof(HitlRows));

		read_wanted(batch, rows);
		hitl_rows_init(more, lengthof(types), types);
		want_scopes(batch, rows, more);
		rows = more;
	}
}

/*
 * Control state of a branch.
 */
const char *
hitl_branch_control(HitlBatch *batch, HitlWorkflow *workflow, int64 number)
{
	HitlBranch *branch = find(batch, workflow, number);

	return branch ? branch->control : NULL;
}

/*
 * Numbers of the branches under way.
 */
int
hitl_list_branches(HitlBatch *batch, HitlWorkflow *workflow, int64 first,
				   int64 count, const int64 **branches)
{
	static HitlStatement list = {
		"SELECT branch FROM hitl.workflow_branches WHERE workflow_id = $1 "
		"AND branch BETWEEN $2 AND $3 AND status = 'active' ORDER BY branch",
		3,
		{UUIDOID, INT8OID, INT8OID},
	};
	Datum values[3];
	int64 *numbers;
	int found;
	int i;

	hitl_write_branches(batch);
	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = Int64GetDatum(count == 0 ? 0 : first);
	values[2] = Int64GetDatum(count == 0 ? PG_INT64_MAX : first + count - 1);
	hitl_execute(&list, values, NULL, 0);
	found = SPI_processed;
	numbers = palloc((found + 1) * sizeof(int64));
	for (i = 0; i < found; i++)
	{
		bool isnull;

		numbers[i] = DatumGetInt64(hitl_column(i, 1, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	*branches = numbers;
	return found;
}

/*
 * The scope of the branch that a token belongs to.
 */
int64
hitl_token_scope(HitlBatch *batch, HitlWorkflow *workflow, int64 token)
{
	HitlBranch *branch;

	if (HITL_TOKEN_BRANCH(token) == 0)
		return 0;
	branch = find(batch, workflow, HITL_TOKEN_BRANCH(token));
	return branch ? branch->scope : 0;
}

/*
 * The data of a scope itself.
 */
HitlData *
hitl_scope_data(HitlBatch *batch, HitlWorkflow *workflow, int64 scope)
{
	HitlBranch *branch;

	if (scope == 0)
		return &workflow->data;
	branch = find(batch, workflow, scope);
	if (branch == NULL || !branch->has_data)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("workflow %s has no scope " INT64_FORMAT,
						hitl_id_text(&workflow->id), scope)));
	/* Whoever asks for it may change it. */
	mark_changed(batch, branch);
	return &branch->data;
}

/*
 * What a scope sees, as layers.
 */
List *
hitl_scope_layers(HitlBatch *batch, HitlWorkflow *workflow, int64 scope)
{
	List *layers;
	List *scopes = NIL;
	ListCell *cell;

	while (scope != 0)
	{
		HitlBranch *branch = find(batch, workflow, scope);

		if (branch == NULL || !branch->has_data ||
			list_length(scopes) > MAX_SCOPE_DEPTH)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("workflow %s has no scope " INT64_FORMAT,
							hitl_id_text(&workflow->id), scope)));
		scopes = lcons(branch, scopes);
		scope = branch->parent_scope;
	}
	layers = hitl_data_layers(&workflow->data, NIL);
	foreach(cell, scopes)
		layers = hitl_data_layers(&((HitlBranch *) lfirst(cell))->data, layers);
	return layers;
}

/*
 * What a scope sees, as one document.
 */
Jsonb *
hitl_scope_document(HitlBatch *batch, HitlWorkflow *workflow, int64 scope)
{
	if (scope == 0)
		return hitl_data_document(&workflow->data);
	hitl_large_fetch(&workflow->data, NULL, 0, NULL, 0);
	return hitl_merge_layers(hitl_scope_layers(batch, workflow, scope));
}

/*
 * Take over from the core which branches have changed.
 */
void
hitl_take_branches(HitlBatch *batch, HitlWorkflow *workflow)
{
	HitlBranchChanges changes = {0};
	HitlResult result;
	int i;

	result = hitl_core()->dump_branches(workflow->control, &changes);
	if (result == HITL_NO_MEMORY)
		hitl_core_out_of_memory();
	if (result != HITL_OK)
		elog(ERROR, "the core cannot tell which branches have changed");
	if (changes.count > 0)
	{
		PG_TRY();
		{
			for (i = 0; i < changes.count; i++)
				take_change(batch, workflow, &changes.items[i]);
		}
		PG_FINALLY();
		{
			hitl_core()->free_branches(&changes);
		}
		PG_END_TRY();
	}
	else
		hitl_core()->free_branches(&changes);
}

/*
 * Is there such a branch?
 */
bool
hitl_has_branch(HitlBatch *batch, HitlWorkflow *workflow, int64 number)
{
	return find(batch, workflow, number) != NULL;
}

/*
 * Prepare a branch as a scope of its own.
 */
void
hitl_add_scope(HitlBatch *batch, HitlWorkflow *workflow, int64 number,
			   int64 parent_scope, Jsonb *data)
{
	HitlBranch *branch = look_up(workflow, number);

	if (branch == NULL)
		branch = add(workflow, number);
	if (!branch->exists)
	{
		/* Else the core has told of it already. */
		branch->exists = true;
		branch->status = "waiting";
		branch->control = NULL;
		branch->result = NULL;
		branch->result_step = NULL;
	}
	branch->scope = number;
	branch->parent_scope = parent_scope;
	branch->has_data = true;
	memset(&branch->data, 0, sizeof(branch->data));
	branch->data.document = data;
	branch->data.changed = true;
	mark_changed(batch, branch);
}

/*
 * Body of the reply with the results of branches.
 */
char *
hitl_join(HitlBatch *batch, HitlWorkflow *workflow, const HitlEffect *effect)
{
	const char **results = palloc0(effect->count * sizeof(char *) + 1);
	StringInfoData body;
	bool missing = false;
	int64 i;

	hitl_take_branches(batch, workflow);
	for (i = 0; i < effect->count; i++)
	{
		HitlBranch *branch = look_up(workflow, effect->first + i);

		if (branch == NULL)
			missing = true;
		else
		{
			Jsonb *result = branch->exists ? result_of(branch) : NULL;

			results[i] = result ? hitl_jsonb_text(result) : "null";
		}
	}
	if (missing)
		read_results(workflow, effect->first, effect->count, results);

	initStringInfo(&body);
	appendStringInfo(&body, "{\"token\": " INT64_FORMAT ", \"result\": [",
					 effect->token);
	for (i = 0; i < effect->count; i++)
	{
		if (i > 0)
			appendStringInfoString(&body, ", ");
		appendStringInfoString(&body, results[i] ? results[i] : "null");
	}
	appendStringInfoString(&body, "]}");
	return body.data;
}

/*
 * Forget branches.
 */
void
hitl_remove_branches(HitlBatch *batch, HitlWorkflow *workflow,
					 const HitlEffect *effect)
{
	bool stored = effect->count == 0;
	Datum values[4];
	int64 number;

	if (effect->count == 0 && workflow->branches != NULL)
	{
		HASH_SEQ_STATUS scan;
		HitlBranch *branch;

		hash_seq_init(&scan, workflow->branches);
		while ((branch = hash_seq_search(&scan)) != NULL)
			forget(batch, branch, effect->keep);
	}

	/*
	 * What the core says about them must not come after.  Of all of them it
	 * says nothing; what it tells of then are those that come next.
	 */
	hitl_take_branches(batch, workflow);
	for (number = effect->first; number < effect->first + effect->count;
		 number++)
	{
		HitlBranch *branch = look_up(workflow, number);

		stored |= branch == NULL || branch->stored;
		if (branch != NULL)
			forget(batch, branch, effect->keep);
	}
	if (!stored)
		return;
	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = Int64GetDatum(effect->count == 0 ? 0 : effect->first);
	values[2] = Int64GetDatum(
		effect->count == 0 ? PG_INT64_MAX : effect->first + effect->count - 1);
	values[3] = BoolGetDatum(effect->keep);
	hitl_rows_add(&batch->removals, values, NULL);
}

/*
 * Write what has changed of the batch's branches so far.
 */
void
hitl_write_branches(HitlBatch *batch)
{
	static HitlStatement remove = {
		"DELETE FROM hitl.workflow_branches WHERE ctid = ANY (ARRAY("
		"SELECT b.ctid FROM unnest($1, $2, $3, $4) AS r (workflow_id, first, last, keep), "
		"LATERAL (SELECT s.ctid FROM hitl.workflow_branches s "
		"WHERE s.workflow_id = r.workflow_id AND s.branch BETWEEN r.first AND r.last "
		"AND NOT (r.keep AND s.scope = s.branch) OFFSET 0) AS b))",
		4,
		{UUIDARRAYOID, INT8ARRAYOID, INT8ARRAYOID, BOOLARRAYOID},
	};
	static HitlStatement end_kept = {
		"UPDATE hitl.workflow_branches SET status = 'cancelled', control = NULL, "
		"result = '\"cancelled\"' WHERE ctid = ANY (ARRAY("
		"SELECT b.ctid FROM unnest($1, $2, $3, $4) AS r (workflow_id, first, last, keep), "
		"LATERAL (SELECT s.ctid FROM hitl.workflow_branches s "
		"WHERE s.workflow_id = r.workflow_id AND s.branch BETWEEN r.first AND r.last "
		"AND r.keep AND s.status IN ('waiting', 'active') OFFSET 0) AS b))",
		4,
		{UUIDARRAYOID, INT8ARRAYOID, INT8ARRAYOID, BOOLARRAYOID},
	};
	bool any_kept = false;
	int i;

	if (batch->changed_branches == NULL && batch->removals.count == 0)
		return;
	for (i = 0; i < batch->removals.count; i++)
		any_kept |= DatumGetBool(batch->removals.values[3][i]);

	/* Checkpoints take the branches along as the table has them now. */
	hitl_insert_checkpoints(&batch->checkpoints);
	batch->checkpoints.count = 0;
	hitl_rows_execute(&batch->removals, &remove);
	if (any_kept)
		hitl_rows_execute(&batch->removals, &end_kept);
	batch->removals.count = 0;
	write_changed(batch);
}

/*
 * Put other branches in the place of those of a workflow.
 */
void
hitl_replace_branches(HitlBatch *batch, HitlWorkflow *workflow, Jsonb *branches)
{
	static HitlStatement clear = {
		"DELETE FROM hitl.workflow_branches WHERE workflow_id = $1",
		1,
		{UUIDOID},
	};
	static HitlStatement restore = {
		"INSERT INTO hitl.workflow_branches (workflow_id, branch, scope, parent_scope, "
		"status, control, data, result) "
		"SELECT $1, r.* FROM jsonb_to_recordset($2) AS r (branch bigint, scope bigint, "
		"parent_scope bigint, status text, control jsonb, data jsonb, result jsonb)",
		2,
		{UUIDOID, JSONBOID},
	};
	Datum values[2];

	hitl_write_branches(batch);
	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = JsonbPGetDatum(branches);
	hitl_execute(&clear, values, NULL, 0);
	if (branches)
		hitl_execute(&restore, values, NULL, 0);
	if (workflow->branches)
		hash_destroy(workflow->branches);
	workflow->branches = NULL;
}

/*
 * Forget a branch; what is kept of a scope does not go on.
 */
static void
forget(HitlBatch *batch, HitlBranch *branch, bool keep)
{
	if (!keep || branch->scope != branch->number)
		branch->exists = false;
	else if (branch->exists && branch->control != NULL)
	{
		branch->status = "cancelled";
		branch->control = NULL;
		branch->result = status_as_result(branch->status);
		mark_changed(batch, branch);
	}
}

/*
 * Read branches that are not known yet, many at once.
 */
static void
read_wanted(HitlBatch *batch, HitlRows *rows)
{
	static HitlStatement load = {
		"SELECT " BRANCH_COLUMNS ", b.workflow_id "
		"FROM unnest($1, $2) AS t (workflow_id, branch), "
		"LATERAL (SELECT * FROM hitl.workflow_branches s "
		"WHERE s.workflow_id = t.workflow_id AND s.branch = t.branch OFFSET 0) AS b",
		2,
		{UUIDARRAYOID, INT8ARRAYOID},
	};
	uint64 i;

	hitl_rows_execute(rows, &load);
	for (i = 0; i < SPI_processed; i++)
	{
		bool isnull;
		HitlWorkflow *workflow =
			hitl_batch_find(batch, DatumGetUUIDP(hitl_column(i, 8, &isnull)));

		if (workflow)
			keep_row(batch, workflow, i);
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Of branches that were just read, which scopes are still to be read?
 */
static void
want_scopes(HitlBatch *batch, HitlRows *rows, HitlRows *more)
{
	int i;

	for (i = 0; i < rows->count; i++)
	{
		HitlWorkflow *workflow = hitl_batch_find(batch,
												 DatumGetUUIDP(
													 rows->values[0][i]));
		int64 number = DatumGetInt64(rows->values[1][i]);
		HitlBranch *branch = workflow ? look_up(workflow, number) : NULL;
		Datum values[2];
		int64 scope;

		if (branch == NULL || !branch->exists)
			continue;
		scope = branch->scope == number ? branch->parent_scope : branch->scope;
		if (scope == 0 || look_up(workflow, scope) != NULL)
			continue;
		values[0] = rows->values[0][i];
		values[1] = Int64GetDatum(scope);
		hitl_rows_add(more, values, NULL);
	}
}

/*
 * Read a branch that is not known yet.
 */
static void
read_one(HitlBatch *batch, HitlWorkflow *workflow, int64 number)
{
	static HitlStatement load = {
		"SELECT " BRANCH_COLUMNS " FROM hitl.workflow_branches b "
		"WHERE b.workflow_id = $1 AND b.branch = $2",
		2,
		{UUIDOID, INT8OID},
	};
	Datum values[2];

	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = Int64GetDatum(number);
	hitl_execute(&load, values, NULL, 0);
	if (SPI_processed > 0)
		keep_row(batch, workflow, 0);
	else
		(void) add(workflow, number);
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Keep a row of SPI_tuptable, unless the branch is known already.
 */
static void
keep_row(HitlBatch *batch, HitlWorkflow *workflow, uint64 row)
{
	HitlBranch *branch;
	bool isnull;
	Datum datum;
	int64 number = DatumGetInt64(hitl_column(row, 1, &isnull));

	if (look_up(workflow, number) != NULL)
		return;
	branch = add(workflow, number);
	branch->exists = true;
	branch->stored = true;
	branch->scope = DatumGetInt64(hitl_column(row, 2, &isnull));
	datum = hitl_column(row, 3, &isnull);
	branch->parent_scope = isnull ? 0 : DatumGetInt64(datum);
	branch->status = hitl_column_text(row, 4);
	branch->control = hitl_column_text(row, 5);
	datum = hitl_column(row, 6, &isnull);
	branch->has_data = !isnull;
	if (branch->has_data)
		hitl_data_read(&branch->data, datum, &batch->bytes);
	datum = hitl_column(row, 7, &isnull);
	branch->result = isnull ? NULL : DatumGetJsonbPCopy(datum);
}

/*
 * What is known about a branch; NULL if nobody has asked yet.
 */
static HitlBranch *
look_up(HitlWorkflow *workflow, int64 number)
{
	if (workflow->branches == NULL)
		return NULL;
	return hash_search(workflow->branches, &number, HASH_FIND, NULL);
}

/*
 * Begin to know something about a branch.
 */
static HitlBranch *
add(HitlWorkflow *workflow, int64 number)
{
	HitlBranch *branch;

	if (workflow->branches == NULL)
	{
		HASHCTL control = {0};

		control.keysize = sizeof(int64);
		control.entrysize = sizeof(HitlBranch);
		control.hcxt = CurrentMemoryContext;
		workflow->branches = hash_create("hitl branches", 16, &control,
										 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	branch = hash_search(workflow->branches, &number, HASH_ENTER, NULL);
	memset(branch, 0, sizeof(*branch));
	branch->number = number;
	branch->workflow = workflow;
	return branch;
}

/*
 * A branch; NULL if there is none.
 */
static HitlBranch *
find(HitlBatch *batch, HitlWorkflow *workflow, int64 number)
{
	HitlBranch *branch = look_up(workflow, number);

	if (branch == NULL)
	{
		read_one(batch, workflow, number);
		branch = look_up(workflow, number);
	}
	return branch->exists ? branch : NULL;
}

/*
 * The branch is to be written.
 */
static void
mark_changed(HitlBatch *batch, HitlBranch *branch)
{
	if (branch->changed)
		return;
	branch->changed = true;
	branch->next_changed = batch->changed_branches;
	batch->changed_branches = branch;
}

/*
 * Note what the core says about a branch.
 */
static void
take_change(HitlBatch *batch, HitlWorkflow *workflow,
			const HitlBranchChange *change)
{
	HitlBranch *branch = look_up(workflow, change->branch);

	if (branch == NULL && change->scope == change->branch)
		branch = find(batch, workflow, change->branch);
	if (branch == NULL)
	{
		/* One of a parallel step has no data, so there is nothing to read. */
		branch = add(workflow, change->branch);
		branch->stored = true;
	}
	branch->exists = true;
	branch->scope = change->scope;
	branch->status = pstrdup(change->status);
	branch->control = change->control ? pstrdup(change->control) : NULL;
	branch->result = NULL;
	branch->result_step = NULL;
	if (change->control == NULL && change->result_step)
		branch->result_step = pstrdup(change->result_step);
	else if (change->control == NULL)
		branch->result = status_as_result(branch->status);
	mark_changed(batch, branch);
}

/*
 * The result of a branch that has ended otherwise than with a step: how.
 */
static Jsonb *
status_as_result(const char *status)
{
	JsonbValue value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, status);
	value.val.string.len = strlen(status);
	return JsonbValueToJsonb(&value);
}

/*
 * The result of a branch that has ended, else NULL.  That of its last step is
 * looked up when it is needed: the core may tell of the branch's end before we
 * have come to the event that has the step's result.
 */
static Jsonb *
result_of(HitlBranch *branch)
{
	const char *step = branch->result_step;
	JsonbValue value;

	if (step == NULL)
		return branch->result;
	if (hitl_find_member(hitl_data_layers(&branch->data, NIL), "steps", 5, step,
						 strlen(step), &value) != HITL_FOUND_MEMBER)
		value.type = jbvNull;
	return JsonbValueToJsonb(&value);
}

/*
 * Results of branches that are in the table, where they are not known.
 */
static void
read_results(HitlWorkflow *workflow, int64 first, int64 count,
			 const char **results)
{
	static HitlStatement load = {
		"SELECT branch, result FROM hitl.workflow_branches "
		"WHERE workflow_id = $1 AND branch BETWEEN $2 AND $3",
		3,
		{UUIDOID, INT8OID, INT8OID},
	};
	Datum values[3];
	uint64 i;

	values[0] = UUIDPGetDatum(&workflow->id);
	values[1] = Int64GetDatum(first);
	values[2] = Int64GetDatum(first + count - 1);
	hitl_execute(&load, values, NULL, 0);
	for (i = 0; i < SPI_processed; i++)
	{
		bool isnull;
		int64 place = DatumGetInt64(hitl_column(i, 1, &isnull)) - first;

		if (results[place] == NULL)
			results[place] = hitl_column_text(i, 2);
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Write the branches that have changed and are still there.
 */
static void
write_changed(HitlBatch *batch)
{
	static const Oid types[] = {UUIDOID, INT8OID,  INT8OID,	 INT8OID,
								TEXTOID, JSONBOID, JSONBOID, JSONBOID};
	static HitlStatement upsert = {
		"INSERT INTO hitl.workflow_branches AS b (workflow_id, branch, scope, parent_scope, "
		"status, control, data, result) "
		"SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) "
		"ON CONFLICT (workflow_id, branch) DO UPDATE SET status = excluded.status, "
		"control = excluded.control, data = coalesce(excluded.data, b.data), "
		"result = excluded.result",
		8,
		{UUIDARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID,
		 JSONBARRAYOID, JSONBARRAYOID, JSONBARRAYOID},
	};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch;
	HitlRows rows;

	/* A few at a time: what is written takes kilobytes each. */
	scratch = AllocSetContextCreate(caller, "hitl branches",
									ALLOCSET_DEFAULT_SIZES);
	while (batch->changed_branches != NULL)
	{
		hitl_rows_init(&rows, lengthof(types), types);
		while (batch->changed_branches != NULL && rows.count < WRITE_AT_ONCE)
		{
			HitlBranch *branch = batch->changed_branches;

			batch->changed_branches = branch->next_changed;
			branch->changed = false;
			if (!branch->exists)
				continue;
			/* The branch keeps what is put together here. */
			if (branch->has_data && branch->data.changed)
				(void) hitl_data_stored(&branch->data);
			MemoryContextSwitchTo(scratch);
			add_row(&rows, branch);
			MemoryContextSwitchTo(caller);
		}
		MemoryContextSwitchTo(scratch);
		hitl_rows_execute(&rows, &upsert);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
}

/*
 * The row of a branch that is about to be written.
 */
static void
add_row(HitlRows *rows, HitlBranch *branch)
{
	Datum values[8];
	bool nulls[8] = {false};

	values[0] = UUIDPGetDatum(&branch->workflow->id);
	values[1] = Int64GetDatum(branch->number);
	values[2] = Int64GetDatum(branch->scope);
	nulls[3] = !branch->has_data;
	values[3] = Int64GetDatum(branch->parent_scope);
	values[4] = CStringGetTextDatum(branch->status);
	nulls[5] = branch->control == NULL;
	if (branch->control)
		values[5] = JsonbPGetDatum(hitl_jsonb_parse(branch->control));
	nulls[6] = !branch->has_data || !branch->data.changed;
	if (!nulls[6])
		values[6] = JsonbPGetDatum(hitl_data_stored(&branch->data));
	values[7] = PointerGetDatum(result_of(branch));
	nulls[7] = values[7] == 0;
	hitl_rows_add(rows, values, nulls);
	branch->stored = true;
	branch->data.changed = false;
}
