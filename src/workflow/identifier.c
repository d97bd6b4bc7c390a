/*
 * identifier.c
 *		UUIDs of version 7 (RFC 9562) that carry a partition number.
 *
 * 48 bits of Unix time in milliseconds, then the 12 rand_a bits hold the
 * partition number, then 62 random bits.  All ids of one workflow share the
 * partition number, so any of them tells which shard it lives on.
 */
#include "postgres.h"

#include "hitl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "workflow/identifier.h"

#define UNIX_EPOCH_OFFSET_US \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

PG_FUNCTION_INFO_V1(hitl_uuidv7);
PG_FUNCTION_INFO_V1(hitl_partition_of);

/*
 * A new id in a partition, or in one drawn at random.
 */
pg_uuid_t
hitl_new_id(int partition)
{
	pg_uuid_t id;
	uint64 ms = (GetCurrentTimestamp() + UNIX_EPOCH_OFFSET_US) / 1000;
	int i;

	if (!pg_strong_random(id.data + 6, UUID_LEN - 6))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));

	for (i = 0; i < 6; i++)
		id.data[i] = (unsigned char) (ms >> (8 * (5 - i)));
	if (partition >= 0)
	{
		id.data[6] = (unsigned char) (partition >> 8);
		id.data[7] = (unsigned char) partition;
	}
	id.data[6] = (id.data[6] & 0x0f) | 0x70;
	id.data[8] = (id.data[8] & 0x3f) | 0x80;
	return id;
}

/*
 * The partition number in an id.
 */
int
hitl_id_partition(const pg_uuid_t *id)
{
	return ((id->data[6] & 0x0f) << 8) | id->data[7];
}

/*
 * Text of an id, for messages.
 */
char *
hitl_id_text(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}

/*
 * hitl.uuidv7(partition): a new id.
 */
Datum
hitl_uuidv7(PG_FUNCTION_ARGS)
{
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));
	int partition = HITL_ANY_PARTITION;

	if (!PG_ARGISNULL(0))
	{
		partition = PG_GETARG_INT32(0);
		if (partition < 0 || partition >= HITL_PARTITIONS)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("partition %d is out of range", partition),
					 errdetail("A partition is a number from 0 to %d.",
							   HITL_PARTITIONS - 1)));
	}
	*id = hitl_new_id(partition);
	PG_RETURN_UUID_P(id);
}

/*
 * hitl.partition_of(id): the partition number in an id.
 */
Datum
hitl_partition_of(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(hitl_id_partition(PG_GETARG_UUID_P(0)));
}
