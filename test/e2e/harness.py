"""Private clusters for the end-to-end tests.

A Cluster uses the private installation that dev/lib.sh makes.  initdb runs
once; each cluster begins as a copy of its result.
"""
import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 30  # seconds; nothing takes as long, unless it never comes
LOCK_TIMEOUT = f"-c lock_timeout={DEADLINE}s"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_preload_libraries": "hitl",
    "max_worker_processes": 32,
    "max_prepared_transactions": 10,
    "fsync": "off",
    "shared_buffers": "32MB",
    "log_line_prefix": "%m [%p] %b %d ",
}


def wait_until(condition, deadline=DEADLINE, describe=None):
    """Return the first true value of condition(); fail after the deadline."""
    end = time.monotonic() + deadline
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            seen = describe() if describe else value
            raise AssertionError(f"did not happen within {deadline} s; last seen: {seen}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def dev(expression):
    """What a shell expression gives after dev/lib.sh was read."""
    return subprocess.run(["bash", "-c", f". dev/lib.sh; printf %s {expression}"], cwd=ROOT,
                          check=True, stdout=subprocess.PIPE, text=True).stdout


def install():
    """Put hitl as this checkout has it into the private installation."""
    subprocess.run([ROOT / "dev/cluster", "install"], check=True, stdin=subprocess.DEVNULL)


def free_port():
    return int(dev('"$(free_port)"'))


def as_postgres(command, **options):
    """Run a command as a user that PostgreSQL accepts (it refuses root)."""
    command = [str(word) for word in command]
    if os.getuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    return subprocess.run(command, check=True, cwd="/", stdin=subprocess.DEVNULL, **options)


@contextmanager
def running_cluster(name, settings=None):
    """A running cluster with hitl in the database "hitl", and all its workers."""
    settings = settings or {}
    made = Cluster(name, settings)
    try:
        made.start()
        made.create_database()
        made.wait_for_workers(engines=settings.get("hitl__engine_workers", 1),
                              executors=settings.get("hitl__sql_workers", 2))
        yield made
    finally:
        made.destroy()


class Cluster:
    """A cluster of its own, in a directory of its own.

    settings are added to, or replace, those of SETTINGS; None leaves one out.
    source is a running cluster to copy as a standby.
    """

    def __init__(self, name, settings=None, source=None):
        self.bin = Path(dev('"$PGBIN"'))
        self.dir = Path(dev('"$HITL_HOME"')) / "e2e" / f"{name}-{os.getpid()}"
        self.data = self.dir / "data"
        self.logfile = self.dir / "log"
        self.port = free_port()
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        if os.getuid() == 0:
            shutil.chown(self.dir, "postgres", "postgres")
        if source:
            as_postgres([self.bin / "pg_basebackup", "-D", self.data, "-R", "-c", "fast",
                         "-h", "127.0.0.1", "-p", source.port, "-U", "postgres"])
            settings = {"port": self.port, "unix_socket_directories": self.dir, **(settings or {})}
        else:
            subprocess.run(["cp", "-a", self._template(), self.data], check=True)
            settings = {**SETTINGS, "port": self.port, "unix_socket_directories": self.dir,
                        **(settings or {})}
        self.configure(**settings)

    def _template(self):
        """The data directory that clusters are copied from, made once."""
        template = self.dir.parent / "template"
        if not template.exists():
            making = self.dir / "template"
            as_postgres([self.bin / "initdb", "-D", making, "-U", "postgres", "-A", "trust", "-N",
                         "--encoding=UTF8", "--locale=C.UTF-8"], stdout=subprocess.DEVNULL)
            try:
                making.rename(template)
            except OSError:  # somebody else was faster
                shutil.rmtree(making)
        return template

    # The server

    def configure(self, **settings):
        """Append to postgresql.conf; takes effect at reload() or restart()."""
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            for name, value in settings.items():
                if value is not None:
                    conf.write(f"{name.replace('__', '.')} = '{value}'\n")

    def _pg_ctl(self, *words):
        # The server outlives this command: it gets no pipe of ours.
        as_postgres([self.bin / "pg_ctl", "-s", "-D", self.data, *words],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        try:
            self._pg_ctl("start", "-w", "-l", self.logfile)
        except subprocess.CalledProcessError as error:
            raise AssertionError(f"the server did not start:\n{self.log()}") from error
        return self

    def stop(self, mode="fast"):
        self._pg_ctl("stop", "-w", "-m", mode)

    def restart(self):
        self._pg_ctl("restart", "-w", "-m", "fast", "-l", self.logfile)

    def reload(self):
        self._pg_ctl("reload")

    def promote(self):
        self._pg_ctl("promote", "-w")

    def immediate(self):
        self.stop("immediate")

    def running(self):
        return (self.data / "postmaster.pid").exists()

    def kill(self, pid, number=signal.SIGKILL):
        """Send a signal to one process of this cluster."""
        os.kill(pid, number)

    def wait_until_gone(self, pid):
        """Wait until the server has noticed that a process was killed, and is back.

        Until it has noticed it lets clients in.
        """
        def gone():
            try:
                return not self.sql("SELECT pid FROM pg_stat_activity WHERE pid = %s", [pid],
                                    "postgres")
            except psycopg.OperationalError:
                return False
        wait_until(gone)

    def destroy(self):
        if self.running():
            try:
                self.stop()
            except subprocess.CalledProcessError:
                self.immediate()
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        return self.logfile.read_text(errors="replace") if self.logfile.exists() else ""

    # Its databases

    def url(self, dbname="hitl"):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{dbname}"

    def connect(self, dbname="hitl", autocommit=True, **options):
        """A psycopg connection; one that waits for a lock in vain fails in the end."""
        options.setdefault("options", LOCK_TIMEOUT)
        return psycopg.connect(self.url(dbname), autocommit=autocommit, **options)

    def sql(self, query, parameters=None, dbname="hitl"):
        """Run a statement; its rows as dictionaries."""
        with self.connect(dbname, row_factory=dict_row) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, query, parameters=None, dbname="hitl"):
        """The first column of the first row."""
        rows = self.sql(query, parameters, dbname)
        return next(iter(rows[0].values())) if rows else None

    def psql(self, script, dbname="hitl"):
        """Run a script in psql, stopping at errors; its output."""
        return subprocess.run([self.bin / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1",
                               "-d", self.url(dbname)], input=script, check=True, text=True,
                              env={**os.environ, "PGOPTIONS": LOCK_TIMEOUT},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout

    def create_database(self, dbname="hitl", extension=True):
        self.sql(f'CREATE DATABASE "{dbname}"', dbname="postgres")
        if extension:
            self.sql("CREATE EXTENSION hitl", dbname=dbname)

    # Its workers

    def workers(self, dbname="hitl", kind=None):
        return [row for row in self.sql("SELECT * FROM hitl.workers", dbname=dbname)
                if kind in (None, row["kind"])]

    def worker(self, kind, number=1, dbname="hitl"):
        """The row of one worker in hitl.workers, or None."""
        for row in self.workers(dbname, kind):
            if row["number"] == number:
                return row
        return None

    def processes(self, dbname="hitl"):
        """The workers' processes in a database: pid by backend_type."""
        rows = self.sql("SELECT backend_type, pid FROM pg_stat_activity"
                        " WHERE backend_type LIKE 'hitl %%' AND datname = %s", [dbname], "postgres")
        return {(row["backend_type"], row["pid"]) for row in rows}

    def wait_for_workers(self, dbname="hitl", engines=1, besides=(), executors=2):
        """Wait until all workers are up and idle; their pids by (kind, number).

        besides: pids that must have gone.
        """
        def up():
            rows = self.workers(dbname)
            found = {(row["kind"], row["number"]): row["pid"] for row in rows
                     if row["state"] == "idle" and row["pid"] not in besides}
            expected = {("launcher", 1), ("dispatcher", 1)}
            expected |= {("engine", number) for number in range(1, engines + 1)}
            expected |= {("executor", number) for number in range(1, executors + 1)}
            return found if set(found) == expected and len(rows) == len(expected) else None
        return wait_until(up, describe=lambda: self.workers(dbname))
