"""The dispatcher and TLS: an nginx with a certificate of an authority of our own."""
import sys
import time
import uuid

import pytest
from harness import ROOT, free_port, running_cluster, wait_until
from nginx import running_nginx

sys.path.insert(0, str(ROOT / "test/servers"))
from authority import authority  # noqa: E402

SITES = """
    log_format seen '$server_protocol $connection $http_idempotency_key';
    access_log {dir}/access.log seen;
    keepalive_requests 100000;
    ssl_certificate {dir}/server.pem;
    ssl_certificate_key {dir}/server.key;
    server {{ listen 127.0.0.1:{http2} ssl http2; location / {{ return 200 "two"; }} }}
    server {{ listen 127.0.0.1:{http1} ssl; location / {{ return 200 "one"; }} }}
"""


class Nginx:
    def __init__(self, directory):
        self.dir = directory
        self.http1, self.http2 = free_port(), free_port()
        (directory / "access.log").touch()

    def seen(self, key):
        """Protocol and connection of the requests with a key."""
        def logged():
            lines = (self.dir / "access.log").read_text().splitlines()
            return [tuple(line.split()[:2]) for line in lines if line.endswith(f" {key}")]
        return wait_until(logged)


@pytest.fixture(scope="module")
def nginx():
    with authority() as directory:
        made = Nginx(directory)
        with running_nginx(directory, SITES.format(dir=directory, http1=made.http1, http2=made.http2)):
            yield made


@pytest.fixture(scope="module")
def cluster(nginx):
    with running_cluster("tls", {"hitl__allowed_private_hosts": "localhost,127.0.0.1",
                                 "hitl__ca_file": nginx.dir / "ca.pem"}) as made:
        yield made


def send(cluster, url, key, count=1):
    """Queue requests of one key, and give their rows when they are done with."""
    ids = [uuid.uuid4() for _ in range(count)]
    cluster.sql("INSERT INTO hitl.outbox (id, purpose, url, idempotency_key, retry)"
                " SELECT unnest(%s), 'inference', %s, %s, '{\"max_attempts\": 1}'",
                [ids, url, key])

    def finished():
        rows = cluster.sql("SELECT * FROM hitl.outbox WHERE id = ANY (%s)"
                           " AND status IN ('delivered', 'failed')", [ids])
        return rows if len(rows) == count else None
    return wait_until(finished, describe=lambda: cluster.sql("SELECT * FROM hitl.outbox"))


def test_http2(cluster, nginx):
    url = f"https://localhost:{nginx.http2}/"
    row, = send(cluster, url, "first")
    assert (row["status"], row["response_body"]) == ("delivered", "two")
    assert nginx.seen("first")[0][0] == "HTTP/2.0"
    rows = send(cluster, url, "many", 60)
    assert all(row["response_body"] == "two" for row in rows)
    seen = nginx.seen("many")
    assert {protocol for protocol, _ in seen} == {"HTTP/2.0"}
    assert len({connection for _, connection in seen}) <= 2  # they share one


def test_http1(cluster, nginx):
    url = f"https://localhost:{nginx.http1}/"
    assert send(cluster, url, "a")[0]["response_body"] == "one"
    assert send(cluster, url, "b")[0]["response_body"] == "one"
    (protocol, connection), = nginx.seen("a")
    assert protocol == "HTTP/1.1"
    assert nginx.seen("b") == [(protocol, connection)]  # kept


def test_wrong_name(cluster, nginx):
    row, = send(cluster, f"https://127.0.0.1:{nginx.http1}/", "c")
    assert (row["status"], row["error_kind"]) == ("failed", "network_error")
    assert "127.0.0.1" in row["error_message"]


def test_unknown_authority(cluster, nginx):
    try:
        cluster.configure(hitl__ca_file="")
        cluster.reload()
        wait_until(lambda: cluster.value("SHOW hitl.ca_file") == "")
        # Not even over the connection that was opened before.
        wait_until(lambda: "certificate" in (send(
            cluster, f"https://localhost:{nginx.http1}/", "d")[0]["error_message"] or ""))
    finally:
        cluster.configure(hitl__ca_file=nginx.dir / "ca.pem")
        cluster.reload()
        wait_until(lambda: cluster.value("SHOW hitl.ca_file") != "")


def test_kept_connection_is_guarded(cluster, nginx):
    """A connection that was allowed is of no use to a request that is not."""
    url = f"https://localhost:{nginx.http1}/"
    wait_until(lambda: send(cluster, url, "e")[0]["status"] == "delivered")
    try:
        cluster.configure(hitl__allowed_private_hosts="")
        cluster.reload()

        def refused():
            row, = send(cluster, url, f"f{time.monotonic()}")
            return row if row["status"] == "failed" else None
        row = wait_until(refused)
        assert row["error_kind"] == "permission_error"
        assert "is private" in row["error_message"]
    finally:
        cluster.configure(hitl__allowed_private_hosts="localhost,127.0.0.1")
        cluster.reload()
