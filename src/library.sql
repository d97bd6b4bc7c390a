-- library.sql
--		Before anything is made or changed: a server that has not loaded the library
--		says so, and one that has loaded an older one than this script is for, too.

-- At the end of the transaction the workers start.
SELECT hitl.start_workers();

DO $$
BEGIN
	IF coalesce(string_to_array(current_setting('hitl.version', true), '.')::integer[]
				< string_to_array('@VERSION@', '.')::integer[], true)
	THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'the server has loaded a library of hitl that is older than version @VERSION@',
			HINT = 'Restart the server, so that it loads the library that is installed.';
	END IF;
END
$$;
