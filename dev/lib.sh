# dev/lib.sh: sourced by the scripts of dev/.  A private copy of the PostgreSQL
# installation (links to the system's files, hitl's own files real) and private
# clusters, all under one directory outside the checkout, so that neither a
# system cluster nor a system directory is touched, and several checkouts of
# hitl do not meet.
set -euo pipefail

HITL_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PG_MAJOR=${PG_MAJOR:-15}
SYSTEM_BIN=${SYSTEM_BIN:-/usr/lib/postgresql/$PG_MAJOR/bin}
HITL_HOME=${HITL_HOME:-/tmp/hitl-$(id -u)-$(printf %s "$HITL_SOURCE" | cksum | cut -d' ' -f1)}
PREFIX=$HITL_HOME/prefix
PGBIN=$PREFIX$SYSTEM_BIN
export PG_CONFIG=$PGBIN/pg_config

# Run a command as a user that PostgreSQL accepts (it refuses root).
as_postgres() {
	if [ "$(id -u)" = 0 ]; then
		runuser -u postgres -- "$@"
	else
		"$@"
	fi
}

# Make the private installation: programs copied (they find their files
# relative to themselves), the rest linked.
make_prefix() {
	local lib share
	if [ ! -x "$SYSTEM_BIN/postgres" ]; then
		echo "dev: no PostgreSQL $PG_MAJOR server in $SYSTEM_BIN (run dev/setup)" >&2
		exit 1
	fi
	[ "$PGBIN/postgres" -nt "$SYSTEM_BIN/postgres" ] && return
	rm -rf "$PREFIX"
	lib=$(dirname "$SYSTEM_BIN")/lib
	share=/usr/share/postgresql/$PG_MAJOR
	mkdir -p "$PGBIN" "$PREFIX$lib" "$PREFIX$share/extension"
	chmod 755 "$HITL_HOME"
	cp "$SYSTEM_BIN"/* "$PGBIN"/
	find "$lib" -mindepth 1 -maxdepth 1 ! -name 'hitl*' -exec ln -s -t "$PREFIX$lib" {} +
	find "$share" -mindepth 1 -maxdepth 1 ! -name extension -exec ln -s -t "$PREFIX$share" {} +
	find "$share/extension" -mindepth 1 ! -name 'hitl*' -exec ln -s -t "$PREFIX$share/extension" {} +
	touch "$PGBIN/postgres"
}

# Build the checkout and install it into the private installation.
install_hitl() {
	make_prefix
	make -s -C "$HITL_SOURCE" PG_CONFIG="$PG_CONFIG" >"$HITL_HOME/build.log" 2>&1 ||
		{ cat "$HITL_HOME/build.log" >&2; exit 1; }
	make -s -C "$HITL_SOURCE" PG_CONFIG="$PG_CONFIG" install >>"$HITL_HOME/build.log" 2>&1 ||
		{ cat "$HITL_HOME/build.log" >&2; exit 1; }
}

# A free TCP port below the ephemeral range.
free_port() {
	local port
	for port in $(shuf -i 20000-32000 -n 50); do
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return
		fi
	done
	echo "dev: no free port" >&2
	exit 1
}
