"""A workspace of Slack: its Web API, which holds callers to the documented limits,
and people who press buttons and send forms.

    with SlackServer(token="xoxb-1", signing_secret="s") as slack:
        ... slack.url is the API ...
        message = slack.messages[("C1", "1.000001")]

The limits are those of https://docs.slack.dev (chat.postMessage, chat.update,
views.open, Block Kit).  Errors come as Slack's do: HTTP 200 with ok false.
"""
import hashlib
import hmac
import json
import re
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler

from listener import HttpServer

OPTIONS = {"static_select": 100, "multi_static_select": 100, "radio_buttons": 10, "checkboxes": 10}  # at most
TEXT_LIMITS = {"section": 3000, "header": 150, "context": 3000}
INPUTS = {"plain_text_input", "number_input", "datepicker", "timepicker", "datetimepicker", "email_text_input",
          "url_text_input", *OPTIONS}


class Refused(Exception):
    """What Slack answers with ok false."""


def check(condition, error):
    if not condition:
        raise Refused(error)


def length(text):
    """Characters as Slack counts them."""
    return len(text.encode("utf-16-le")) // 2


def check_text(text, limit, kinds=("plain_text", "mrkdwn")):
    check(isinstance(text, dict) and text.get("type") in kinds, "invalid_blocks")
    content = text.get("text")
    check(isinstance(content, str) and 0 < length(content) <= limit, "invalid_blocks")
    bare = content.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    if text["type"] == "mrkdwn":  # dates that are shown as each reader has them
        bare = re.sub(r"<!date\^[0-9]+\^[^|<>]*\|[^<>]*>", "", bare)
    check(not set(bare) & set("&<>"), "unescaped_text")


def check_element(element):
    check(length(element.get("action_id", "")) in range(1, 256), "invalid_blocks")
    if element["type"] == "button":
        check_text(element["text"], 75, ("plain_text",))
        check(length(element.get("value", "")) <= 2000, "invalid_blocks")
        check(element.get("style", "primary") in ("primary", "danger"), "invalid_blocks")
        check(length(element.get("url", "")) <= 3000, "invalid_blocks")
    else:
        check(element["type"] in INPUTS, "invalid_blocks")
        if element["type"] in OPTIONS:
            check_options(element["options"], OPTIONS[element["type"]])
            # What is chosen must be one of the options, to the letter.
            chosen = [element["initial_option"]] if "initial_option" in element else element.get("initial_options", [])
            check(all(option in element["options"] for option in chosen), "invalid_blocks")
        if "placeholder" in element:
            check_text(element["placeholder"], 150, ("plain_text",))
        check(0 < length(element.get("initial_value", "x")) <= 3000, "invalid_blocks")


def check_options(options, most):
    check(0 < len(options) <= most, "invalid_blocks")
    for option in options:
        check_text(option["text"], 75, ("plain_text", "mrkdwn"))
        check(0 < length(option["value"]) <= 150, "invalid_blocks")
    check(len({option["value"] for option in options}) == len(options), "invalid_blocks")


def check_blocks(blocks, most):
    check(isinstance(blocks, list) and len(blocks) <= most, "invalid_blocks")
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    check(len(ids) == len(set(ids)) and all(0 < length(name) <= 255 for name in ids), "invalid_blocks")
    for block in blocks:
        kind = block.get("type")
        if kind in ("section", "header"):
            check("text" in block or block.get("fields"), "invalid_blocks")
            if "text" in block:
                check_text(block["text"], TEXT_LIMITS[kind], ("plain_text",) if kind == "header" else ("plain_text", "mrkdwn"))
            check(len(block.get("fields", ())) <= 10, "invalid_blocks")
            for field in block.get("fields", ()):
                check_text(field, 2000)
        elif kind == "context":
            check(0 < len(block["elements"]) <= 10, "invalid_blocks")
            for element in block["elements"]:
                check_text(element, TEXT_LIMITS[kind])
        elif kind == "actions":
            check(0 < len(block["elements"]) <= 25, "invalid_blocks")
            names = [element["action_id"] for element in block["elements"]]
            check(len(names) == len(set(names)), "invalid_blocks")
            for element in block["elements"]:
                check_element(element)
        elif kind == "input":
            check_text(block["label"], 2000, ("plain_text",))
            if "hint" in block:
                check_text(block["hint"], 2000, ("plain_text",))
            check(block["element"]["type"] in INPUTS, "invalid_blocks")
            check_element(block["element"])
        else:
            check(kind == "divider", "invalid_blocks")


