#!/usr/bin/python3
"""A scripted inference server: OpenAI-compatible chat completions.

    inference_server.py SCRIPT [--key KEY] [--port PORT]

prints its base URL and serves until it is stopped.  Python programs use it as

    with InferenceServer(script, key="...") as server:
        ... server.base_url ...

SCRIPT is a JSON file (or, from Python, the object itself):

    {"answers": [{"match": "Validate the order", "answer": {"valid": true}},
                 {"match": "payment", "answer": "Paid.", "fail_first": 2,
                  "fail_status": 429, "retry_after": 1}],
     "default": "Done."}

The first entry whose "match" is part of the user's messages answers; a request
that none matches gets the default, or 404 when there is none.  An answer that
is not a string is sent as JSON text.  An entry with "fail_first" answers its
first n requests with "fail_status" (503 when left out) and "retry_after".

GET /requests returns what has been asked so far, for tests to look at.
"""
import argparse
import hmac
import json
import random
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORTS = range(20000, 32000)  # below the ephemeral ports


def count_tokens(text):
    """About what a tokenizer counts: four characters a token."""
    return max(1, (len(text) + 3) // 4)


def text_of(content):
    """The text of a message's content, which may be a list of parts."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        if self.path == "/requests":
            with self.server.lock:
                self.send_json(200, self.server.requests)
        elif self.authorized() and self.path == "/v1/models":
            self.send_json(200, {"object": "list", "data": [{"id": "scripted", "object": "model"}]})
        else:
            self.send_error_json(404, "not_found_error", f"no such path: {self.path}")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/v1/chat/completions":
            self.send_error_json(404, "not_found_error", f"no such path: {self.path}")
        elif self.authorized():
            try:
                request = json.loads(body)
                model = request["model"]
                prompt = [text_of(message["content"]) for message in request["messages"]]
                asked = "\n".join(text_of(message["content"]) for message in request["messages"]
                                  if message["role"] == "user")
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                self.send_error_json(400, "invalid_request_error", f"malformed request: {error!r}")
            else:
                self.answer(request, model, prompt, asked)

    def authorized(self):
        """Whether the request carries the key; if not, it has been answered."""
        given = self.headers.get("Authorization", "")
        if self.server.key is None or hmac.compare_digest(
                given.encode(), f"Bearer {self.server.key}".encode()):
            return True
        self.send_error_json(401, "authentication_error", "incorrect API key provided")
        return False

    def answer(self, request, model, prompt, asked):
        entry = self.server.find(asked)
        with self.server.lock:
            self.server.requests.append({
                "at": time.time(), "match": entry and entry.get("match"),
                "idempotency_key": self.headers.get("Idempotency-Key"), "body": request})
            failing = entry is not None and entry["failures_left"] > 0
            if failing:
                entry["failures_left"] -= 1
        if entry is None:
            self.send_error_json(404, "not_found_error", "the script has no answer to this")
        elif failing:
            headers = {}
            if "retry_after" in entry:
                headers["Retry-After"] = str(entry["retry_after"])
            self.send_error_json(entry.get("fail_status", 503), "server_error",
                                 "the script says to fail", headers)
        else:
            content = entry["answer"]
            if not isinstance(content, str):
                content = json.dumps(content, indent=2)
            prompt_tokens = sum(count_tokens(text) + 4 for text in prompt) + 3
            completion_tokens = count_tokens(content)
            self.send_json(200, {
                "id": f"chatcmpl-{secrets.token_hex(12)}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": model,
                "choices": [{"index": 0, "finish_reason": "stop",
                             "message": {"role": "assistant", "content": content}}],
                "usage": {"prompt_tokens": prompt_tokens,
                          "completion_tokens": completion_tokens,
                          "total_tokens": prompt_tokens + completion_tokens}})

    def send_json(self, status, document, headers=()):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name in headers:
            self.send_header(name, headers[name])
        self.end_headers()
        self.wfile.write(body)

    def send_error_json(self, status, kind, message, headers=()):
        self.send_json(status, {"error": {"message": message, "type": kind}}, headers)

    def log_message(self, *_):
        pass  # GET /requests tells more


class InferenceServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script, key=None, port=None):
        ports = [port] if port else random.sample(PORTS, 50)
        for attempt in ports:
            try:
                super().__init__(("127.0.0.1", attempt), Handler)
                break
            except OSError:
                if attempt == ports[-1]:
                    raise
        self.key = key
        self.lock = threading.Lock()
        self.requests = []
        self.base_url = f"http://127.0.0.1:{self.server_port}/v1"
        self.entries = [{**entry, "failures_left": entry.get("fail_first", 0)}
                        for entry in script.get("answers", [])]
        if "default" in script:
            self.entries.append({"match": "", "answer": script["default"], "failures_left": 0})

    def find(self, asked):
        return next((entry for entry in self.entries if entry["match"] in asked), None)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def main():
    parser = argparse.ArgumentParser(description="a scripted OpenAI-compatible inference server")
    parser.add_argument("script", type=argparse.FileType(encoding="utf-8"))
    parser.add_argument("--key", help="the API key that requests must carry; none: any may ask")
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    server = InferenceServer(json.load(options.script), options.key, options.port)
    print(server.base_url, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
