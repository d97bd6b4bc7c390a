"""What the benchmarks share: a cluster of their own, pgbench, and a table of figures."""
import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test/e2e"))
from harness import ROOT, as_postgres, install, running_cluster, wait_until  # noqa: E402

CLIENTS = 32
ROWS = 10_000

# PostgreSQL's defaults, but for what is measured with.  Durable, as in production.
SETTINGS = {
    "fsync": "on",
    "shared_buffers": "128MB",
    "max_connections": CLIENTS + 20,
    "track_commit_timestamp": "on",
}


def arguments(about):
    """The command line of a benchmark: its text is the module's documentation."""
    parser = argparse.ArgumentParser(description=about,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true",
                        help="a short run, to see that the benchmark works; its figures mean little")
    return parser.parse_args()


@contextmanager
def cluster(name, **settings):
    """A running throw-away cluster with hitl, the built-in model, and the table
    bench.row of ROWS rows, on which the machine's own limits are measured."""
    install()
    with running_cluster(f"bench-{name}", {**SETTINGS, **settings}) as made:
        made.sql("SELECT hitl.create_model('echo', provider => 'builtin', is_default => true)")
        made.psql(f"""
            CREATE SCHEMA bench;
            CREATE TABLE bench.row (id integer PRIMARY KEY, n integer NOT NULL);
            INSERT INTO bench.row SELECT i, 0 FROM generate_series(1, {ROWS}) i;
            VACUUM ANALYZE bench.row;""")
        yield made


UPDATE_ROW = f"""\\set id random(1, {ROWS})
UPDATE bench.row SET n = n + 1 WHERE id = :id;
"""


def pgbench(server, script, clients=CLIENTS, seconds=None, transactions=None, options=()):
    """Transactions per second of a pgbench script.

    For a time, or a number of transactions of each client.  None may fail.
    options are further ones of pgbench.
    """
    path = server.dir / "script.sql"
    path.write_text(script)
    path.chmod(0o644)
    length = ["-T", seconds] if seconds else ["-t", transactions]
    output = as_postgres([server.bin / "pgbench", "-n", "-M", "prepared", "-c", clients,
                          "-j", min(clients, os.cpu_count()), *length, *options, "-f", path,
                          server.url()], text=True, stdout=subprocess.PIPE).stdout
    failed = re.search(r"number of failed transactions: (\d+)", output)
    if failed and int(failed[1]):
        raise SystemExit(f"transactions failed:\n{output}")
    return float(re.search(r"tps = ([\d.]+)", output)[1])


def set_executors(server, count):
    """Have so many workers for SQL."""
    server.sql(f"ALTER SYSTEM SET hitl.sql_workers = {count}")
    server.reload()
    server.wait_for_workers(executors=count)


def settle(server):
    """Let the cluster begin every run alike: clean tables, nothing to write back."""
    server.psql("VACUUM ANALYZE; CHECKPOINT;")


def kilobytes(pid, name="RssAnon"):
    """kB of memory of a process: those that are its own, or what else /proc calls by a name."""
    return int(Path(f"/proc/{pid}/status").read_text().split(name + ":")[1].split()[0])


def say(text):
    print(text, flush=True)


def header(title):
    """What was measured, when, and on what."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "-c", "safe.directory=*", "describe", "--always", "--dirty"],
                            cwd=ROOT, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL).stdout.strip()
    say(f"== {title}")
    say(f"{time.strftime('%Y-%m-%d %H:%M')}, commit {commit or 'unknown'}, {os.cpu_count()} cores"
        f" ({cpu[1] if cpu else 'unknown'}), load average {os.getloadavg()[0]:.1f} at the beginning")


def number(value):
    """Three or four digits that mean something."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def percentile(values, percent):
    """The value that so many percent of the values do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


class Table:
    """Figures, each with the machine's own limit, measured in the same run, beside it.

    add() takes one value per run; the table shows their medians and extremes.
    limit is one value per run as well, and the ratio the median of the runs' ratios.
    """

    def __init__(self, beside):
        self.rows = [("figure", "median", "min – max", beside, "ratio", "goal", "")]

    def add(self, name, values, limit=None, goal=None, at_most=False):
        median = statistics.median(values)
        spread = f"{number(min(values))} – {number(max(values))}" if len(values) > 1 else ""
        beside = ratio = verdict = ""
        if limit:
            beside = number(statistics.median(limit))
            ratio = number(statistics.median(v / b for v, b in zip(values, limit)))
        if goal is not None:
            verdict = "met" if (median <= goal if at_most else median >= goal) else "MISSED"
            goal = f"{'≤' if at_most else '≥'} {number(goal)}"
        self.rows.append((name, number(median), spread, beside, ratio, goal or "", verdict))

    def print(self):
        widths = [max(len(row[i]) for row in self.rows) for i in range(len(self.rows[0]))]
        for row in self.rows:
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
            say("  ".join(cells).rstrip())
        say("")


__all__ = ["CLIENTS", "Table", "UPDATE_ROW", "arguments", "cluster", "header", "kilobytes",
           "percentile", "pgbench", "say", "set_executors", "settle", "wait_until"]
