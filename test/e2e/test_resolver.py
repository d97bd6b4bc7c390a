"""Names that lead inside: the guard goes by the address that is connected to, whatever was answered before.

The names are answered by libnss-wrapper, from a file of the test's own, also while the server runs.
"""
import os
import socket

import pytest
from harness import Cluster, wait_until

LIBRARY = "libnss_wrapper.so"
PUBLIC = "203.0.113.1"  # TEST-NET-3: nobody has it
AGAIN = {"max_attempts": 1000, "policy": "fixed", "base_delay": 0.05, "jitter": 0}
ONCE = {"max_attempts": 1}
MAIL = '{"from": "a@example.org", "to": ["b@example.org"], "subject": "s", "text": "t"}'


@pytest.fixture(scope="module")
def cluster():
    made = Cluster("resolver", {"hitl__breaker_threshold": 0})
    names = made.dir / "hosts"
    names.write_text("127.0.0.1 localhost\n")
    names.chmod(0o644)
    before = dict(os.environ)
    os.environ.update(LD_PRELOAD=LIBRARY, NSS_WRAPPER_HOSTS=str(names))
    try:
        made.start()
    finally:
        os.environ.clear()
        os.environ.update(before)
    try:
        made.create_database()
        made.wait_for_workers()
        yield made
    finally:
        made.destroy()


@pytest.fixture
def resolve(cluster):
    """A function that has a name answered with addresses from now on."""
    file = cluster.dir / "hosts"

    def set_addresses(name, *addresses):
        lines = [line for line in file.read_text().splitlines() if not line.endswith(" " + name)]
        fresh = file.with_suffix(".new")
        fresh.write_text("\n".join(lines + [f"{address} {name}" for address in addresses]) + "\n")
        fresh.chmod(0o644)
        fresh.rename(file)
    return set_addresses


@pytest.fixture
def inside():
    """A port of this machine that nobody must reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server.getsockname()[1]
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("scheme", ["https", "smtp", "smtps"])
def test_name_of_a_private_address(outbox, resolve, inside, scheme):
    resolve("inside.example.org", "127.0.0.1")
    provider = {} if scheme == "https" else {"provider": "smtp", "body": MAIL}
    row = outbox.finished(outbox.put(f"{scheme}://inside.example.org:{inside}", purpose="notification",
                                     retry=ONCE, **provider))
    assert (row["status"], row["error_kind"]) == ("failed", "permission_error")
    assert "127.0.0.1" in row["error_message"] and "is private" in row["error_message"]


def test_answer_that_changes(outbox, resolve, inside):
    """A name that nobody knew at first, and then is that of a private address."""
    request = outbox.put(f"https://changing.example.org:{inside}/", retry=AGAIN)
    wait_until(lambda: "resolve" in (outbox.row(request)["error_message"] or ""), describe=lambda: outbox.row(request))
    resolve("changing.example.org", "127.0.0.1")
    error = outbox.reply(request)["error"]
    assert error["kind"] == "permission_error" and "is private" in error["message"]


@pytest.mark.parametrize("addresses", [(PUBLIC, "127.0.0.1"), ("127.0.0.1", PUBLIC), ("::ffff:127.0.0.1", PUBLIC)])
def test_private_address_among_others(outbox, resolve, inside, addresses):
    """Whichever of its addresses a name is tried at, the private one is not connected to."""
    name = f"mixed{len(''.join(addresses))}-{addresses.index(PUBLIC)}.example.org"
    resolve(name, *addresses)
    request = outbox.put(f"https://{name}:{inside}/", retry=ONCE, timeout_seconds=2)
    assert outbox.reply(request)["error"]["kind"] in ("permission_error", "network_error", "timeout")
