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

An entry for agents has "replies" instead of "answer":

    {"match": "Refund the order", "replies": [
        {"calls": [{"name": "lookup_order", "arguments": {"order_id": 7}}]},
        {"text": "So it is.", "calls": [{"name": "final_answer", "arguments": {"answer": "Done."}}]}]}

Each conversation, known by its first user message, gets them in turn, and then
the last one again; a request that is sent again (with the same Idempotency-Key)
gets the same again.  A reply has "text" and "calls", or is a text; it may have
the members of an answer, too, or "status" and "retry_after" to fail.  Arguments
that are no object are sent as they are.  Calls have ids unless "id" is null.
From Python, "match" may be a function that tells whether it is this request's
entry, and "replies" one that gives the reply to a request; both get its body.

What the documented APIs refuse is refused here: malformed Messages (POST
/v1/messages), and of both formats tools and calls of tools that do not fit.

GET /requests returns what has been asked so far, for tests to look at.
"""
import argparse
import hmac
import json
import re
import secrets
import time
from http.server import BaseHTTPRequestHandler

from listener import HttpServer


def count_tokens(text):
    """About what a tokenizer counts: four characters a token."""
    return max(1, (len(text) + 3) // 4)


def text_of(content):
    """The text of a message's content, which may be a list of parts."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def task_of(request):
    """The first user message of a request, by which its conversation is known."""
    return next((text_of(message.get("content")) for message in request["messages"]
                 if message.get("role") == "user"), "")


def blocks_of(message):
    """The content of a message as a list of blocks."""
    content = message.get("content")
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def may_call(request):
    """Whether the model may call tools now."""
    return request.get("tool_choice") not in ("none", {"type": "none"})


def id_of(call, prefix):
    """The id of a call, as it is sent."""
    given = call.get("id", prefix + secrets.token_hex(12))
    return {} if given is None else {"id": given}


def wait_header(reply):
    """How long the client is to wait after a failure."""
    return {"Retry-After": str(reply["retry_after"])} if "retry_after" in reply else {}


def tool_fault(tools, choice, pattern, schema):
    """Why tools are refused, or None; schema: what their parameters are called."""
    if tools is None:
        return "tool_choice: may only be specified while providing tools" if choice is not None else None
    if not isinstance(tools, list) or not tools:
        return "tools: Input should be a list that is not empty"
    for number, tool in enumerate(tools):
        if not isinstance(tool, dict) or not re.fullmatch(pattern, str(tool.get("name"))):
            return f"tools.{number}.name: String should match pattern '{pattern}'"
        if not isinstance(tool.get(schema), dict) or tool[schema].get("type") != "object":
            return f"tools.{number}.{schema}.type: Input should be 'object'"
    if len({tool["name"] for tool in tools}) < len(tools):
        return "tools: Tool names must be unique."
    return None


def chat_fault(request):
    """Why the tools of a chat completion, or calls of them, are refused, or None."""
    tools = request.get("tools")
    if isinstance(tools, list):
        tools = [tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
                 for tool in tools]
    fault = tool_fault(tools, request.get("tool_choice"), "[a-zA-Z0-9_-]{1,64}", "parameters")
    if fault:
        return fault
    awaited = []  # of the calls of the latest message of the assistant
    for number, message in enumerate([*request["messages"], {"role": "end"}]):
        if message["role"] == "tool":
            if message.get("tool_call_id") not in awaited:
                return "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
            awaited.remove(message["tool_call_id"])
        elif awaited:
            return ("An assistant message with 'tool_calls' must be followed by tool messages responding to each"
                    f" 'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(awaited)}")
        calls = message.get("tool_calls")
        if message["role"] != "end" and not isinstance(message.get("content"), (str, list)) and not calls:
            return f"Invalid value for 'messages[{number}].content': expected a string, got null."
        if calls is None:
            continue
        if message["role"] != "assistant" or not isinstance(calls, list) or not calls:
            return f"Invalid 'messages[{number}].tool_calls'"
        for call in calls:
            if call.get("type") != "function" or not isinstance(call.get("id"), str) or not 0 < len(call["id"]) <= 40 \
                    or not re.fullmatch("[a-zA-Z0-9_-]{1,64}", str(call["function"].get("name"))) \
                    or not isinstance(call["function"].get("arguments"), str):
                return f"Invalid 'messages[{number}].tool_calls': {call}"
            awaited.append(call["id"])
    return None