class SlackServer(HttpServer):
    def __init__(self, token, signing_secret):
        super().__init__(type("Handler", (Handler,), {"slack": self}))
        self.token = token
        self.secret = signing_secret
        self.messages = {}   # (channel, ts): what it shows now
        self.thread = {}     # (channel, ts): the messages that follow it, as they came
        self.replies = {}    # (channel, ts): what they show now
        self.calls = []      # (method, body)
        self.views = []      # (trigger, view)
        self.whispers = []   # (path, body): what was sent to a response_url
        self.refusals = []   # errors to answer with, in turn; ("ratelimited", seconds) too
        self.count = 0
        self.triggers = set()
        self.root = f"http://127.0.0.1:{self.server_port}"
        self.url = self.root + "/api"

    # ---- the Web API -------------------------------------------------------

    def call(self, method, body):
        self.calls.append((method, body))
        if method == "chat.postMessage":
            return self.post(body)
        if method == "chat.update":
            place = (body["channel"], body["ts"])
            shown = self.messages if place in self.messages else self.replies
            check(place in shown, "message_not_found")
            self.check_message(body)
            shown[place] = body
            return {"ok": True, "channel": body["channel"], "ts": body["ts"], "message": body}
        if method == "views.open":
            return self.open_view(body)
        raise Refused("unknown_method")

    def check_message(self, body):
        check(body.get("text") or body.get("blocks"), "no_text")
        check(length(body.get("text", "")) <= 40000, "msg_too_long")
        check_blocks(body.get("blocks", []), 50)

    def post(self, body):
        check(body.get("channel"), "channel_not_found")
        self.check_message(body)
        self.count += 1
        ts = f"{1700000000 + self.count}.{self.count:06}"
        # A message to a person is in a channel of its own.
        channel = "D" + body["channel"][1:] if body["channel"].startswith("U") else body["channel"]
        if "thread_ts" in body:
            check((channel, body["thread_ts"]) in self.messages, "thread_not_found")
            self.thread.setdefault((channel, body["thread_ts"]), []).append(body)
            self.replies[channel, ts] = body
        else:
            self.messages[channel, ts] = body
        return {"ok": True, "channel": channel, "ts": ts, "message": body}

    def open_view(self, body):
        view = body.get("view", {})
        check(body.get("trigger_id") in self.triggers, "invalid_trigger_id")
        self.triggers.discard(body["trigger_id"])
        check(view.get("type") == "modal", "invalid_arguments")
        check_text(view["title"], 24, ("plain_text",))
        check_blocks(view["blocks"], 100)
        if any(block["type"] == "input" for block in view["blocks"]):
            check_text(view["submit"], 24, ("plain_text",))
        check(length(view.get("private_metadata", "")) <= 3000, "invalid_arguments")
        self.views.append((body["trigger_id"], view))
        return {"ok": True, "view": {"id": f"V{len(self.views)}"}}

    # ---- people --------------------------------------------------------------

    def signed(self, fields, now=None):
        """A form as Slack sends it: headers and body."""
        body = urllib.parse.urlencode(fields)
        stamp = str(int(time.time() if now is None else now))
        code = hmac.new(self.secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        return {"content-type": "application/x-www-form-urlencoded", "x-slack-request-timestamp": stamp,
                "x-slack-signature": f"v0={code}"}, body

    def person(self, team, user):
        return {"team": {"id": team, "domain": "example"}, "user": {"id": user, "username": "x", "team_id": team}}

    def press(self, place, action, team, user):
        """The payload of a button that somebody presses."""
        button = next(element for block in self.messages[place]["blocks"] if block["type"] == "actions"
                      for element in block["elements"] if element["action_id"] == action)
        self.count += 1
        trigger = f"trigger.{self.count}"
        self.triggers.add(trigger)
        return {"payload": json.dumps({
            "type": "block_actions", **self.person(team, user), "trigger_id": trigger,
            "channel": {"id": place[0], "name": "x"}, "message": {"ts": place[1]},
            "response_url": f"{self.root}/respond/{self.count}", "state": {"values": {}},
            "actions": [{"action_id": action, "block_id": "hitl_actions", "type": "button",
                         "value": button.get("value"), "action_ts": f"{time.time():.6f}"}]})}

    def submit(self, view, team, user, values):
        """The payload of a form that somebody sends; values: {block: state of its element}."""
        state = {block["block_id"]: {block["element"]["action_id"]: values.get(block["block_id"], {"value": None})}
                 for block in view["blocks"] if block["type"] == "input"}
        self.count += 1
        return {"payload": json.dumps({
            "type": "view_submission", **self.person(team, user),
            "view": {"id": f"V{self.count}", "callback_id": view["callback_id"], "hash": "x",
                     "private_metadata": view["private_metadata"], "state": {"values": state}}})}


class Handler(BaseHTTPRequestHandler):
    slack = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *unused):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        slack = self.slack
        with slack.lock:
            if self.path.startswith("/respond/"):
                slack.whispers.append((self.path, json.loads(body)))
                self.answer(200, b"ok", "text/plain")
                return
            if self.path == "/gone":
                self.answer(410, b"gone", "text/plain")
                return
            if slack.refusals:
                error = slack.refusals.pop(0)
                if isinstance(error, tuple):
                    self.answer(429, json.dumps({"ok": False, "error": error[0]}).encode(), retry_after=error[1])
                else:
                    self.answer(200, json.dumps({"ok": False, "error": error}).encode())
                return
            try:
                check(self.headers["Authorization"] == f"Bearer {slack.token}", "invalid_auth")
                check(self.headers["Content-Type"] == "application/json; charset=utf-8", "invalid_content_type")
                reply = slack.call(self.path.removeprefix("/api/"), json.loads(body))
            except Refused as refused:
                reply = {"ok": False, "error": str(refused)}
            self.answer(200, json.dumps(reply).encode())

    def answer(self, status, body, kind="application/json", retry_after=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(body)
