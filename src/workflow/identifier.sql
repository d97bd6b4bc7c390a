-- identifier.sql
--		Ids are UUIDs of version 7 (RFC 9562).  Their 12 rand_a bits carry a
--		partition number that all ids of one workflow share.

CREATE FUNCTION hitl.uuidv7(partition integer DEFAULT NULL) RETURNS uuid
	AS 'MODULE_PATHNAME', 'hitl_uuidv7' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION hitl.uuidv7(integer) IS
	'a new UUID of version 7; partition (0 to 4095) is kept in its rand_a bits, NULL draws one at random';

CREATE FUNCTION hitl.partition_of(id uuid) RETURNS integer
	AS 'MODULE_PATHNAME', 'hitl_partition_of' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hitl.partition_of(uuid) IS
	'the partition number (0 to 4095) that an id shares with its workflow';
