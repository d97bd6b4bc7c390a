"""The gateway: HTTP of all kinds, its limits, its role, and what happens around it."""
import base64
import hashlib
import http.client
import json
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from gateway import FUNCTIONS, ROLE, Gateway, echoed, read_all
from harness import DEADLINE, ROOT, free_port, wait_until
from nginx import running_nginx

sys.path.insert(0, str(ROOT / "test/servers"))
from authority import openssl  # noqa: E402
from listener import on_free_port  # noqa: E402

HEAD = b"GET /echo HTTP/1.1\r\nHost: x\r\n"
GET = HEAD + b"\r\n"


@pytest.fixture(scope="module")
def gateway(cluster):
    cluster.psql(FUNCTIONS)
    return Gateway(cluster, gateway_client_timeout=4)


# ---- what a function is told ------------------------------------------------

def test_request(gateway):
    request = echoed(gateway.request("POST", "/echo?a=1&b=x%20y+z&c&d=%C3%A4", "h\u00e4llo".encode(),
                                     {"X-One": "1", "Cookie": "a=b"}))
    assert request["method"] == "POST"
    assert request["path"] == "/echo"
    assert request["query"] == {"a": "1", "b": "x y z", "c": "", "d": "\u00e4"}
    assert request["args"] == {}
    assert request["headers"]["x-one"] == "1"
    assert request["headers"]["cookie"] == "a=b"
    assert request["body"] == "h\u00e4llo"
    assert request["address"] == "127.0.0.1"
    assert request["secure"] is False
    assert "proxy" not in request
    assert request["session"] == "hitl_gateway"
    assert "body" not in echoed(gateway.get("/echo"))


