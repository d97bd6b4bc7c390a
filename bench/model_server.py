#!/usr/bin/python3
"""A model for bench/agents that answers after a given time, however many ask at once.

    model_server.py DELAY

serves OpenAI's chat completions, each after so many seconds, and prints its base
URL.  Whoever asks has a task that says how many turns it takes, as in "Task 17: 4
turns."; in each but the last one the model wants the tool "look" called with the
number of the turn, and its answer in the last is the sum of what "look" gave as
"value".  A plain task, "Say hello", is answered at once in the first turn.

GET /asked tells what was asked since it was last asked that: the number of
requests and bytes, how many of the requests had been asked before (by their
Idempotency-Key), and how many were under way at once at most.

All in one thread, and a request is looked through without being parsed: a
thousand at once must not wait for this server.
"""
import asyncio
import json
import re
import sys

TASK = re.compile(rb"Task \d+: (\d+) turns")
VALUE = re.compile(rb'\\"value\\": ?(\d+)')
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
KEY = re.compile(rb"idempotency-key: *([^\r]+)", re.IGNORECASE)
SAID = "I look at the next one, since what I have seen so far does not suffice for an answer."


class Asked:
    """What was asked so far."""

    def __init__(self):
        self.under_way = 0
        self.keys = set()
        self.tell()

    def begin(self, key, size):
        self.requests += 1
        self.bytes += size
        self.again += key in self.keys
        self.keys.add(key)
        self.under_way += 1
        self.most = max(self.most, self.under_way)

    def tell(self):
        told = {name: getattr(self, name, 0) for name in ("requests", "bytes", "again", "most")}
        self.requests = self.bytes = self.again = 0
        self.most = self.under_way
        self.keys.clear()
        return told


def answer(body):
    """What the model says to a request."""
    task = TASK.search(body)
    turn = body.count(b'"role":"assistant"') + 1
    message = {"role": "assistant", "content": "Hello."}
    if task and turn < int(task[1]):
        message = {"role": "assistant", "content": SAID, "tool_calls": [
            {"id": f"call_{turn}", "type": "function",
             "function": {"name": "look", "arguments": json.dumps({"n": turn})}}]}
    elif task:
        message["content"] = str(sum(int(value) for value in VALUE.findall(body)))
    return json.dumps({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "scripted",
        "choices": [{"index": 0, "message": message,
                     "finish_reason": "tool_calls" if "tool_calls" in message else "stop"}],
        "usage": {"prompt_tokens": len(body) // 4, "completion_tokens": 30,
                  "total_tokens": len(body) // 4 + 30}}).encode()


class Connection(asyncio.Protocol):
    """One client, which sends one request after the other."""

    def __init__(self, delay, asked):
        self.delay, self.asked = delay, asked
        self.received = bytearray()
        self.length = None  # of the request that is coming
        self.head = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        if self.length is None:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            self.head = bytes(self.received[:end])
            length = LENGTH.search(self.head)
            self.length = end + 4 + (int(length[1]) if length else 0)
        if len(self.received) < self.length:
            return
        body = bytes(self.received[len(self.head) + 4:self.length])
        del self.received[:self.length]
        self.length = None
        if self.head.startswith(b"GET /asked "):
            self.send(json.dumps(self.asked.tell()).encode())
            return
        key = KEY.search(self.head)
        self.asked.begin(key and key[1], len(body))
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.reply, body)
        else:
            self.reply(body)

    def reply(self, body):
        self.asked.under_way -= 1
        self.send(answer(body))

    def send(self, body):
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
            len(body), body))


async def serve(delay):
    asked = Asked()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(delay, asked), "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(serve(float(sys.argv[1])))
