"""docs/workflow.schema.json and hitl.validate_definition say the same.

Each case is a definition, or a step of one, that is right, wrong, or wrong in a
way that no schema can know (paths, names, templates); the schema must take
these last ones, so that it is known what it does not see.
"""
import json
from functools import reduce

import jsonschema
import pytest
from harness import ROOT

SCHEMA = json.loads((ROOT / "docs/workflow.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

RIGHT, WRONG, BEYOND = "right", "wrong", "beyond the schema"
DOT = {"name": "dot", "type": "checkpoint"}


def task(**more):
    return {"type": "task", "task": "t", **more}


def ask(**more):
    return {"type": "approval", "title": "t", **more}


def config(**more):
    return task(requires_approval=True, approval_config=more)


def decide(policy, **more):
    return ask(policy=policy, **more)


def part(**more):
    """A policy, and one in which it is a part."""
    return [decide(more), decide({"all_of": ["a", {"any_of": ["b", more]}]})]


def root(**more):
    return decide({"from": "a", **more})


def silence(value):
    return root(timeout="1 day", on_silence=value)


def form(*fields, **more):
    return ask(approval_type="form", form_fields=list(fields), **more)


def field(kind, **more):
    return form({"name": "f", "type": kind, **more})


def sql(**more):
    return {"type": "sql", "sql": "select 1", **more}


def http(**more):
    return {"type": "http", "url": "https://example.org/a", **more}


def wait(**more):
    return {"type": "wait", **more}


def signal(**more):
    return {"type": "signal", "signal": "paid", **more}


def child(**more):
    return {"type": "workflow", **more}


def parallel(**more):
    return {"type": "parallel", "branches": [[DOT], [{**DOT, "name": "other"}]], **more}


def foreach(**more):
    return {"type": "foreach", "items": "$.variables.l", "as": "e", "steps": [task(name="in")], **more}


def switch(**more):
    return {"type": "switch", "cases": [{"when": "$.a == 1", "steps": [DOT]}], **more}


INNER = {"steps": [{"name": "s", "type": "checkpoint"}]}
DATE = "2030-12-31"

# Steps, which get a name.
STEPS = [
    # what all have in common
    (RIGHT, task(description="d", when="$.a == 1", timeout=5, on_error="continue",
                 on_reject="reject", on_timeout="reject", output="$.variables.x")),
    (RIGHT, task(name="_A-9")),
    (WRONG, task(name="9a")),
    (WRONG, task(name="a b")),
    (WRONG, task(name="")),
    (WRONG, task(name="é")),
    (WRONG, task(name=7)),
    (WRONG, {"type": "dance"}),
    (WRONG, {"type": None}),
    (WRONG, {"task": "t"}),
    (WRONG, task(colour=1)),
    (WRONG, task(requires_aproval=True)),
    (WRONG, task(description="")),
    (WRONG, task(description=1)),
    (WRONG, task(when="")),
    (WRONG, task(when=True)),
    (BEYOND, task(when="a ==")),
    (RIGHT, task(on_error="fail", on_timeout="rollback:x", on_reject="goto:step")),
    (WRONG, task(on_error="reject")),
    (WRONG, task(on_error="goto:")),
    (WRONG, task(on_error="goto")),
    (WRONG, task(on_error="rollback:")),
    (WRONG, task(on_reject="stop")),
    (WRONG, task(on_timeout=1)),
    (BEYOND, task(on_error="goto:nowhere")),
    (RIGHT, task(output="$.variables.a_1")),
    (WRONG, task(output="$.variables")),
    (WRONG, task(output="$.steps.a")),
    (WRONG, task(output="$.variables.a.b")),
    (WRONG, task(output="$.variables.1a")),
    (WRONG, task(output='$.variables."a-b"')),
    (WRONG, task(output=1)),
    (RIGHT, sql(undo=[sql(name="back")])),
    (RIGHT, task(undo=[wait(name="back", **{"for": 1})])),
    (BEYOND, task(undo=[DOT])),
    (BEYOND, task(undo=[sql(name="back", on_error="rollback:x")])),
    (BEYOND, task(undo=[sql(name="back", undo=[sql(name="forth")])])),
    (WRONG, task(undo=[])),
    (WRONG, task(undo={})),
    (WRONG, task(undo=[{"type": "checkpoint"}])),
    (BEYOND, task(undo=[{"name": "step", "type": "checkpoint"}])),
    # durations
    *[(RIGHT, task(timeout=value)) for value in
      (1, 0.5, "5s", "1 sec", "2 secs", "3 m", "4 mins", "1 hour", "1.5 days", "250 ms",
       "2 milliseconds", "7 d", "10  minutes", "0.5 s")],
    *[(WRONG, task(timeout=value)) for value in
      (0, -1, "", "5", "soon", "5 fortnights", "0 s", "0.0 h", "5 ss", ".5 s", "5. s", "1.2.3 s",
       "-5 s", "5 s ", " 5 s", True, None, [], 1e300, 315360001)],
    (BEYOND, task(timeout="0.00001 s")),
    (BEYOND, task(timeout="99999 days")),
    # retry
    (RIGHT, task(retry={})),
    (RIGHT, sql(retry={"max_attempts": 3, "policy": "fibonacci", "base_delay": "1 s",
                       "max_delay": 60, "backoff_factor": 1.5, "jitter": 0,
                       "on": ["timeout", "rate_limit"]})),
    (WRONG, task(retry=[])),
    (WRONG, task(retry={"attempts": 3})),
    (WRONG, task(retry={"max_attempts": 0})),
    (WRONG, task(retry={"max_attempts": 1001})),
    (WRONG, task(retry={"max_attempts": 1.5})),
    (WRONG, task(retry={"policy": "wild"})),
    (WRONG, task(retry={"base_delay": 0})),
    (WRONG, task(retry={"max_delay": "x"})),
    (WRONG, task(retry={"backoff_factor": 0.5})),
    (WRONG, task(retry={"backoff_factor": 101})),
    (WRONG, task(retry={"jitter": 1.1})),
    (WRONG, task(retry={"on": []})),
    (WRONG, task(retry={"on": "timeout"})),
    (WRONG, task(retry={"on": ["timeouts"]})),
    (BEYOND, task(retry={"base_delay": 10, "max_delay": 5})),
    # task
    (RIGHT, task(instructions="i", context={"a": ["{{ $.variables.n }}"]}, model="m",
                 create_checkpoint=True)),
    (RIGHT, task(create_checkpoint="before")),
    (RIGHT, task(create_checkpoint=False, requires_approval=False)),
    (RIGHT, task(executor="external")),
    (RIGHT, task(executor="external", queue="gpu")),
    (RIGHT, task(executor="model", model="m")),
    (WRONG, {"type": "task"}),
    (WRONG, task(task="")),
    (WRONG, task(task=["t"])),
    (WRONG, task(context=[])),
    (WRONG, task(instructions=5)),
    (WRONG, task(model="")),
    (WRONG, task(create_checkpoint="")),
    (WRONG, task(create_checkpoint=1)),
    (WRONG, task(requires_approval="yes")),
    (WRONG, task(executor="robot")),
    (WRONG, task(executor="external", model="m")),
    (WRONG, task(queue="gpu")),
    (WRONG, task(executor="model", queue="gpu")),
    (WRONG, task(executor="external", queue="")),
    (BEYOND, task(task="{{ open")),
    (BEYOND, task(task="{{ }}")),
    (BEYOND, task(context={"a": [{"b": "{{ no path }}"}]})),
    # approval_config
    (RIGHT, config()),
    (RIGHT, config(title="t", description="d", type="form", requested_from="a", when="after",
                   required_approvers=["a", "b"], approval_threshold=2, timeout_hours=0.5,
                   context_data={"x": 1}, channels=["c"])),
    (RIGHT, config(approval_type="budget", requested_from=["a", "b"])),
    (WRONG, config(type="binary", approval_type="binary")),
    (RIGHT, config(type="expenses")),
    (RIGHT, config(type="form", form_fields=[{"name": "a", "type": "number"}])),
    (RIGHT, config(approval_type="form", form_fields=[{"name": "a", "type": "number"}])),
    (WRONG, config(type="expenses", form_fields=[{"name": "a", "type": "number"}])),
    (WRONG, config(form_fields=[{"name": "a", "type": "number"}])),
    (WRONG, ask(form_fields=[{"name": "a", "type": "number"}])),
    (WRONG, ask(approval_type="budget", form_fields=[{"name": "a", "type": "number"}])),
    (WRONG, ask(policy="{{ $.variables.boss }}")),
    (RIGHT, config(policy="finance", timeout_hours=1)),
    (WRONG, config(policy={"from": "finance", "timeout": 5}, timeout_hours=1)),
    (WRONG, config(policy="finance", requested_from="a")),
    (WRONG, config(policy=[])),
    (WRONG, config(form_fields=[])),
    (WRONG, config(type="")),
    (WRONG, config(type=5)),
    (WRONG, config(when="during")),
    (WRONG, config(title="")),
    (WRONG, config(timeout=5)),
    (WRONG, config(colour=5)),
    (WRONG, config(context_data={"task": 1})),
    (WRONG, config(context_data={"context": 1})),
    (WRONG, config(context_data={"result": 1})),
    (WRONG, task(approval_config=[])),
    # approval
    (RIGHT, ask(description="d", approval_type="form", requested_from=["a"], timeout="1 day",
                context_data={"task": "{{ $.a }}"}, channels=["c"])),
    (RIGHT, ask(timeout_hours=1)),
    (RIGHT, ask(requested_from="a", approval_threshold=9)),
    (WRONG, {"type": "approval"}),
    (WRONG, ask(title="")),
    (WRONG, ask(timeout=1, timeout_hours=1)),
    (WRONG, ask(timeout_hours=0)),
    (WRONG, ask(timeout_hours=100000)),
    (WRONG, ask(timeout_hours="1")),
    (RIGHT, ask(approval_type="expenses")),
    (RIGHT, ask(approval_type="budget", context_data={"amount": "{{ $.variables.amount }}"})),
    (WRONG, ask(approval_type="")),
    (WRONG, ask(approval_type=["form"])),
    (WRONG, ask(requested_from=[])),
    (WRONG, ask(requested_from="")),
    (WRONG, ask(requested_from=["a", ""])),
    (WRONG, ask(requested_from=["a", 1])),
    (WRONG, ask(requested_from="{{ $.a }}")),
    (WRONG, ask(requested_from={"a": 1})),
    (WRONG, ask(required_approvers="a")),
    (WRONG, ask(required_approvers=["{{ $.a }}"])),
    (WRONG, ask(approval_threshold=0)),
    (WRONG, ask(approval_threshold=1.5)),
    (WRONG, ask(context_data=[])),
    (RIGHT, ask(channels=[])),
    (WRONG, ask(channels="c")),
    (WRONG, ask(when="before", colour=1)),
    (BEYOND, ask(requested_from=["a", "b"], approval_threshold=3)),
    # policies: the parts
    *[(RIGHT, decide(value)) for value in
      ("finance", "*", {"from": "*", "count": 2}, {"from": ["finance", "legal"]})],
    *[(WRONG, decide(value)) for value in
      ("", None, 1, True, ["finance"], {}, {"name": "finance"})],
    *[(RIGHT, step) for more in
      ({"from": "a"}, {"from": ["a", "b", "a"]}, {"from": ["a", "b"], "count": 5}, {"from": "g", "percent": 60},
       {"from": "g", "percent": 0.5}, {"from": "g", "count": 1000000, "reject_after": 1000000},
       {"from": "a", "name": "label", "veto": True, "after": "1 hour"},
       {"from": "a", "deadline": 60, "on_deadline": "approve"}, {"from": "a", "deadline": 1, "on_deadline": "fail"},
       {"all_of": ["a"]}, {"any_of": ["a", {"from": "b", "advisory": True}]},
       {"all_of": ["a", {"from": "b", "advisory": False}], "veto": False},
       {"n_of": ["a", "b", "c"], "n": 2}, {"n_of": ["a", "b", "c"], "percent": 100},
       {"sequence": ["a", {"all_of": ["b", {"from": "c", "count": 2}], "deadline": "2 days"}]})
      for step in part(**more)],
    *[(WRONG, step) for more in
      ({"from": ""}, {"from": []}, {"from": [""]}, {"from": ["a", 1]}, {"from": {"a": 1}}, {"from": None}, {"from": 1},
       {"from": "a", "count": 0}, {"from": "a", "count": 1.5}, {"from": "a", "count": "2"},
       {"from": "a", "count": 1000001}, {"from": "a", "count": None},
       {"from": "a", "percent": 0}, {"from": "a", "percent": 100.5}, {"from": "a", "percent": "50"},
       {"from": "a", "count": 1, "percent": 50}, {"from": "*", "percent": 50}, {"from": ["a", "*"], "percent": 50},
       {"from": "a", "reject_after": 0}, {"from": "a", "reject_after": 1000001}, {"from": "a", "n": 1},
       {"from": "a", "name": ""}, {"from": "a", "name": 1}, {"from": "a", "veto": "yes"}, {"from": "a", "veto": None},
       {"from": "a", "advisory": 1}, {"from": "a", "after": 0}, {"from": "a", "after": "soon"},
       {"from": "a", "deadline": -1}, {"from": "a", "on_deadline": "approve"},
       {"from": "a", "deadline": 1, "on_deadline": "reject"}, {"from": "a", "colour": 1},
       {"from": "a", "all_of": ["b"]}, {"all_of": ["a"], "any_of": ["b"]}, {"all_of": []}, {"all_of": "a"},
       {"all_of": ["a", ""]}, {"all_of": ["a", 1]}, {"all_of": ["a", []]}, {"any_of": None}, {"sequence": [{}]},
       {"all_of": ["a"], "count": 1}, {"all_of": ["a"], "percent": 50}, {"any_of": ["a"], "n": 1},
       {"sequence": ["a"], "reject_after": 1}, {"n_of": ["a"]}, {"n_of": ["a"], "n": 0},
       {"n_of": ["a", "b"], "n": 1, "percent": 50}, {"n_of": ["a", "b"], "percent": 0},
       {"all_of": [{"from": "a", "advisory": True}]},
       {"sequence": [{"from": "a", "advisory": True}, {"from": "b", "advisory": True}]})
      for step in part(**more)],
    *[(BEYOND, step) for more in
      ({"n_of": ["a", "b"], "n": 3}, {"n_of": ["a", {"from": "b", "advisory": True}], "n": 2},
       {"from": "a", "after": "99999 days"}, {"from": "a", "count": 2.0})
      for step in part(**more)],
    (RIGHT, decide({"all_of": ["a", {"from": "b", "advisory": True, "veto": True}]})),
    (WRONG, decide({"from": "a", "advisory": True})),
    (RIGHT, decide({"from": "a", "advisory": False})),
    (BEYOND, decide({"n_of": [f"a{i}" for i in range(20)], "n": 10})),
    (RIGHT, decide({"n_of": [f"a{i}" for i in range(20)], "n": 10, "distinct": False})),
    (BEYOND, decide({"all_of": [f"a{i}" for i in range(200)]})),
    (BEYOND, decide(reduce(lambda inner, _: {"all_of": [inner]}, range(10), "a"))),
    (RIGHT, decide(reduce(lambda inner, _: {"all_of": [inner]}, range(9), "a"))),
    # policies: what the whole has
    (RIGHT, root(timeout="2 days", distinct=False, exclude=[], remind={"after": "1 hour"})),
    (RIGHT, root(exclude=["requester"], distinct=True,
                 remind={"after": 3600, "every": "4 hours", "max": 1000})),
    (RIGHT, root(exclude=["editors", "requester", "editors"])),
    *[(WRONG, root(exclude=value)) for value in ("requester", ["owner"], [1], None, {})],
    *[(WRONG, root(distinct=value)) for value in ("no", 0, None)],
    *[(WRONG, root(remind=value)) for value in
      ({}, {"every": 5}, {"after": 0}, {"after": 5, "max": 0}, {"after": 5, "max": 1001},
       {"after": 5, "max": 1.5}, {"after": 5, "every": "x"}, {"after": 5, "until": 9}, "1 hour", [], None)],
    *[(WRONG, root(timeout=value)) for value in (0, "", "soon", None, [], -5)],
    *[(RIGHT, silence(value)) for value in
      ("expire", "reject", "approve", {"escalate": "boss"}, {"escalate": {"from": "boss", "count": 1}},
       {"escalate": {"any_of": ["b", "c"], "deadline": 5}, "timeout": 5},
       {"escalate": "b", "timeout": "1 day", "on_silence": "reject"},
       {"escalate": "b", "timeout": 5, "on_silence": {"escalate": "c", "timeout": 5, "on_silence": "approve"}})],
    *[(WRONG, silence(value)) for value in
      ("", "escalate", None, True, 5, [], {}, {"timeout": 5}, {"escalate": []}, {"escalate": {}},
       {"escalate": "b", "on_silence": "reject"}, {"escalate": "b", "timeout": 5, "on_silence": "never"},
       {"escalate": "b", "after": 5}, {"escalate": {"from": "b", "advisory": True}},
       {"escalate": {"from": "b", "timeout": 5}}, {"escalate": {"from": "b", "distinct": False}},
       {"escalate": "b", "timeout": 0})],
    (WRONG, root(on_silence="reject")),
    (BEYOND, silence(reduce(lambda inner, _: {"escalate": "b", "timeout": 5, "on_silence": inner},
                            range(6), "reject"))),
    (RIGHT, silence(reduce(lambda inner, _: {"escalate": "b", "timeout": 5, "on_silence": inner},
                           range(5), "reject"))),
    *[(WRONG, decide({"all_of": ["a", {"from": "b", **more}]})) for more in
      ({"timeout": 5}, {"on_silence": "reject"}, {"remind": {"after": 5}}, {"exclude": []}, {"distinct": True})],
    # policies: beside other members
    (RIGHT, decide("a", timeout="1 day", on_timeout="reject", approval_type="budget", channels=["c"])),
    (RIGHT, decide({"from": "a"}, timeout_hours=2)),
    (WRONG, decide("a", requested_from="b")),
    (WRONG, decide("a", required_approvers=["b"])),
    (WRONG, decide("a", approval_threshold=2)),
    (WRONG, decide({"from": "a", "timeout": 5}, timeout=5)),
    (WRONG, decide({"from": "a", "timeout": 5}, timeout_hours=5)),
    # forms
    (RIGHT, form({"name": "a", "type": "text"}, {"name": "b", "type": "number", "minimum": 0, "maximum": 1e3},
                 {"name": "c", "type": "select", "enum": ["x", 1]}, timeout=5)),
    *[(RIGHT, field(kind)) for kind in
      ("string", "number", "integer", "boolean", "array", "object", "text", "textarea", "date",
       "datetime", "email", "url")],
    *[(RIGHT, field(kind, **more)) for kind, more in
      (("string", {"title": "", "description": "", "required": True, "default": "x", "enum": ["x", "y"],
                   "minLength": 0, "maxLength": 9, "pattern": "^x", "format": "uri-reference", "ui": {}}),
       ("select", {"enum": ["x"]}), ("multiselect", {"enum": ["x", "y"]}),
       ("array", {"items": {"type": "string"}}), ("array", {"items": True}),
       ("integer", {"enum": [1, 2], "default": 2, "minimum": 1}), ("number", {"maximum": -1.5}),
       ("text", {"format": "date-time", "minLength": 2.0}), ("url", {"maxLength": 200, "pattern": "^https"}),
       ("boolean", {"default": False, "required": False}),
       ("textarea", {"ui": {"placeholder": "why", "ui:rows": 5}}))],
    *[(WRONG, field(kind, **more)) for kind, more in
      (("money", {}), ("", {}), (1, {}), ("select", {}), ("multiselect", {}), ("select", {"enum": []}),
       ("select", {"enum": "x"}), ("text", {"enum": ["x"]}), ("date", {"enum": ["x"]}), ("boolean", {"enum": [True]}),
       ("string", {"minimum": 1}), ("number", {"minimum": "1"}), ("number", {"minLength": 1}),
       ("number", {"pattern": "x"}), ("text", {"minLength": -1}), ("text", {"maxLength": 1.5}),
       ("text", {"pattern": 1}), ("email", {"format": "email"}), ("string", {"format": "phone"}),
       ("string", {"items": {}}), ("array", {"items": []}), ("array", {"items": "string"}),
       ("text", {"title": 1}), ("text", {"description": None}), ("text", {"required": "yes"}),
       ("text", {"label": "x"}), ("text", {"ui": []}), ("text", {"ui": {"": 1}}), ("text", {"ui": {"ui:": 1}}))],
    *[(WRONG, ask(approval_type="form", form_fields=value)) for value in
      ([], None, {}, "text", [1], [{}], [{"name": "a"}], [{"type": "text"}], [{"name": "", "type": "text"}],
       [{"name": 1, "type": "text"}], [{"name": "ui:a", "type": "text"}])],
    (BEYOND, form({"name": "a", "type": "text"}, {"name": "a", "type": "text"})),
    (BEYOND, field("number", default="x")),
    (BEYOND, field("select", enum=["x"], default="y")),
    (BEYOND, field("array", items={"type": "texts"})),
    (BEYOND, field("text", ui={"help": "x", "ui:help": "y"})),
    # checkpoint
    (RIGHT, {"type": "checkpoint", "checkpoint_name": "c", "description": "d"}),
    (WRONG, {"type": "checkpoint", "checkpoint_name": ""}),
    (WRONG, {"type": "checkpoint", "task": "t"}),
    # sql
    (RIGHT, sql(params=[1, "{{ $.a }}", None, ["{{ $.b }}"], {"c": "d {{ $.e }}"}], rows=1)),
    (RIGHT, sql(rows=10000)),
    (WRONG, {"type": "sql"}),
    (WRONG, sql(sql="")),
    (WRONG, sql(sql="select {{ $.a }}")),
    (WRONG, sql(params={})),
    (WRONG, sql(params="{{ $.a }}")),
    (WRONG, sql(rows=0)),
    (WRONG, sql(rows=10001)),
    (WRONG, sql(rows="1")),
    (WRONG, sql(parameters=[])),
    (WRONG, sql(description="")),
    (BEYOND, sql(params=["{{ a }}"])),
    # http
    (RIGHT, http(method="PUT", headers={"X-A": "{{ $.a }}", "accept": "x\ty"}, body={"a": 1},
                 expect=[200, 404])),
    (RIGHT, http(url="{{ $.variables.url }}/x")),
    (RIGHT, http(url="HTTP://example.org?a={{ $.variables.a }}&b=c d")),
    (RIGHT, http(body=None, method="GET")),
    (RIGHT, http(body=0)),
    (RIGHT, http(secret="s")),
    (WRONG, {"type": "http"}),
    (WRONG, http(url="")),
    (WRONG, http(url="ftp://x/")),
    (WRONG, http(url="https://")),
    (WRONG, http(url="https:///a")),
    (WRONG, http(url="https://a b/")),
    (WRONG, http(url="https://a/\n")),
    (WRONG, http(url="x{{ $.a }}")),
    (WRONG, http(method="get")),
    (WRONG, http(method="GET", body={})),
    (WRONG, http(method="HEAD", body="x")),
    (WRONG, http(headers=[])),
    (WRONG, http(headers={"A": 1})),
    (WRONG, http(headers={"A B": "1"})),
    (WRONG, http(headers={"": "1"})),
    (WRONG, http(headers={"A": "1\r\nB: 2"})),
    (WRONG, http(headers={"A": "1\n"})),
    *[(WRONG, http(headers={name: "x"})) for name in
      ("Connection", "content-length", "Expect", "HOST", "Keep-Alive", "Proxy-Authorization",
       "Proxy-Connection", "te", "Trailer", "Transfer-Encoding", "Upgrade")],
    (RIGHT, http(headers={"Authorization": "x"})),
    (WRONG, http(secret="s", headers={"authorization": "x"})),
    (WRONG, http(secret="")),
    (WRONG, http(expect=[])),
    (WRONG, http(expect=200)),
    (WRONG, http(expect=[99])),
    (WRONG, http(expect=[600])),
    (WRONG, http(expect=["200"])),
    (WRONG, http(expect=list(range(200, 301)))),
    (BEYOND, http(headers={"A": "1", "a": "2"})),
    (BEYOND, http(body=["{{ a }}"])),
    # wait
    *[(RIGHT, wait(**{"for": value})) for value in (1, "10 minutes", "{{ $.a }}", "{{ $.a }} s")],
    *[(WRONG, wait(**{"for": value})) for value in (0, "soon", "", None, [], "0 s")],
    *[(RIGHT, wait(until=value)) for value in
      (DATE, f"{DATE}T10:00", f"{DATE} 10:00:00", f"{DATE}T10:00:00.123456Z",
       f"{DATE}t10:00:60z", f"{DATE}T10:00+01", f"{DATE}T10:00:00-0130", f"{DATE}T10:00:00+01:30",
       "{{ $.variables.at }}", "{{ $.variables.day }}T10:00Z", "2001-01-01")],
    *[(WRONG, wait(until=value)) for value in
      ("", "soon", "2030", "2030-13-01", "2030-00-10", "2030-01-32", f"{DATE}T", f"{DATE}T24:00",
       f"{DATE}T10", f"{DATE}T10:60", f"{DATE}T10:00:61", f"{DATE}T10:00:00.", f"{DATE}T10:00+24",
       f"{DATE}T10:00+1", f"{DATE}Z", f"{DATE}T10:00 Z", 1893456000, None, f"{DATE}  10:00")],
    (BEYOND, wait(until="2030-02-30")),
    (BEYOND, wait(until="0000-01-01")),
    (BEYOND, wait(until="{{ $.a")),
    (WRONG, wait()),
    (WRONG, wait(**{"for": 1, "until": DATE})),
    (WRONG, wait(**{"for": 1, "timeout": 5})),
    (RIGHT, wait(**{"for": 1, "on_error": "continue", "retry": {}})),
    # signal
    (RIGHT, signal(match="$.order == 7", timeout="2 days", on_timeout="continue")),
    (RIGHT, signal(signal="paid {{ $.a }}", match="$.order == {{ $.variables.id }}")),
    (WRONG, {"type": "signal"}),
    (WRONG, signal(signal="")),
    (WRONG, signal(signal=1)),
    (WRONG, signal(match="")),
    (WRONG, signal(match={})),
    (BEYOND, signal(match="order == ")),
    (BEYOND, signal(match='$.order == "{{ $.variables.id }}"')),
    (BEYOND, signal(match="$.order == {{ id }}")),
    # workflow
    (RIGHT, child(template="refund", version=2, input={"a": "{{ $.a }}"})),
    (RIGHT, child(template="refund_{{ $.variables.country }}")),
    (RIGHT, child(definition=INNER, input={})),
    (RIGHT, child(definition={"steps": [{"name": "step", **child(definition=INNER)}]})),
    (WRONG, child()),
    (WRONG, child(template="")),
    (WRONG, child(template="t", definition=INNER)),
    (WRONG, child(template="t", version=0)),
    (WRONG, child(template="t", version="1")),
    (WRONG, child(definition=INNER, version=1)),
    (WRONG, child(template="t", input=[])),
    (WRONG, child(definition=[])),
    (WRONG, child(definition={"steps": []})),
    (WRONG, child(definition={"steps": [{"name": "a", "type": "task"}]})),
    (BEYOND, child(definition={"steps": [DOT, DOT]})),
    # parallel
    (RIGHT, parallel()),
    (RIGHT, parallel(branches=[[DOT]])),
    (RIGHT, parallel(wait_for="all")),
    (RIGHT, parallel(wait_for="any")),
    (RIGHT, parallel(wait_for=2)),
    (WRONG, parallel(wait_for=0)),
    (WRONG, parallel(wait_for="some")),
    (WRONG, parallel(wait_for=1.5)),
    (WRONG, parallel(branches=[])),
    (WRONG, parallel(branches=[[]])),
    (WRONG, parallel(branches=[DOT])),
    (WRONG, {"type": "parallel"}),
    (WRONG, parallel(steps=[DOT])),
    (BEYOND, parallel(wait_for=3)),
    (BEYOND, parallel(branches=[[DOT], [DOT]])),
    (BEYOND, parallel(branches=[[{**DOT, "on_error": "goto:step"}]])),
    # foreach
    (RIGHT, foreach()),
    (RIGHT, foreach(concurrency=1)),
    (WRONG, foreach(concurrency=0)),
    (WRONG, foreach(concurrency="1")),
    (WRONG, foreach(concurrency=100001)),
    (WRONG, foreach(items="")),
    (WRONG, foreach(items=[1, 2])),
    (WRONG, foreach(steps=[])),
    (WRONG, foreach(**{"as": "1a"})),
    (WRONG, foreach(**{"as": ""})),
    (WRONG, foreach(**{"as": "a-b"})),
    (RIGHT, {"type": "foreach", "items": "$.a", "steps": [task(name="in")]}),
    (WRONG, foreach(branches=[[DOT]])),
    (WRONG, {"type": "foreach", "items": "$.a", "as": "e"}),
    (WRONG, {"type": "foreach", "steps": [task(name="in")], "as": "e"}),
    (BEYOND, foreach(items="variables.l")),
    (BEYOND, foreach(steps=[DOT])),
    (BEYOND, foreach(steps=[task(name="in", create_checkpoint=True)])),
    # switch
    (RIGHT, switch()),
    (RIGHT, switch(default=[{**DOT, "name": "other"}])),
    (WRONG, switch(cases=[])),
    (WRONG, switch(cases={})),
    (WRONG, switch(cases=[{"when": "$.a == 1"}])),
    (WRONG, switch(cases=[{"steps": [DOT]}])),
    (WRONG, switch(cases=[{"when": "", "steps": [DOT]}])),
    (RIGHT, switch(cases=[{"when": "$.a == 1", "steps": [], "description": "nothing"}], default=[])),
    (WRONG, switch(cases=[{"when": "$.a == 1", "steps": [DOT], "then": 1}])),
    (WRONG, switch(default={})),
    (WRONG, {"type": "switch", "default": [DOT]}),
    (BEYOND, switch(cases=[{"when": "a ==", "steps": [DOT]}])),
    (BEYOND, switch(default=[DOT])),
    # deep inside
    (RIGHT, foreach(steps=[{"name": "p", **parallel(branches=[
        [{"name": "s", **switch(cases=[{"when": "$.a", "steps": [sql(name="q")]}])}]])}])),
    (WRONG, foreach(steps=[{"name": "p", **parallel(branches=[
        [{"name": "s", **switch(cases=[{"when": "$.a", "steps": [sql(name="q", rows=0)]}])}]])}])),
]

# Whole definitions.
DEFINITIONS = [
    (RIGHT, {"name": "", "description": "", "version": [1], "metadata": None, "input": {},
             "$schema": "x", "steps": [DOT]}),
    (RIGHT, {"steps": [DOT], "output": {"a": ["{{ $.steps.dot }}"]}, "timeout": "1 hour"}),
    (RIGHT, {"steps": [DOT], "output": None}),
    (WRONG, {"steps": [DOT], "timeout": 0}),
    (BEYOND, {"steps": [DOT], "output": "{{ dot }}"}),
    (WRONG, {}),
    (WRONG, []),
    (WRONG, "steps"),
    (WRONG, {"steps": []}),
    (WRONG, {"steps": {}}),
    (WRONG, {"steps": [1]}),
    (WRONG, {"steps": [DOT], "name": 1}),
    (WRONG, {"steps": [DOT], "description": []}),
    (WRONG, {"steps": [DOT], "step": []}),
    (BEYOND, {"steps": [DOT, DOT]}),
]

CASES = [(sort, {"steps": [{"name": "step", **step}]}) for sort, step in STEPS] + DEFINITIONS


def faults(cluster, definition):
    return [f"{fault['pointer']}: {fault['message']}" for fault in cluster.sql(
        "SELECT * FROM hitl.validate_definition(%s::jsonb)", (json.dumps(definition),))]


@pytest.mark.parametrize("sort,definition", CASES,
                         ids=[f"{number}-{sort}" for number, (sort, _) in enumerate(CASES)])
def test_case(cluster, sort, definition):
    found = faults(cluster, definition)
    errors = [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(definition)]
    shown = json.dumps(definition)
    assert bool(found) == (sort != RIGHT), f"validate_definition: {found} for {shown}"
    assert bool(errors) == (sort == WRONG), f"schema: {errors} for {shown}"


def test_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_names_of_the_parser_and_the_schema(cluster):
    """Each member that the schema knows is one that the parser suggests, and none is missing."""
    step = SCHEMA["$defs"]["step"]
    for kind in step["properties"]["type"]["enum"]:
        own = SCHEMA["$defs"][kind]
        names = {*step["properties"], *own.get("properties", {})}
        if kind == "approval":
            names |= {*SCHEMA["$defs"]["question"]["properties"]}
        definition = {"steps": [{"name": "step", "type": kind, **{
            name: {"never": "right"} for name in names - {"name", "type"}}}]}
        unknown = [fault for fault in faults(cluster, definition) if "unknown member" in fault
                   and "/never" not in fault]
        assert not unknown, f"{kind}: {unknown}"