def test_paths(gateway):
    assert echoed(gateway.get("/echo/a"))["args"] == {"name": "a"}
    assert echoed(gateway.get("/echo/exactly"))["args"] == {}
    assert echoed(gateway.get("/echo/exactl%79"))["args"] == {}
    request = echoed(gateway.get("/echo/a%2Fb/of/%e2%82%ac"))
    assert request["args"] == {"name": "a/b", "other": "\u20ac"}
    assert request["path"] == "/echo/a/b/of/\u20ac"
    for path in ("/echo/", "/echo//of/x", "/Echo", "/echo/..", "//echo", "/echo/a/b", "/" + "a/" * 40):
        status = gateway.get(path).status
        assert status == (200 if path == "/echo/.." else 400 if path.count("/") > 32 else 404), path
    for path in ("/echo/%", "/echo/%4", "/echo/%zz", "/echo/%00", "/echo/%ff", "/echo/%c0%80",
                 "/echo/%ed%a0%80", "/echo?x=%00", "/echo?x=%fe", "/echo?a=1&a=2", "/echo?%61=1&a=2"):
        assert gateway.get(path).status == 400, path
    assert gateway.statuses(b"GET http://x/echo?a=b HTTP/1.1\r\nHost: x\r\n\r\n") == [200]
    assert gateway.statuses(b"GET x HTTP/1.1\r\nHost: x\r\n\r\n") == [400]
    assert gateway.statuses(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n") == [204]


def test_methods(gateway):
    response = gateway.request("DELETE", "/echo")
    assert response.status == 405
    assert response.getheader("Allow") == "GET, HEAD, POST"
    assert json.loads(response.text)["status"] == 405
    response = gateway.request("OPTIONS", "/echo")
    assert (response.status, response.getheader("Allow")) == (204, "GET, HEAD, POST")
    assert gateway.get("/nothing").status == 404
    head, get = gateway.request("HEAD", "/echo/a"), gateway.get("/echo/a")
    assert (head.status, head.text) == (200, "")
    assert head.getheader("Content-Length") == get.getheader("Content-Length")
    assert gateway.request("HEAD", "/answer").status == 405
    assert gateway.statuses(b"BREW /echo HTTP/1.1\r\nHost: x\r\n\r\n") == [405]


def test_repeated_headers(gateway):
    answer = gateway.raw(HEAD + b"A: 1\r\na: 2\r\nCookie: x=1\r\nCookie: y=2\r\nConnection: close\r\n\r\n")
    headers = json.loads(answer.split(b"\r\n\r\n", 1)[1])["headers"]
    assert headers["a"] == "1, 2"
    assert headers["cookie"] == "x=1; y=2"


# ---- what a function answers ------------------------------------------------

def test_answers(gateway):
    def answer(**what):
        return gateway.post("/answer", json.dumps(what))

    response = answer(status=201, headers={"X-A": "1", "set-cookie": ["a=1", "b=2"],
                                           "content-length": "999", "content-type": "text/html"},
                      body="<p>\u00e4")
    assert response.status == 201
    assert response.getheader("X-A") == "1"
    assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert response.getheader("content-type") == "text/html"
    assert response.text == "<p>\u00e4"
    assert response.getheader("Cache-Control") == "no-store"
    assert response.getheader("X-Content-Type-Options") == "nosniff"
    response = answer(json=[1, {"a": None}])
    assert response.getheader("content-type") == "application/json"
    assert json.loads(response.text) == [1, {"a": None}]
    assert json.loads(answer(json="x").text) == "x"
    assert answer(headers={"cache-control": "max-age=60"}).getheader("cache-control") == "max-age=60"
    assert answer(status=204).status == 204
    before = gateway.row()["errors"]
    for wrong in ({"status": 99}, {"status": 600}, {"status": 101}, {"headers": []}, {"headers": {"a b": "x"}},
                  {"headers": {"a": "x\r\nSet-Cookie: y=z"}}, {"headers": {"a\r\nb": "x"}},
                  {"headers": {"a": 1}}, {"headers": {"": "x"}}):
        response = answer(**wrong)
        assert response.status == 500, wrong
        assert set(json.loads(response.text)) == {"type", "status", "title", "detail"}
    assert gateway.post("/answer", "null").status == 500
    assert gateway.row()["errors"] == before + 10


def test_problems(gateway):
    expected = {"WF002": 404, "WF003": 404, "WF011": 409, "WF012": 410, "WF013": 410, "WF014": 409,
                "WF015": 403, "WF018": 409, "WF019": 422, "WF053": 403, "WF001": 422, "WF044": 429,
                "22023": 422, "22P02": 400, "42501": 403, "28000": 401, "P0002": 404,
                "55P03": 503, "53300": 503, "57014": 503, "WF020": 503,
                "P0001": 500, "23505": 500, "XX000": 500, "22012": 500, "42P01": 500}
    for code, status in expected.items():
        response = gateway.get(f"/fail/{code}")
        assert response.status == status, code
        assert response.getheader("Content-Type") == "application/problem+json"
        problem = json.loads(response.text)
        assert problem["status"] == status and problem["title"] and problem["type"] == "about:blank"
        if status >= 500:
            assert set(problem) == {"type", "status", "title", "detail"}
        else:
            assert problem["detail"] == "told" and problem["code"] == code
            assert problem["hint"] == "Try harder."
        assert (response.getheader("Retry-After") is not None) == (status in (503, 429))
    # each ends its transaction
    assert gateway.cluster.value("SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
                                 " AND xact_start IS NULL", [gateway.pid()]) == 1


def test_conflicts_are_tried_again(gateway):
    response = gateway.post("/conflict?every=2")
    assert response.status == 200
    assert gateway.cluster.sql("SELECT n FROM public.done") == [{"n": json.loads(response.text)}]
    assert gateway.post("/conflict?every=1000000").status == 503
    assert gateway.cluster.value("SELECT count(*) FROM public.done") == 1


def test_time_limit(gateway):
    gateway.set(gateway_timeout=1000)
    assert gateway.get("/slow?s=0").text == "at last"
    assert gateway.get("/slow?s=60").status == 503
    assert gateway.get("/slow?s=0").text == "at last"
    gateway.set(gateway_timeout=10000)


# ---- who it is --------------------------------------------------------------

def test_the_session_stays_the_roles(gateway):
    for attempt in ("SET SESSION AUTHORIZATION postgres", "RESET SESSION AUTHORIZATION",
                    "SET ROLE postgres", "SELECT set_config('session_authorization', 'postgres', false)",
                    "SELECT set_config('role', 'postgres', true)",
                    "SELECT * FROM hitl.secrets", "SELECT * FROM hitl.http_routes",
                    "SELECT hitl.set_secret('a', 'b')", "ALTER ROLE hitl_gateway SUPERUSER",
                    "COPY public.done TO PROGRAM 'true'", "LOAD 'auto_explain'"):
        response = gateway.post("/become", attempt)
        assert response.status == 403, (attempt, response.text)
    # what it sets is gone afterwards
    assert gateway.post("/become", "SET statement_timeout = 1").status == 200
    assert gateway.post("/become", "SELECT set_config('work_mem', '64kB', false)").status == 200
    assert json.loads(gateway.post("/become", "DO $$ BEGIN IF current_setting('work_mem') = '64kB' THEN"
                                   " RAISE 'still there'; END IF; END $$").text)["user"] == "hitl_gateway"
    assert gateway.cluster.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'hitl_gateway'") is False


def test_deferred_triggers_are_no_way_out(gateway):
    assert gateway.post("/defer").status == 201
    assert gateway.post("/defer").status == 500  # a duplicate, found at the end
    gateway.cluster.sql("CREATE CONSTRAINT TRIGGER late AFTER INSERT ON public.deferred DEFERRABLE"
                        " INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.on_deferred()")
    gateway.cluster.sql("TRUNCATE public.deferred")
    response = gateway.post("/defer")
    assert response.status == 403
    assert "cannot set parameter" in json.loads(response.text)["detail"]
    gateway.cluster.sql("DROP TRIGGER late ON public.deferred")
    assert gateway.post("/defer").status == 201


def test_routes_change(gateway):
    execute = gateway.cluster.sql
    assert gateway.get("/new").status == 404
    execute("INSERT INTO hitl.http_routes VALUES ('GET', '/new', 'public.new(jsonb)', 'new')")
    assert gateway.get("/new").status == 500  # there is no such function
    execute("CREATE FUNCTION public.new(request jsonb) RETURNS jsonb LANGUAGE sql RETURN '{\"body\": \"1\"}'::jsonb")
    assert gateway.get("/new").text == "1"
    # made anew, it has another oid
    execute("DROP FUNCTION public.new(jsonb)")
    execute("CREATE FUNCTION public.new(request jsonb) RETURNS jsonb LANGUAGE sql RETURN '{\"body\": \"2\"}'::jsonb")
    assert gateway.get("/new").text == "2"
    execute("REVOKE EXECUTE ON FUNCTION public.new(jsonb) FROM PUBLIC")
    assert gateway.get("/new").status == 500
    execute("DELETE FROM hitl.http_routes WHERE path = '/new'")
    assert gateway.get("/new").status == 404


# ---- HTTP as it should not be -----------------------------------------------

SMUGGLED = b"GET /echo/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("head, status", [
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 44\r\n\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0x0\r\n\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length : 44\r\n\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length\t: 44\r\n\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n", 501),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
    (b"POST /echo HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n 40\r\n\r\n", 400),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n", 400),
    (b"GET /echo HTTP/1.1\r\nHost: x\r\nX-Auth-Request-Emai: ann@example.com\r\n l\r\n\r\n", 400),
    (b"GET /echo HTTP/1.1\r\nX-Empty:\r\nX-A: one\r\n two\r\n\tthree\r\nHost: x\r\n\r\n", 400),
    (b"GET /echo HTTP/1.1\r\n\r\n", 400),
    (b"GET /echo HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    (b"GET /echo HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
    (b"GET /echo HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n", 400),
    (b"GET /echo HTTP/1.1\r\nHost: x\r\nA: \xff\xfe\r\n\r\n", 400),
    (b"GET /echo HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n", 417),
])
def test_smuggling(gateway, head, status):
    """One answer, and nothing of what follows is taken for a request."""
    statuses = gateway.statuses(head + SMUGGLED)
    # libmicrohttpd 0.9.75 begins its own answers to a faulty length twice, and closes
    assert set(statuses) == {status}, statuses