def use_fault(request):
    """Why the tools of a request for a message, or uses of them, are refused, or None."""
    tools = request.get("tools") or None
    fault = tool_fault(tools, request.get("tool_choice"), "[a-zA-Z0-9_-]{1,128}", "input_schema")
    if fault:
        return fault
    if request["messages"][0]["role"] != "user":
        return 'messages: first message must use the "user" role'
    turns = []  # messages of the same role in a row are one
    for message in request["messages"]:
        if turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(blocks_of(message))
        else:
            turns.append((message["role"], [*blocks_of(message)]))
    used = set()
    awaited = []
    for number, (role, blocks) in enumerate([*turns, ("end", [])]):
        uses = [block for block in blocks if block.get("type") == "tool_use"]
        results = [block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"]
        for result in results:
            if result not in awaited:
                return (f"messages.{number}: unexpected `tool_use_id` found in `tool_result` blocks: {result}. Each"
                        " `tool_result` block must have a corresponding `tool_use` block in the previous message.")
            awaited.remove(result)
        if awaited or [block.get("type") for block in blocks[:len(results)]] != ["tool_result"] * len(results):
            return (f"messages.{number}: `tool_use` ids were found without `tool_result` blocks immediately after:"
                    f" {', '.join(awaited)}. Each `tool_use` block must have a corresponding `tool_result` block in"
                    " the next message.")
        if (uses or results) and tools is None:
            return "Requests which include `tool_use` or `tool_result` blocks must define tools"
        for use in uses:
            if role != "assistant" or not re.fullmatch("[a-zA-Z0-9_-]+", str(use.get("id"))) \
                    or not re.fullmatch("[a-zA-Z0-9_-]{1,200}", str(use.get("name"))) \
                    or not isinstance(use.get("input"), dict):
                return f"messages.{number}.content: malformed tool_use: {use}"
            if use["id"] in used:
                return f"messages.{number}.content: `tool_use` ids must be unique"
            used.add(use["id"])
            awaited.append(use["id"])
    return None


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
        if not message.get("content") or any(not text_of([block]).strip() for block in blocks_of(message)
                                             if block.get("type") == "text"):
            return f"messages.{number}: text content blocks must contain non-whitespace text"
        if message.keys() - {"role", "content"}:
            return f"messages.{number}: Extra inputs are not permitted"
    return use_fault(request)


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
                prompt = [text_of(message.get("content")) for message in request["messages"]]
                asked = "\n".join(text_of(message["content"]) for message in request["messages"]
                                  if message["role"] == "user")
                fault = chat_fault(request)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                fault = f"malformed request: {error!r}"
            if fault:
                self.send_error_json(400, "invalid_request_error", fault)
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
        """The reply to a request, or None if nobody has one; one with a status is a failure."""
        key = self.headers.get("Idempotency-Key")
        entry = self.server.find(request, asked)
        match = entry and entry.get("match")
        with self.server.lock:
            self.server.requests.append({
                "at": time.time(), "match": getattr(match, "__name__", match), "path": self.path,
                "idempotency_key": key, "body": request})
            if entry is None:
                return None
            if entry["failures_left"] > 0:
                entry["failures_left"] -= 1
                return {**entry, "status": entry.get("fail_status", 503)}
            if "replies" not in entry:
                answer = entry["answer"]
                return {**entry, "text": answer if isinstance(answer, str) else json.dumps(answer, indent=2)}
            if not callable(entry["replies"]):
                keys = self.server.keys.setdefault(task_of(request), [])
                key = key or secrets.token_hex(12)
                if key not in keys:
                    keys.append(key)
                reply = entry["replies"][min(keys.index(key), len(entry["replies"]) - 1)]
        if callable(entry["replies"]):  # which may take its time
            reply = entry["replies"](request)
        return {"text": reply} if isinstance(reply, str) else {"text": "", **reply}

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
        reply = self.find(request, asked)
        if reply is None:
            return self.refuse_message(404, f"model: {request['model']}")
        if "status" in reply:
            return self.refuse_message(reply["status"], "the script says to fail", wait_header(reply))
        calls = reply.get("calls", [])
        content = [{"type": "text", "text": reply["text"]}] if reply["text"] or not calls else []
        for call in calls:
            content.append({"type": "tool_use", **id_of(call, "toolu_"), "name": call["name"],
                            "input": call["arguments"]})
        return self.send_answer({
            "id": f"msg_{secrets.token_hex(12)}", "type": "message", "role": "assistant",
            "model": request["model"],
            "content": reply.get("content", content),
            "stop_reason": reply.get("stop", "tool_use" if calls else "end_turn"), "stop_sequence": None,
            "usage": reply.get("usage", {
                "input_tokens": count_tokens(text_of(request.get("system"))) + count_tokens(asked),
                "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                "output_tokens": count_tokens(reply["text"])})})

    def refuse_message(self, status, message, headers=()):
        self.send_json(status, {"type": "error", "request_id": f"req_{secrets.token_hex(12)}", "error": {
            "type": ERROR_TYPES.get(status, "api_error"), "message": message}}, headers)

    def answer(self, request, model, prompt, asked):
        reply = self.find(request, asked)
        if reply is None:
            return self.send_error_json(404, "not_found_error", "the script has no answer to this")
        if "status" in reply:
            return self.send_error_json(reply["status"], "server_error", "the script says to fail", wait_header(reply))
        calls = [{**id_of(call, "call_"), "type": "function", "function": {
            "name": call["name"], "arguments": call["arguments"] if isinstance(call["arguments"], str)
            else json.dumps(call["arguments"])}} for call in reply.get("calls", [])]
        content = reply["text"] or None if calls else reply["text"]
        prompt_tokens = sum(count_tokens(text) + 4 for text in prompt) + 3
        completion_tokens = count_tokens(reply["text"])
        return self.send_answer({
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model,
            "choices": [{"index": 0, "finish_reason": reply.get("stop", "tool_calls" if calls else "stop"),
                         "message": {"role": "assistant", "content": reply.get("content", content),
                                     **({"tool_calls": calls} if calls else {})}}],
            "usage": reply.get("usage", {
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


class InferenceServer(HttpServer):
    def __init__(self, script, key=None, port=None):
        super().__init__(Handler, port)
        self.key = key
        self.requests = []
        self.keys = {}  # of the requests of a conversation, in their order
        self.base_url = f"http://127.0.0.1:{self.server_port}/v1"
        self.entries = []
        if "default" in script:
            self.add({"match": "", "answer": script["default"]})
        for entry in reversed(script.get("answers", [])):
            self.add(entry)

    def add(self, entry):
        """Put an entry before the others."""
        self.entries.insert(0, {**entry, "failures_left": entry.get("fail_first", 0)})

    def find(self, request, asked):
        return next((entry for entry in self.entries if (
            entry["match"](request) if callable(entry["match"]) else entry["match"] in asked)), None)

    def conversation(self, text):
        """What was asked in the conversations whose first user message has a text, each request once."""
        with self.lock:
            return list({sent["idempotency_key"] or id(sent): sent["body"] for sent in self.requests
                         if text in task_of(sent["body"])}.values())


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
