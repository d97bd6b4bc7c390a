#!/usr/bin/python3
"""A scripted inference server: OpenAI-compatible chat completions, and Anthropic's Messages.

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
"stop" is the finish_reason or stop_reason; "content" replaces what the message
has as its content; "usage" replaces the counted one, none if it is null.

Messages (POST /v1/messages) are refused where the documented API refuses them.

GET /requests returns what has been asked so far, for tests to look at.
"""
import argparse
import hmac
import json
import random
import secrets
import socket
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


def answer_of(entry):
    """The answer of an entry as text."""
    answer = entry["answer"]
    return answer if isinstance(answer, str) else json.dumps(answer, indent=2)


# Of a request for a message, besides "model", "max_tokens" and "messages".
MESSAGE_MEMBERS = {"system": (str, list), "temperature": (int, float), "top_p": (int, float), "top_k": int,
                   "stop_sequences": list, "stream": bool, "metadata": dict, "thinking": dict, "tools": list,
                   "tool_choice": dict, "service_tier": str, "cache_control": dict, "output_config": dict}
ERROR_TYPES = {400: "invalid_request_error", 401: "authentication_error", 402: "billing_error",
               403: "permission_error", 404: "not_found_error", 413: "request_too_large",
               429: "rate_limit_error", 529: "overloaded_error"}


SAMPLING = ("temperature", "top_p", "top_k")  # up to version 2023-06-01 of the API


def message_fault(request, version):
    """Why a request for a message is refused, or None."""
    if not isinstance(request, dict):
        return "the request must be an object"
    for name in ("model", "max_tokens", "messages"):
        if name not in request:
            return f"{name}: Field required"
    for name, value in request.items():
        if name in MESSAGE_MEMBERS and not isinstance(value, MESSAGE_MEMBERS[name]):
            return f"{name}: Input should be of another type"
        if name not in MESSAGE_MEMBERS and name not in ("model", "max_tokens", "messages") \
                or name in SAMPLING and version > "2023-06-01":
            return f"{name}: Extra inputs are not permitted"
    if not isinstance(request["model"], str) or not request["model"]:
        return "model: Input should be a valid string"
    if type(request["max_tokens"]) is not int or request["max_tokens"] < 1:
        return "max_tokens: Input should be a positive integer"
    if not 0 <= request.get("temperature", 0) <= 1:
        return "temperature: range: 0..1"
    if request.get("system") == "":
        return "system: text content blocks must be non-empty"
    if not isinstance(request["messages"], list) or not request["messages"]:
        return "messages: at least one message is required"
    for number, message in enumerate(request["messages"]):
        if message.get("role") not in ("user", "assistant"):
            return f"messages.{number}.role: Input should be 'user' or 'assistant'"
        if not text_of(message.get("content")).strip():
            return f"messages.{number}: text content blocks must contain non-whitespace text"
        if message.keys() - {"role", "content"}:
            return f"messages.{number}: Extra inputs are not permitted"
    return None


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
        if self.path == "/v1/messages":
            self.answer_message(body)
        elif self.path != "/v1/chat/completions":
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

    def find(self, request, asked):
        """The entry that answers, and whether it is to fail first."""
        entry = self.server.find(asked)
        with self.server.lock:
            self.server.requests.append({
                "at": time.time(), "match": entry and entry.get("match"), "path": self.path,
                "idempotency_key": self.headers.get("Idempotency-Key"), "body": request})
            failing = entry is not None and entry["failures_left"] > 0
            if failing:
                entry["failures_left"] -= 1
        return entry, failing

    def answer_message(self, body):
        key = self.headers.get("x-api-key") or self.headers.get("Authorization", "").removeprefix("Bearer ")
        version = self.headers.get("anthropic-version")
        if not key:
            return self.refuse_message(401, "x-api-key header is required")
        if self.server.key is not None and not hmac.compare_digest(key.encode(), self.server.key.encode()):
            return self.refuse_message(401, "invalid x-api-key")
        if version not in ("2023-06-01", "2026-10-21"):
            return self.refuse_message(400, "anthropic-version: header is required")
        if self.headers.get("Content-Type", "").split(";")[0] != "application/json":
            return self.refuse_message(400, "the content type must be application/json")
        try:
            request = json.loads(body)
        except ValueError:
            return self.refuse_message(400, "The request body is not valid JSON")
        fault = message_fault(request, version)
        if fault:
            return self.refuse_message(400, fault)
        asked = "\n".join(text_of(message["content"]) for message in request["messages"])
        entry, failing = self.find(request, asked)
        if entry is None:
            return self.refuse_message(404, f"model: {request['model']}")
        if failing:
            headers = {"Retry-After": str(entry["retry_after"])} if "retry_after" in entry else {}
            return self.refuse_message(entry.get("fail_status", 503), "the script says to fail", headers)
        content = answer_of(entry)
        return self.send_answer({
            "id": f"msg_{secrets.token_hex(12)}", "type": "message", "role": "assistant",
            "model": request["model"],
            "content": entry.get("content", [{"type": "text", "text": content}]),
            "stop_reason": entry.get("stop", "end_turn"), "stop_sequence": None,
            "usage": entry.get("usage", {
                "input_tokens": count_tokens(text_of(request.get("system"))) + count_tokens(asked),
                "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                "output_tokens": count_tokens(content)})})

    def refuse_message(self, status, message, headers=()):
        self.send_json(status, {"type": "error", "request_id": f"req_{secrets.token_hex(12)}", "error": {
            "type": ERROR_TYPES.get(status, "api_error"), "message": message}}, headers)

    def answer(self, request, model, prompt, asked):
        entry, failing = self.find(request, asked)
        if entry is None:
            self.send_error_json(404, "not_found_error", "the script has no answer to this")
        elif failing:
            headers = {}
            if "retry_after" in entry:
                headers["Retry-After"] = str(entry["retry_after"])
            self.send_error_json(entry.get("fail_status", 503), "server_error",
                                 "the script says to fail", headers)
        else:
            content = answer_of(entry)
            prompt_tokens = sum(count_tokens(text) + 4 for text in prompt) + 3
            completion_tokens = count_tokens(content)
            self.send_answer({
                "id": f"chatcmpl-{secrets.token_hex(12)}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": model,
                "choices": [{"index": 0, "finish_reason": entry.get("stop", "stop"),
                             "message": {"role": "assistant", "content": entry.get("content", content)}}],
                "usage": entry.get("usage", {
                    "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens,
                    "total_tokens": prompt_tokens + completion_tokens})})

    def send_answer(self, answer):
        """An answer, without its usage if that is null."""
        self.send_json(200, {name: value for name, value in answer.items() if name != "usage" or value is not None})

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
    # A connection too many is not refused: TCP repeats itself, later each time, for minutes.
    request_queue_size = 512

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
        self.open = set()
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
        with self.lock:  # or they would answer for a later server on the same port
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def process_request(self, request, client_address):
        with self.lock:
            self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        with self.lock:
            self.open.discard(request)
        super().shutdown_request(request)


def main():
    parser = argparse.ArgumentParser(description="a scripted inference server")
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
