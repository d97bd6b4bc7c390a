# shellcheck shell=bash
# dev/lib.sh: sourced by the scripts of dev/.  A private copy of the PostgreSQL
# installation (links to the system's files, hitl's own files real) and private
# clusters, all under one directory outside the checkout, so that neither a
# system cluster nor a system directory is touched, and several checkouts of
# hitl do not meet.
set -euo pipefail
umask 022
# The makes started here are no part of a make that may have started us.
unset MAKEFLAGS MFLAGS MAKELEVEL

HITL_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PG_MAJOR=${PG_MAJOR:-15}
SYSTEM_BIN=${SYSTEM_BIN:-/usr/lib/postgresql/$PG_MAJOR/bin}
HITL_HOME=${HITL_HOME:-/tmp/hitl-$(id -u)-$(printf %s "$HITL_SOURCE" | cksum | cut -d' ' -f1)}
PREFIX=$HITL_HOME/prefix
PGBIN=$PREFIX$SYSTEM_BIN
export PG_CONFIG=$PGBIN/pg_config

# The name is predictable and /tmp is everybody's: it must be ours.
mkdir -p "$HITL_HOME"
if [ ! -O "$HITL_HOME" ]; then
	echo "dev: $HITL_HOME belongs to somebody else (set HITL_HOME)" >&2
	exit 1
fi
chmod 755 "$HITL_HOME"

# Run a command as a user that PostgreSQL accepts (it refuses root), in a
# directory that this user can read.
as_postgres() {
	if [ "$(id -u)" = 0 ]; then
		(cd / && runuser -u postgres -- "$@")
	else
		(cd / && "$@")
	fi
}

# Make the private installation: programs copied (they find their files
# relative to themselves), the rest linked.  It is made anew when the system's
# programs, libraries or extensions have changed since.
make_prefix() {
	local lib share stamp
	if [ ! -x "$SYSTEM_BIN/postgres" ]; then
		echo "dev: no PostgreSQL $PG_MAJOR server in $SYSTEM_BIN (run dev/setup)" >&2
		exit 1
	fi
	lib=$(dirname "$SYSTEM_BIN")/lib
	share=/usr/share/postgresql/$PG_MAJOR
	stamp=$PREFIX/made
	if [ "$stamp" -nt "$SYSTEM_BIN/postgres" ] && [ "$stamp" -nt "$SYSTEM_BIN" ] &&
		[ "$stamp" -nt "$lib" ] && [ "$stamp" -nt "$share/extension" ]; then
		return
	fi
	rm -rf "$PREFIX"
	mkdir -p "$PGBIN" "$PREFIX$lib" "$PREFIX$share/extension" "$PREFIX/usr/include"
	cp "$SYSTEM_BIN"/* "$PGBIN"/
	find "$lib" -mindepth 1 -maxdepth 1 ! -name 'hitl*' -exec ln -s -t "$PREFIX$lib" {} +
	find "$share" -mindepth 1 -maxdepth 1 ! -name extension -exec ln -s -t "$PREFIX$share" {} +
	find "$share/extension" -mindepth 1 ! -name 'hitl*' -exec ln -s -t "$PREFIX$share/extension" {} +
	ln -s -t "$PREFIX/usr/include" /usr/include/postgresql
	touch "$stamp"
}

# Build the checkout and install it into the private installation.  The lock
# keeps two commands of one checkout from building at once.
install_hitl() {
	(
		flock 9
		make_prefix
		for target in all install; do
			make -s -C "$HITL_SOURCE" PG_CONFIG="$PG_CONFIG" $target >"$HITL_HOME/build.log" 2>&1 ||
				{ cat "$HITL_HOME/build.log" >&2; exit 1; }
		done
	) 9>"$HITL_HOME/lock"
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
