"""A scripted HTTP server, down to the bytes: what outside services do.

    with ScriptedServer() as server:
        server.plan("/hook", [503, {"status": 429, "headers": {"Retry-After": "2"}}, 200])
        ... server.url("/hook") ...
        server.requests("/hook")

The answers of a path are given in order, the last one again and again.  An
answer is a status, or a dictionary:

    status, headers, body    what is sent; Content-Length is added
    delay                    seconds to wait before the answer
    raw                      bytes sent instead of a proper answer
    pieces, pause            the body in so many pieces, with pauses between
    hang                     read the request and never answer
    close                    close the connection after the answer
"""
import socket
import time

from listener import Listener


class Request:
    def __init__(self, connection, method, path, headers, body):
        self.connection = connection  # number of the connection, from 1
        self.method = method
        self.path = path
        self.header_list = headers
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body
        self.at = time.time()


class ScriptedServer(Listener):
    def __init__(self, family=socket.AF_INET, host="127.0.0.1", port=None):
        super().__init__(family, host, port)
        self.plans = {}
        self.seen = []
        self.host = f"[{host}]" if ":" in host else host

    def url(self, path):
        return f"http://{self.host}:{self.port}{path}"

    def plan(self, path, answers):
        with self.lock:
            self.plans[path] = [answer if isinstance(answer, dict) else {"status": answer}
                                for answer in answers]
        return self.url(path)

    def requests(self, path):
        with self.lock:
            return [request for request in self.seen if request.path == path]

    def wait_for(self, path, count=1, seconds=30):
        """Wait until so many requests have been read."""
        with self.lock:
            if not self.lock.wait_for(lambda: sum(request.path == path for request in self.seen) >= count, seconds):
                raise AssertionError(f"{path}: fewer than {count} requests in {seconds} s")

    def converse(self, connection, stream, number):
        while self.serve_request(connection, stream, number):
            pass

    def serve_request(self, connection, stream, number):
        """Read and answer a request; false when the connection is to end."""
        line = stream.readline()
        if not line:
            return False
        try:
            method, path, _ = line.decode("latin-1").split(" ", 2)
        except ValueError:
            return False  # not HTTP; TLS, say
        headers = []
        while (line := stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name, value.strip()))
        length = int({name.lower(): value for name, value in headers}.get("content-length", 0))
        request = Request(number, method, path, headers, stream.read(length))
        with self.lock:
            self.seen.append(request)
            answers = self.plans.get(path, [{"status": 404}])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            self.lock.notify_all()
        return self.answer(connection, request, answer)

    def answer(self, connection, request, answer):
        if answer.get("hang"):
            self.stopping.wait()
            return False
        if self.stopping.wait(answer.get("delay", 0)):
            return False
        if "raw" in answer:
            connection.sendall(answer["raw"])
            if answer.get("stay"):
                self.stopping.wait()
            return False
        body = answer.get("body", b"")
        if callable(body):
            body = body(request)
        if isinstance(body, str):
            body = body.encode()
        headers = {"Content-Length": str(len(body)), **answer.get("headers", {})}
        if answer.get("close"):
            headers["Connection"] = "close"
        head = f"HTTP/1.1 {answer.get('status', 200)} Scripted\r\n"
        head += "".join(f"{name}: {headers[name]}\r\n" for name in headers) + "\r\n"
        if request.method == "HEAD":
            body = b""
        pieces = answer.get("pieces", 1)
        if pieces == 1:
            connection.sendall(head.encode("latin-1") + body)
        else:
            connection.sendall(head.encode("latin-1"))
            step = max(1, len(body) // pieces)
            for start in range(0, len(body), step):
                connection.sendall(body[start:start + step])
                if self.stopping.wait(answer.get("pause", 0)):
                    return False
        return not answer.get("close")
