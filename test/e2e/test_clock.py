"""The clock of the server is set: back, and nothing waits until it is as late again; forward, and nothing is taken for lost."""
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from harness import ROOT, Cluster, wait_until
from outbox import Outbox

sys.path.insert(0, str(ROOT / "test/servers"))
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1", "hitl__breaker_threshold": 1, "hitl__breaker_cooldown": "1 s"}
HOUR = 3600


class Clock:
    def __init__(self, directory):
        self.file = directory / "clock"
        self.file.write_bytes(struct.pack("l", 0))
        self.file.chmod(0o644)

    def set(self, seconds):
        with open(self.file, "r+b") as file:
            file.write(struct.pack("l", seconds))


@pytest.fixture
def clock(monkeypatch):
    """The clock of a cluster that is started as long as the test lasts."""
    made = Cluster("clock", SETTINGS)
    try:
        library = made.dir / "set_clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, Path(__file__).with_name("set_clock.c")], check=True)
        clock = Clock(made.dir)
        with monkeypatch.context() as environment:
            environment.setenv("LD_PRELOAD", str(library))
            environment.setenv("SET_CLOCK", str(clock.file))
            made.start()
        made.create_database()
        made.wait_for_workers()
        clock.cluster = made
        yield clock
    finally:
        made.destroy()


def test_set_back(clock):
    """Requests to known and to new hosts go on, also to those with a limit, or with an open breaker."""
    outbox = Outbox(clock.cluster)
    with ScriptedServer() as known, ScriptedServer() as limited, ScriptedServer() as down, ScriptedServer() as new:
        for server in (known, limited, new):
            server.plan("/", [200])
        down.plan("/", [503, 200])
        outbox.execute("SELECT hitl.set_limit('host', %s, max_rate => 1, per => '1 second')", [f"127.0.0.1:{limited.port}"])
        assert all(outbox.finished(outbox.put(server.url("/")))["status"] == "delivered" for server in (known, limited))
        assert outbox.finished(outbox.put(down.url("/"), retry={"max_attempts": 1}))["status"] == "failed"
        wait_until(lambda: outbox.execute("SELECT count(*) FROM hitl.circuit_breakers WHERE state <> 'closed'").fetchone()[0])
        before = outbox.now()
        clock.set(-HOUR)
        assert outbox.now() < before
        requests = [outbox.put(server.url("/")) for server in (known, limited, down, new)]
        assert all(outbox.finished(request)["status"] == "delivered" for request in requests)
        assert outbox.now() < before


def test_set_forward(clock):
    """What is under way is not sent again, though its lease has ended by the clock."""
    outbox = Outbox(clock.cluster)
    with ScriptedServer() as server:
        server.plan("/fast", [200])
        slow = outbox.put(server.plan("/slow", [{"delay": 3}]))
        server.wait_for("/slow")
        clock.set(HOUR)
        assert outbox.finished(outbox.put(server.url("/fast")))["status"] == "delivered"
        row = outbox.finished(slow)
        assert (row["status"], row["attempts"], len(server.requests("/slow"))) == ("delivered", 1, 1)