def test_malformed(gateway):
    gateway.set(gateway_client_timeout=1)
    for data in (b"\r\n" * 10, b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 1000,
                 b"GET /echo HTTP/9.9\r\nHost: x\r\n\r\n", b"GET  /echo  HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"GET /e cho HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        assert 200 not in gateway.statuses(data), data
    # folded lines are refused; the library would add them to the name of the header
    answer = gateway.raw(HEAD + b"A: one\r\n X-Two: two\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ") and b'"x-two"' not in answer
    # what is no folded line
    answer = gateway.raw(HEAD + b"A:\r\nB: \t \r\nC:\tc \r\nD:d\nConnection: close\r\n\r\n")
    headers = json.loads(answer.split(b"\r\n\r\n", 1)[1])["headers"]
    assert [headers[name] for name in "abcd"] == ["", "", "c", "d"]
    # what is behind a NUL is lost, and no request
    assert gateway.statuses(b"GET /echo\x00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + SMUGGLED) in ([200], [400])
    gateway.set(gateway_client_timeout=4)


def test_bodies(gateway):
    gateway.set(gateway_client_timeout=1)
    assert gateway.statuses(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello") == [200]
    chunked = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = gateway.raw(chunked + b"3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\nTrailer: x\r\n\r\n")
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["body"] == "hello"
    for broken in (b"zz\r\n", b"-1\r\nx\r\n", b"3\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffffff\r\n"):
        assert 200 not in gateway.statuses(chunked + broken + SMUGGLED), broken
    for wrong in (b"\xff", b"a\x00b", b"\xed\xa0\x80", b"\xc3"):
        assert gateway.post("/echo", wrong).status == 400
    assert gateway.statuses(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhell") == []  # it went away
    gateway.set(gateway_client_timeout=4)


def test_large_requests(gateway):
    limit = 1024 * 1024
    assert len(echoed(gateway.post("/echo", "x" * limit))["body"]) == limit
    # Refused before it is sent: who goes on sending may find the connection closed.
    assert gateway.statuses(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (limit + 1)) == [413]
    too_long = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"
    assert set(gateway.statuses(too_long)) == {413}
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    chunked = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert gateway.statuses(chunked + chunk * 16 + b"0\r\n\r\n") == [200]
    assert gateway.statuses(chunked + chunk * 17 + b"0\r\n\r\n") == [413]
    # an endless one is not read to its end
    with gateway.connect() as connection:
        connection.sendall(chunked)
        with pytest.raises(OSError):
            for _ in range(10000):
                connection.sendall(chunk)
    assert gateway.statuses(b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n") == [414]
    assert gateway.statuses(HEAD + b"A: " + b"a" * 20000 + b"\r\n\r\n") == [431]
    assert gateway.statuses(HEAD + b"A: b\r\n" * 5000 + b"\r\n") == [431]
    assert gateway.statuses(HEAD + b"A: " + b"a" * 8000 + b"\r\nConnection: close\r\n\r\n") == [200]


def test_heads_about_the_limit(gateway):
    """What is served is answered: beside the head of a request there is room for that of the answer."""
    close = b"Host: x\r\nConnection: close\r\n"
    for request in (lambda n: b"GET /echo HTTP/1.1\r\n" + close + b"A: " + b"a" * n + b"\r\n\r\n",
                    lambda n: b"GET /echo?a=" + b"a" * n + b" HTTP/1.1\r\n" + close + b"\r\n",
                    lambda n: b"GET /echo HTTP/1.1\r\n" + close + b"Cookie: a=" + b"a" * (n // 2) + b"\r\n\r\n",
                    lambda n: b"GET /echo HTTP/1.1\r\n" + close + b"A: b\r\n" * (n // 66) + b"\r\n",
                    lambda n: b"POST /answer HTTP/1.1\r\n" + close + b"A: " + b"a" * n + b"\r\nContent-Length: 2\r\n\r\n{}"):
        statuses = [gateway.statuses(request(size)) for size in range(15000, 18000, 100)]
        assert statuses[0] == [200] and statuses[-1] in ([431], [414])
        assert all(status in ([200], [431], [414]) for status in statuses), statuses


def test_expect_continue(gateway):
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: "
    with gateway.connect() as connection:
        connection.sendall(head + b"2\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"ok")
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")
    with gateway.connect() as connection:
        connection.sendall(head + b"2000000\r\n\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 413 ")


def test_pipelining_and_keep_alive(gateway):
    requests = b"".join(b"GET /echo/%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(50))
    answer = gateway.raw(requests + b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
    names = re.findall(rb'"args": {"name": "(\d+)"}', answer)
    assert names == [b"%d" % n for n in range(50)]
    assert gateway.statuses(requests + GET)[-1] == 200 and answer.count(b"HTTP/1.1 404 ") == 1
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    for n in range(20):
        connection.request("GET", f"/echo/{n}")
        assert json.loads(connection.getresponse().read())["args"]["name"] == str(n)
    connection.close()
    assert gateway.statuses(b"GET /echo HTTP/1.0\r\n\r\n" + GET) == [200]
    assert gateway.statuses(HEAD + b"Connection: close\r\n\r\n" + GET) == [200]


def test_curl(gateway, tmp_path):
    def curl(*words):
        return subprocess.run(["curl", "-s", "-m", "20", *words], check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    url = f"http://127.0.0.1:{gateway.port}"
    (tmp_path / "body").write_text("from a file")
    assert json.loads(curl("--data-binary", f"@{tmp_path}/body", f"{url}/echo"))["body"] == "from a file"
    assert json.loads(curl("-H", "Transfer-Encoding: chunked", "-d", "x", f"{url}/echo"))["body"] == "x"
    assert json.loads(curl("-0", "-d", "x", f"{url}/echo"))["body"] == "x"
    assert json.loads(curl("--http2", f"{url}/echo"))["headers"]["upgrade"] == "h2c"
    assert json.loads(curl("-T", f"{tmp_path}/body", "-X", "POST", f"{url}/echo"))["body"] == "from a file"
    assert json.loads(curl("-u", "a:b", f"{url}/echo"))["headers"]["authorization"] == "Basic YTpi"
    assert json.loads(curl("-H", "Cookie;", "-H", "X;", f"{url}/echo"))["headers"]["x"] == ""
    assert "405" in curl("-o", "/dev/null", "-w", "%{http_code}", "-X", "PURGE", f"{url}/echo")
    two = curl("-w", "%{num_connects} ", "-o", "/dev/null", "-o", "/dev/null", f"{url}/echo", f"{url}/nothing")
    assert two.split() == ["1", "0"]


# ---- many clients, slow ones ------------------------------------------------

def test_slow_clients(gateway):
    """Those that drip are ended, however often they send a byte; others do not notice."""
    gateway.set(gateway_client_timeout=1)
    stop = threading.Event()
    ended = []

    def drip(data):
        with gateway.connect() as connection:
            try:
                for byte in data * 1000:
                    connection.send(bytes([byte]))
                    if stop.wait(0.1):
                        return
            except OSError:
                ended.append(data)

    slow = [HEAD, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", b"\r\n"]
    threads = [threading.Thread(target=drip, args=[data]) for data in slow]
    for thread in threads:
        thread.start()
    start = time.monotonic()
    while len(ended) < len(slow) and time.monotonic() < start + DEADLINE:
        assert gateway.get("/echo").status == 200
    stop.set()
    for thread in threads:
        thread.join()
    assert len(ended) == len(slow)
    # who says nothing, and who has asked and says nothing more
    with gateway.connect() as silent, gateway.connect() as idle:
        idle.sendall(GET)
        assert idle.recv(100).startswith(b"HTTP/1.1 200 ")
        assert silent.recv(100) == b""
        assert b"HTTP/1.1" not in read_all(idle)
    # who does not read
    with gateway.connect() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(b"POST /answer HTTP/1.1\r\nHost: x\r\nContent-Length: 1000013\r\n\r\n"
                     b'{"body": "' + b"x" * 1000000 + b'"} ')
        wait_until(lambda: connections(gateway) == 0, describe=lambda: connections(gateway))
    gateway.set(gateway_client_timeout=4)


def connections(gateway):
    """Established connections of the gateway's process, by /proc."""
    rows = [line.split() for line in open("/proc/net/tcp", encoding="ascii").readlines()[1:]]
    return sum(row[1].endswith(f":{gateway.port:04X}") and row[3] == "01" for row in rows)


def test_lines_without_an_end(gateway, cluster):
    """Of what does not fit into the memory of a connection no more can be read: that keeps nobody busy."""
    def passes():
        return cluster.value("SELECT value FROM hitl.metric_counters() "
                             "WHERE series = 'hitl_worker_pass_seconds_count{kind=\"gateway\"}'")

    gateway.set(gateway_client_timeout=1)
    chunked = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    for line in (b"5;" + b"a" * 100000, b"5" * 100000, b"0\r\nTrailer: " + b"a" * 100000):
        before = passes()
        with gateway.connect() as connection:
            connection.sendall(chunked + line)
            read_all(connection)  # until the gateway ends it
        assert passes() - before < 5000
    gateway.set(gateway_client_timeout=4)


def test_too_many_connections(gateway):
    """Those that ask for nothing make room, the oldest first; those at work stay."""
    gateway.set(gateway_max_connections=20)
    busy = gateway.connect()
    busy.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\no")
    idle = [gateway.connect() for _ in range(60)]
    for _ in range(10):
        assert gateway.get("/echo").status == 200
    wait_until(lambda: connections(gateway) <= 20, describe=lambda: connections(gateway))
    busy.sendall(b"k")
    assert b'"ok"' in read_all(busy)
    assert idle[0].recv(10) == b""
    idle[-1].sendall(HEAD + b"Connection: close\r\n\r\n")
    assert read_all(idle[-1]).startswith(b"HTTP/1.1 200 ")
    for connection in [busy, *idle]:
        connection.close()
    gateway.set(gateway_max_connections=512)


def test_connections_of_an_address(gateway):
    gateway.set(gateway_max_connections_per_address=5)
    mine = [gateway.connect("127.0.0.2") for _ in range(5)]
    for connection in mine:
        connection.sendall(GET)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    with gateway.connect("127.0.0.2") as one_more:
        assert read_all(one_more) == b""
    assert gateway.get("/echo").status == 200  # of another address
    mine.pop().close()

    def let_in():
        with gateway.connect("127.0.0.2") as again:
            try:
                again.sendall(HEAD + b"Connection: close\r\n\r\n")
            except OSError:
                return False
            return read_all(again).startswith(b"HTTP/1.1 200 ")

    wait_until(let_in)
    for connection in mine:
        connection.close()
    gateway.set(gateway_max_connections_per_address=10000)


def test_rate(gateway):
    gateway.set(gateway_rate=1)
    with gateway.connect("127.0.0.3") as connection:
        connection.sendall(GET * 6)
        connection.shutdown(socket.SHUT_WR)
        statuses = [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", read_all(connection))]
    assert statuses[:2] == [200, 200] and 429 in statuses
    with gateway.connect("127.0.0.4") as other:
        other.sendall(GET)
        assert other.recv(100).startswith(b"HTTP/1.1 200 ")

    def again():
        with gateway.connect("127.0.0.3") as connection:
            connection.sendall(GET)
            return connection.recv(100).startswith(b"HTTP/1.1 200 ")

    wait_until(again)
    # a trusted proxy has no rate; the clients that it names have theirs
    gateway.set(trusted_proxies="127.0.0.3")
    with gateway.connect("127.0.0.3") as connection:
        connection.sendall(GET * 20)
        connection.shutdown(socket.SHUT_WR)
        assert re.findall(rb"HTTP/1.1 (\d+)", read_all(connection)) == [b"200"] * 20
    with gateway.connect("127.0.0.3") as connection:
        connection.sendall((HEAD + b"X-Forwarded-For: 203.0.113.9\r\n\r\n") * 6)
        connection.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1 429 " in read_all(connection)
    gateway.set(gateway_rate=0, trusted_proxies="")


def test_refusals_for_people(gateway):
    """Who follows a wrong link in a browser reads a page; programs read problems."""
    people = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    page = gateway.get("/nowhere", **people)
    assert page.status == 404 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<h1" in page.text and "Nothing is here." in page.text
    style = re.search(r"<style[^>]*>(.*?)</style>", page.text, re.S)[1]
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{known}'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY" and page.headers["Cache-Control"] == "no-store"
    page = gateway.post("/echo/x", "", **people)
    assert page.status == 405 and "GET" in page.headers["Allow"] and "<h1" in page.text
    for path, headers in (("/nowhere", {}), ("/nowhere", {"Accept": "*/*"}), ("/api/v1/nowhere", people)):
        problem = gateway.get(path, **headers)
        assert problem.status == 404 and problem.headers["Content-Type"] == "application/problem+json"
        assert json.loads(problem.text)["detail"] == "nothing is here"


# ---- proxies ----------------------------------------------------------------

def test_trusted_proxies(gateway):
    forwarded = {"X-Forwarded-For": "203.0.113.9, 10.0.0.7", "X-Forwarded-Proto": "http, https"}
    request = echoed(gateway.get("/echo", **forwarded))
    assert (request["address"], request["secure"]) == ("127.0.0.1", False)
    assert "proxy" not in request
    gateway.set(trusted_proxies="127.0.0.1, 10.0.0.0/8, fd00::/8")
    request = echoed(gateway.get("/echo", **forwarded))
    assert (request["address"], request["secure"], request["proxy"]) == ("203.0.113.9", True, "127.0.0.1")
    for value, address in (("1.2.3.4, 203.0.113.9", "203.0.113.9"), ("10.1.1.1", "10.1.1.1"), ("", "127.0.0.1"),
                           ("203.0.113.9, unknown", "127.0.0.1"), ("203.0.113.9, fd00::5", "203.0.113.9"),
                           ("2001:db8::1", "2001:db8::1"), ("evil, 203.0.113.9", "203.0.113.9"),
                           ("1.2.3.4, 203.0.113.9:5555, [fd00::5]:80", "203.0.113.9"), ("[2001:db8::1]", "2001:db8::1"),
                           ("[2001:db8::1]:443", "2001:db8::1"), ("203.0.113.9:", "127.0.0.1"), ("203.0.113.9:8x", "127.0.0.1"),
                           ("203.0.113.9:123456", "127.0.0.1"), ("[2001:db8::1", "127.0.0.1"), ("[2001:db8::1]80", "127.0.0.1"),
                           ("[]:80", "127.0.0.1"), (":80", "127.0.0.1"), ("[", "127.0.0.1"), ("10.0.0.1:80:80", "127.0.0.1")):
        assert echoed(gateway.get("/echo", X_Forwarded_For=value))["address"] == address, value
    assert echoed(gateway.get("/echo", X_Forwarded_Proto="https, http"))["secure"] is False
    with gateway.connect("127.0.0.2") as stranger:
        stranger.sendall(HEAD + b"X-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n")
        assert b'"address": "127.0.0.2"' in read_all(stranger)
    gateway.set(trusted_proxies="")
    for wrong in ("x", "1.2.3.4/33", "1.2.3", "::1/129", "10.0.0.0/", "10.0.0.0/8x"):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            gateway.cluster.sql(f"SET hitl.trusted_proxies = '{wrong}'")


def test_nginx(gateway, cluster, tmp_path):
    """The configuration that docs/how-to/put-a-proxy-in-front.md has, with other names."""
    page = (ROOT / "docs/how-to/put-a-proxy-in-front.md").read_text()
    sites = re.search(r"```nginx\n(.*?)```", page, re.S).group(1)
    port = free_port()
    openssl(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out",
            "server.pem", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    for old, new in (("listen 443 ssl http2", f"listen 127.0.0.1:{port} ssl http2"),
                     ("listen [::]:443 ssl http2;", ""), ("approvals.example.com", "localhost"),
                     ("127.0.0.1:8432", f"127.0.0.1:{gateway.port}")):
        assert old in sites
        sites = sites.replace(old, new)
    sites = re.sub(r"/etc/\S+/fullchain.pem", f"{tmp_path}/server.pem", sites)
    sites = re.sub(r"/etc/\S+/privkey.pem", f"{tmp_path}/server.key", sites)
    gateway.set(trusted_proxies="127.0.0.1")
    with running_nginx(tmp_path, "    access_log off;\n" + sites):
        def curl(path, *words):
            return subprocess.run(["curl", "-s", "-m", "20", "--cacert", tmp_path / "server.pem", *words,
                                   f"https://localhost:{port}{path}"], check=True, text=True,
                                  stdout=subprocess.PIPE).stdout

        request = json.loads(curl("/echo/a%2Fb?x=%20y", "-d", "hello", "-X", "GET",
                                  "-H", "X-Forwarded-For: 203.0.113.1", "-H", "X-Forwarded-Proto: http"))
        assert request["secure"] is True
        assert request["proxy"] == request["address"] == "127.0.0.1"
        assert request["args"] == {"name": "a/b"} and request["query"] == {"x": " y"}
        assert request["body"] == "hello"
        assert curl("/metrics", "-o", "/dev/null", "-w", "%{http_code}") == "404"
        allow_events(cluster)
        stream = subprocess.Popen(["curl", "-sN", "-m", "20", "--cacert", tmp_path / "server.pem", "-H",
                                   "Authorization: Bearer all", f"https://localhost:{port}/api/v1/events"],
                                  stdout=subprocess.PIPE)
        assert stream.stdout.readline() == b"retry: 2000\n"
        workflow = start_workflow(cluster)
        while workflow.encode() not in stream.stdout.readline():
            assert stream.poll() is None
        stream.kill()
        stream.wait()
    gateway.set(trusted_proxies="")


# ---- events -----------------------------------------------------------------

def allow_events(cluster):
    cluster.sql("""
        CREATE OR REPLACE FUNCTION hitl.http_events_allowed(request jsonb) RETURNS jsonb LANGUAGE sql STABLE STRICT
        SECURITY DEFINER SET search_path = pg_catalog, pg_temp RETURN (CASE request #>> '{headers,authorization}'
            WHEN 'Bearer all' THEN '{"principal": "root", "filter": {"all": true}}'
            WHEN 'Bearer anna' THEN '{"principal": "anna", "filter": {}}' END)::jsonb""")


def start_workflow(cluster, asked="anna"):
    definition = json.dumps({"name": "w", "steps": [
        {"name": "ask", "type": "approval", "title": "Go?", "requested_from": asked}]})
    workflow = cluster.value("SELECT hitl.create_workflow('w', workflow_definition => %s)", [definition])
    cluster.sql("SELECT hitl.execute_workflow(%s)", [workflow])
    return str(workflow)


class Stream:
    def __init__(self, gateway, token, last=None):
        self.connection = gateway.connect()
        extra = f"Last-Event-ID: {last}\r\n" if last else ""
        self.connection.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                                f"{extra}\r\n".encode())
        self.received = self.text = b""
        self.until(lambda: b": hello\n\n" in self.text)

    def until(self, condition):
        deadline = time.monotonic() + 60
        while not condition():
            piece = self.connection.recv(65536)
            assert piece and time.monotonic() < deadline, self.received
            self.received += piece
            self.text = self.body()

    def body(self):
        """What has come so far, without the lengths of the chunks."""
        rest, body = self.received.partition(b"\r\n\r\n")[2], b""
        while b"\r\n" in rest:
            length, rest = rest.split(b"\r\n", 1)
            body, rest = body + rest[:int(length, 16)], rest[int(length, 16) + 2:]
        return body

    def events(self, workflow):
        """(id, type) of the events of a workflow so far."""
        found = re.findall(r"id: (\S+)\r?\nevent: (\S+)", self.text.decode())
        return [(number, kind) for number, kind in found if f".{workflow}." in number]

    def last_id(self):
        """With which a browser comes back."""
        return re.findall(r"^id: (\S+)$", self.text.decode(), re.M)[-1]

    def close(self):
        self.connection.close()


def test_events(gateway, cluster):
    allow_events(cluster)
    assert gateway.get("/api/v1/events").status == 401
    head = gateway.request("HEAD", "/api/v1/events", headers={"Authorization": "Bearer all"})
    assert head.status == 200 and head.headers["Content-Type"] == "text/event-stream"
    assert "Content-Length" not in head.headers
    head = gateway.raw(b"HEAD /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer all\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and head.endswith(b"\r\n\r\n") and head.count(b"\r\n\r\n") == 1
    everything, annas = Stream(gateway, "all"), Stream(gateway, "anna")
    workflow, other = start_workflow(cluster), start_workflow(cluster, "berta")
    expected = ["workflow_created", "workflow_started", "approval_requested"]
    everything.until(lambda: len(everything.events(workflow)) >= 3 and len(everything.events(other)) >= 3)
    assert [kind for _, kind in everything.events(workflow)] == expected
    annas.until(lambda: annas.events(workflow))
    assert [kind for _, kind in annas.events(workflow)] == ["approval_requested"]
    approval = cluster.value("SELECT id FROM hitl.approval_requests WHERE workflow_id = %s", [workflow])
    last = everything.events(workflow)[-1][0]
    everything.close()
    cluster.sql("SELECT hitl.respond_to_approval(%s, 'anna', 'approved')", [approval])
    annas.until(lambda: len(annas.events(workflow)) > 1)
    assert not annas.events(other)
    # what was missed comes first, each event once
    again = Stream(gateway, "all", last)
    again.until(lambda: "workflow_completed" in [kind for _, kind in again.events(workflow)])
    seen = [number for number, _ in again.events(workflow)]
    assert len(seen) == len(set(seen)) and last not in seen
    later = start_workflow(cluster)
    again.until(lambda: len(again.events(later)) == 3)
    lost = Stream(gateway, "all", "nonsense")
    lost.until(lambda: b"event: resync" in lost.text)
    for stream in (annas, again, lost):
        stream.close()


def test_events_of_requests_without_a_workflow(gateway, cluster):
    """They have no trail; whoever follows hears of them all the same, and of what he has missed."""
    allow_events(cluster)
    annas, everything = Stream(gateway, "anna"), Stream(gateway, "all")
    approval, other = (str(cluster.value("SELECT hitl.request_approval('Pay', requested_from => %s)", [who]))
                       for who in ("anna", "berta"))
    annas.until(lambda: annas.events(approval))
    everything.until(lambda: everything.events(other))
    assert [kind for _, kind in annas.events(approval)] == ["approval_requested"] and not annas.events(other)
    last = annas.events(approval)[-1][0]
    annas.close()
    cluster.sql("SELECT hitl.respond_to_approval(%s, 'anna', 'approved')", [approval])
    everything.until(lambda: len(everything.events(approval)) == 3)
    everything.close()
    # Nobody follows, and then there is another gateway.
    late = cluster.value("SELECT hitl.request_approval('Late', requested_from => 'anna')")
    gateway.set()
    again = Stream(gateway, "anna", last)
    again.until(lambda: again.events(late))
    assert [kind for _, kind in again.events(approval)] == ["approval_responded", "approval_approved"]
    assert b"resync" not in again.text
    # What a prepared transaction has done, nobody knows; of others there is nothing to know.
    with cluster.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE not_told ()")
        connection.execute("PREPARE TRANSACTION 'not told'")
        connection.execute("COMMIT PREPARED 'not told'")
        after = connection.execute("SELECT hitl.request_approval('After', requested_from => 'anna')").fetchone()[0]
        again.until(lambda: again.events(after))
        assert b"resync" not in again.text
        connection.execute("BEGIN")
        connection.execute("SELECT hitl.request_approval('Prepared', requested_from => 'anna')")
        connection.execute("PREPARE TRANSACTION 'told'")
        connection.execute("COMMIT PREPARED 'told'")
    again.until(lambda: b"event: resync" in again.text)
    again.close()


def test_events_of_a_transaction_under_way(gateway, cluster):
    """What was done before somebody began to follow, and committed after: he has not seen it yet."""
    allow_events(cluster)
    gateway.set()
    workflow = start_workflow(cluster)
    wait_until(lambda: cluster.value("SELECT status FROM hitl.workflows WHERE id = %s", [workflow]) == "waiting_approval")
    with cluster.connect(autocommit=False) as connection:
        connection.execute("SELECT hitl.cancel_workflow(%s)", [workflow])
        stream = Stream(gateway, "all")
        connection.commit()
    stream.until(lambda: "workflow_cancelled" in [kind for _, kind in stream.events(workflow)])
    stream.close()


def test_events_of_what_was_prepared_before_a_crash(gateway, cluster):
    """A transaction that is in the WAL only has prepared something, too."""
    allow_events(cluster)
    with cluster.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT hitl.request_approval('Prepared', requested_from => 'anna')")
        connection.execute("PREPARE TRANSACTION 'survives'")
    cluster.stop("immediate")
    cluster.start()
    wait_until(gateway.alive)
    stream = Stream(gateway, "all")
    cluster.sql("COMMIT PREPARED 'survives'")
    stream.until(lambda: b"event: resync" in stream.text)
    stream.close()


def test_streams_that_end_before_an_event(gateway, cluster):
    """Whoever comes back has missed nothing, though he had got nothing before."""
    allow_events(cluster)
    stream = Stream(gateway, "all")
    stream.until(lambda: b"\nid: " in stream.text)
    stream.close()
    workflow = start_workflow(cluster)
    wait_until(lambda: cluster.value("SELECT status FROM hitl.workflows WHERE id = %s", [workflow]) == "waiting_approval")
    again = Stream(gateway, "all", stream.last_id())
    again.until(lambda: len(again.events(workflow)) == 3 and again.text.endswith(b".0\n\n"))
    assert b"resync" not in again.text and again.last_id() > again.events(workflow)[-1][0]
    again.close()


def test_events_of_many_at_once(gateway, cluster):
    """Whoever commits beside others: each event comes once."""
    allow_events(cluster)
    stream = Stream(gateway, "all")

    def decide(asked):
        with cluster.connect() as connection:
            for _ in range(50):
                approval, = connection.execute("SELECT hitl.request_approval('Pay', requested_from => 'anna')").fetchone()
                connection.execute("SELECT hitl.respond_to_approval(%s, 'anna', 'approved')", [approval])
                asked.append(str(approval))

    asked = []
    threads = [threading.Thread(target=decide, args=[asked]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stream.until(lambda: stream.text.count(b"event: approval_approved") >= 400)
    assert len(asked) == 400 and b"resync" not in stream.text
    for approval in asked:
        assert [kind for _, kind in stream.events(approval)] == [
            "approval_requested", "approval_responded", "approval_approved"]
    stream.close()


def test_streams_come_and_go(gateway, cluster):
    """Nobody listens while nobody follows; streams end with a restart of the gateway."""
    allow_events(cluster)
    streams = [Stream(gateway, "all") for _ in range(30)]
    workflow = start_workflow(cluster)
    for stream in streams:
        stream.until(lambda s=stream: len(s.events(workflow)) == 3)
    # anything may be notified
    for payload in ("", "nonsense", ",,,", "0" * 36, "x" * 7000, "00000000-0000-7000-8000-00000000000g"):
        cluster.sql("SELECT pg_notify('hitl_events', %s)", [payload])
    another = start_workflow(cluster)
    for stream in streams:
        stream.until(lambda s=stream: len(s.events(another)) == 3)
    for stream in streams[:15]:
        stream.close()
    gateway.set(gateway_max_body=1024)
    for stream in streams[15:]:
        assert b"HTTP/1.1" not in read_all(stream.connection)
        stream.close()
    assert gateway.get("/echo").status == 200
    gateway.set(gateway_max_connections=8)
    several = [Stream(gateway, "all") for _ in range(4)]
    assert gateway.get("/api/v1/events", Authorization="Bearer all").status == 503
    for stream in several:
        stream.close()
    gateway.set(gateway_max_connections=512)


def test_events_that_take_too_long(gateway, cluster):
    """They hold up nobody: streams end, and who comes back reads anew."""
    allow_events(cluster)
    workflow = start_workflow(cluster)
    gateway.set(gateway_timeout=100)
    stream = Stream(gateway, "all")
    stream.until(lambda: b"\nid: " in stream.text)
    with cluster.connect(autocommit=False) as locking:
        locking.execute("LOCK TABLE hitl.workflow_events")
        cluster.sql("SELECT pg_notify('hitl_events', %s)", [workflow])
        assert read_all(stream.connection).endswith(b"0\r\n\r\n")
        again = Stream(gateway, "all", stream.last_id())
        again.until(lambda: b"event: resync" in again.text)
        assert gateway.get("/echo").status == 200
    following = start_workflow(cluster)
    again.until(lambda: len(again.events(following)) == 3)
    for one in (stream, again):
        one.close()
    gateway.set(gateway_timeout=10000)


# ---- health, log, metrics ---------------------------------------------------

def test_health(gateway, cluster):
    assert gateway.get("/healthz").text == "ok\n"
    response = gateway.get("/readyz")
    assert response.status == 200 and json.loads(response.text)["status"] == "ready"
    text = gateway.get("/metrics").text
    assert 'hitl_worker_up{kind="gateway",number="1"} 1' in text
    gateway.set(metrics_token="open sesame")
    assert gateway.get("/metrics").status == 401
    assert gateway.get("/metrics", Authorization="Bearer open sesame").status == 200
    gateway.set(metrics_token="")
    assert gateway.row()["handled"] > 0


def answered(cluster):
    """The access log."""
    return [json.loads(detail) for detail in re.findall(
        r"LOG: +hitl: gateway answered\n[^\n]*DETAIL: +([^\n]*)\n", cluster.log())]


def seen(line):
    return line["method"], line.get("route"), line["status"]


def test_counters_of_dropped_databases(gateway, cluster):
    """They make room for those of others."""
    def count(channels, dbname):
        cluster.sql("CREATE TABLE IF NOT EXISTS sent (purpose text, channel text, status text)", dbname=dbname)
        cluster.sql("CREATE OR REPLACE TRIGGER count AFTER UPDATE ON sent FOR EACH ROW "
                    "EXECUTE FUNCTION hitl.count_metrics('request')", dbname=dbname)
        cluster.sql("INSERT INTO sent SELECT 'notification', c, 'sending' FROM unnest(%s::text[]) AS c", [channels], dbname=dbname)
        cluster.sql("UPDATE sent SET status = 'delivered' WHERE status = 'sending'", dbname=dbname)
        return cluster.value("SELECT count(*) FROM hitl.metric_counters() WHERE series ~ '^hitl_deliveries_total'", dbname=dbname)

    before = cluster.value("SELECT count(*) FROM hitl.metric_counters()")
    cluster.create_database("counted")
    many = [f"channel {number}" for number in range(1100)]
    assert 0 < count(many, "counted") < 1100 - before
    assert count(["new"], "hitl") == 0
    cluster.sql("DROP DATABASE counted")
    wait_until(lambda: count(["new"], "hitl") == 1)
    # what was counted before has not moved, nor is it counted again elsewhere
    assert cluster.value("SELECT count(*) = count(DISTINCT series) AND count(*) > %s FROM hitl.metric_counters()", [before])
    assert count(many[:500], "hitl") == 501
    cluster.sql("DROP TABLE sent")


def test_access_log(gateway, cluster):
    gateway.get("/echo/secret-token?key=secret-query", Authorization="Bearer secret-header")
    gateway.get("/secret-nowhere")
    gateway.post("/fail/secret-code")
    wait_until(lambda: ("GET", None, 404) in [seen(line) for line in answered(cluster)])
    line = [line for line in answered(cluster) if seen(line) == ("GET", "/echo/{name}", 200)][-1]
    assert line["bytes"] > 0 and line["ms"] > 0 and line["address"] == "127.0.0.1" and line["database"] == "hitl"
    assert "secret" not in cluster.log()
    gateway.set(gateway_access_log="errors")
    mark = len(answered(cluster))
    gateway.get("/echo")
    gateway.get("/nowhere")
    wait_until(lambda: answered(cluster)[mark:])
    assert [seen(line) for line in answered(cluster)[mark:]] == [("GET", None, 404)]
    gateway.set(gateway_access_log="all")


# ---- coming and going -------------------------------------------------------

def test_roles_that_may_not_serve(gateway, cluster):
    cluster.sql("CREATE ROLE door_login LOGIN; CREATE ROLE door_super SUPERUSER; CREATE ROLE door_bare;")
    for role, message in (("", "hitl.gateway_role is not set"), ("door_missing", "does not exist"),
                          ("door_login", "can log in"), ("door_super", "can do everything"),
                          ("door_bare", "may not call")):
        gateway.set(serving=False, gateway_role=role)
        wait_until(lambda m=message: m in (gateway.row()["last_error"] or ""), describe=gateway.row)
        with pytest.raises(OSError):
            gateway.get("/healthz")
        assert gateway.row()["state"] in ("backing off", "working")
    gateway.set(gateway_role="hitl_gateway")
    # one that becomes such a role stops at once
    cluster.sql("ALTER ROLE hitl_gateway LOGIN")
    response = gateway.get("/echo")
    assert response.status == 503 and "log in" not in response.text
    cluster.sql("ALTER ROLE hitl_gateway NOLOGIN")
    assert gateway.get("/echo").status == 200
    # one that is made anew serves again, whether the one before is gone or renamed
    for farewell in ("DROP OWNED BY hitl_gateway; DROP ROLE hitl_gateway",
                     "DROP OWNED BY hitl_gateway; ALTER ROLE hitl_gateway RENAME TO door_former"):
        cluster.sql(farewell)
        assert gateway.get("/echo").status in (500, 503)
        cluster.sql(ROLE)
        assert gateway.get("/readyz").status == 200
        assert echoed(gateway.get("/echo"))["session"] == "hitl_gateway"


def test_port_in_use(gateway, cluster):
    with on_free_port(lambda number: socket.create_server(("127.0.0.1", number))) as taken:
        port = gateway.port
        gateway.set(serving=False, port=taken.getsockname()[1])
        wait_until(lambda: "in use" in (gateway.row()["last_error"] or ""), describe=gateway.row)
        pid = gateway.pid()
        wait_until(lambda: gateway.row()["errors"] >= 3)
        assert gateway.pid() == pid  # it waits, and does not start again and again
    gateway.set(port=port)
    cluster.create_database("second")
    cluster.wait_for_workers("second")
    cluster.sql(f"ALTER DATABASE second SET hitl.port = {port}")
    cluster.sql("ALTER DATABASE second SET hitl.listen_addresses = '127.0.0.1'")
    cluster.sql("ALTER DATABASE second SET hitl.gateway_role = 'hitl_gateway'")
    cluster.sql("SELECT hitl.grant_access('hitl_gateway', 'gateway'), hitl.start_workers()", dbname="second")
    wait_until(lambda: 'The gateway of database "hitl" runs, too.' in cluster.log())
    assert gateway.get("/healthz").status == 200
    second = free_port()
    cluster.sql(f"ALTER DATABASE second SET hitl.port = {second}")
    cluster.sql("SELECT hitl.start_workers()", dbname="second")

    wait_until(lambda: gateway.alive("/readyz", second))
    assert gateway.request("GET", "/echo", port=second).status == 404  # its own routes
    cluster.sql("DROP DATABASE second")
    with pytest.raises(OSError):
        gateway.request("GET", "/healthz", port=second)


def test_session_from_before(gateway, cluster):
    """What a session knows of the settings may be old: the gateway goes by those of the database."""
    cluster.sql("ALTER DATABASE hitl RESET hitl.listen_addresses")
    with cluster.connect() as before:
        gateway.set(listen_addresses="127.0.0.1")
        pid = gateway.pid()
        assert before.execute("SHOW hitl.listen_addresses").fetchone()[0] == ""
        before.execute("SELECT hitl.start_workers()")
        wait_until(lambda: gateway.pid() not in (None, pid) and gateway.alive(), describe=gateway.row)


def test_reload(gateway, cluster):
    """postgresql.conf: the gateway comes, moves and goes at a reload."""
    cluster.create_database("third")
    cluster.wait_for_workers("third")
    cluster.sql("SELECT hitl.grant_access('hitl_gateway', 'gateway')", dbname="third")
    assert cluster.worker("gateway", dbname="third") is None
    ports = [free_port(), free_port()]

    cluster.configure(hitl__listen_addresses="127.0.0.1", hitl__port=ports[0],
                      hitl__gateway_role="hitl_gateway", hitl__gateway_rate=0)
    cluster.reload()
    wait_until(lambda: gateway.alive(port=ports[0]), describe=lambda: cluster.worker("gateway", dbname="third"))
    pid = cluster.worker("gateway", dbname="third")["pid"]
    cluster.configure(hitl__port=ports[1])
    cluster.reload()
    wait_until(lambda: gateway.alive(port=ports[1]))
    assert not gateway.alive(port=ports[0])
    assert cluster.worker("gateway", dbname="third")["pid"] == pid
    cluster.configure(hitl__listen_addresses="")
    cluster.reload()
    wait_until(lambda: cluster.worker("gateway", dbname="third") is None)
    assert not gateway.alive(port=ports[1])
    assert gateway.get("/echo").status == 200  # that of the other database stays
    cluster.sql("DROP EXTENSION hitl", dbname="third")
    cluster.sql("DROP DATABASE third")


def test_killed(gateway, cluster):
    """kill -9 takes the server through a crash restart; the gateway is back with it."""
    allow_events(cluster)
    stream = Stream(gateway, "all")
    pid = gateway.pid()
    cluster.kill(pid, signal.SIGKILL)
    cluster.wait_until_gone(pid)
    wait_until(gateway.alive)
    assert b"HTTP/1.1 5" not in read_all(stream.connection)
    assert echoed(gateway.get("/echo"))["session"] == "hitl_gateway"


def test_the_server_stops_in_the_middle(gateway, cluster):
    results = []

    def ask():
        try:
            results.append(gateway.get("/slow?s=60").status)
        except (OSError, http.client.HTTPException):
            results.append(None)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(lambda: cluster.value("SELECT query FROM pg_stat_activity WHERE pid = %s AND state = 'active'",
                                     [gateway.pid()]) == "GET /slow")
    cluster.stop()
    thread.join(DEADLINE)
    assert results == [None]
    cluster.start()
    wait_until(gateway.alive)
    cluster.restart()
    wait_until(gateway.alive)
    assert gateway.get("/readyz").status in (200, 503)
    wait_until(lambda: gateway.get("/readyz").status == 200)


def test_drop_extension(gateway, cluster):
    cluster.create_database("fourth")
    other = Gateway(cluster, "fourth")
    with other.connect() as idle:
        cluster.sql("DROP EXTENSION hitl", dbname="fourth")
        assert idle.recv(10) == b""
    with pytest.raises(OSError):
        other.get("/healthz")
    cluster.sql("DROP DATABASE fourth")


# ---- chance -----------------------------------------------------------------

def test_random_requests(gateway):
    """Whatever is sent: the gateway answers or closes, and goes on."""
    dice = random.Random(20261126)
    pieces = [b"GET ", b"POST ", b"/echo", b"/answer", b"/fail/WF002", b" HTTP/1.1", b" HTTP/1.0", b"\r\n", b"\n", b"\r",
              b"Host: x\r\n", b"Content-Length: ", b"5", b"0", b"-1", b"Transfer-Encoding: chunked\r\n", b"a", b": ",
              b"\x00", b"\xff", b"%", b"%41", b"?a=b", b"&", b"#", b"{}", b'{"status": 200}', b"\r\n\r\n", b"Expect: 100-continue\r\n",
              b" ", b"\t", b"HEAD ", b"OPTIONS ", b"x" * 3000, b"Connection: close\r\n", b"Connection: keep-alive\r\n",
              b"3\r\nabc\r\n0\r\n\r\n", GET, SMUGGLED]
    gateway.set(gateway_client_timeout=1)
    pid = gateway.pid()

    def attack(seed):
        dice = random.Random(seed)
        for _ in range(60):
            send_nonsense(gateway, dice, pieces)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(attack, [dice.random() for _ in range(16)]))  # raises what they have raised
    assert gateway.pid() == pid
    assert gateway.get("/echo").status == 200
    gateway.set(gateway_client_timeout=4)


def send_nonsense(gateway, dice, pieces):
    data = b"".join(dice.choices(pieces, k=dice.randrange(1, 25)))
    if dice.random() < 0.5:
        data = b"POST /answer HTTP/1.1\r\nHost: x\r\n" + data
    with gateway.connect() as connection:
        try:
            size = dice.choice([7, 100, 100000])
            for start in range(0, len(data), size):
                connection.sendall(data[start:start + size])
                if dice.random() < 0.05:
                    break
            connection.shutdown(socket.SHUT_WR)
            answers = read_all(connection)
        except OSError:
            return  # it was closed
    for status in re.findall(rb"^HTTP/1\.1 (\d+)", answers, re.M):
        assert 100 <= int(status) <= 599
