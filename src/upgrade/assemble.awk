# assemble.awk
#	Puts an update script together.  What it shares with the script of a fresh
#	installation is named in it, not repeated:
#
#	-- @all FILE		all of a part
#	-- @code FILE		its functions, views and comments, to replace what is there
#	-- @take FILE: TEXT	its statements that begin with TEXT
#
#	A statement begins where a line begins with a command, and ends before the
#	next one.  A directive that finds nothing is an error.

function is_start(line) {
	return line ~ /^(ALTER|COMMENT|CREATE|DELETE|DO|DROP|GRANT|INSERT|REVOKE|SELECT|SET|UPDATE) /
}

# Splits a part into statement[1 .. n]; comments between them are left out.
function split_part(file, line, quoted, n, status) {
	split("", statement)
	n = quoted = 0
	while ((status = (getline line < file)) > 0) {
		if (!quoted && is_start(line))
			n++
		if (quoted || !(line ~ /^(--|$)/))
			statement[n] = statement[n] line "\n"
		if (gsub(/\$\$/, "", line) % 2)
			quoted = !quoted
	}
	close(file)
	if (status < 0 || n == 0)
		fail("cannot read " file)
	return n
}

function fail(message) {
	print FILENAME ":" FNR ": " message >"/dev/stderr"
	failed = 1
	exit 1
}

function put(text) {
	printf "%s", text
	found++
}

/^-- @/ {
	file = $3
	sub(/:$/, "", file)
	found = 0
	if ($2 == "@all") {
		while ((status = (getline line < file)) > 0)
			put(line "\n")
		close(file)
	} else if ($2 == "@code") {
		n = split_part(file)
		for (i = 1; i <= n; i++)
			if (statement[i] ~ /^(CREATE (FUNCTION|PROCEDURE|VIEW)|COMMENT ON) /) {
				sub(/^CREATE /, "CREATE OR REPLACE ", statement[i])
				put(statement[i])
			}
	} else if ($2 == "@take") {
		text = substr($0, index($0, ": ") + 2)
		n = split_part(file)
		for (i = 1; i <= n; i++)
			if (index(statement[i], text) == 1)
				put(statement[i])
	} else
		fail("unknown directive " $2)
	if (!found)
		fail("nothing in " file)
	next
}

{ gsub(/@VERSION@/, version); print }

END { if (failed) exit 1 }
