"""Diagrams: what Mermaid's own parser says of them, for workflows in all states."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from harness import dev, wait_until
from psycopg.types.json import Jsonb

SETTINGS = {}
PARSER = """
import { JSDOM } from 'jsdom';
const dom = new JSDOM('');
globalThis.window = dom.window;
globalThis.document = dom.window.document;
const mermaid = (await import('mermaid')).default;
let text = '';
process.stdin.on('data', (data) => { text += data; });
process.stdin.on('end', async () => {
  for (const diagram of JSON.parse(text)) {
    try {
      await mermaid.parse(diagram);
    } catch (error) {
      console.log(`${error.message}\\n${diagram}`);
      process.exitCode = 1;
    }
  }
});
"""
NASTY = 'It\'s "odd"; <b>%%{init: {}}%%</b> `x` #quot; --> end [a] {b} (c) |d| \\ \n\t é 漢 😀'
DEEP = {"name": "Deep", "steps": [
    {"name": "end", "type": "task", "task": "x"},
    {"name": "subgraph", "type": "parallel", "branches": [
        [{"name": "a", "type": "task", "task": "A"},
         {"name": "class", "type": "approval", "title": NASTY, "requested_from": "ann"}],
        [{"name": "b", "type": "signal", "signal": 'go "now"; end', "match": '$.n == "x"'}]]},
    {"name": "each", "type": "foreach", "items": "$.variables.orders", "as": "order",
     "concurrency": 2, "steps": [
         {"name": "ship", "type": "task", "task": "{{ $.variables.order }}"},
         {"name": "bill", "type": "signal", "signal": "paid"}]},
    {"name": "size", "type": "switch", "cases": [
        {"when": '$.variables.n > 5 && $.variables.s == "<\\"%>"',
         "steps": [{"name": "big", "type": "wait", "for": "1 day"}]}],
     "default": [{"name": "small", "type": "checkpoint", "on_error": "continue"}]},
    {"name": "style", "type": "task", "task": "y", "on_error": "goto:size"}]}


@pytest.fixture(scope="module", autouse=True)
def model(cluster):
    cluster.sql("SELECT hitl.create_model('echo', provider => 'builtin', is_default => true)")


@pytest.fixture(scope="module")
def parse():
    """A function that has Mermaid parse diagrams."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    home = Path(dev('"$HITL_HOME"')) / "mermaid"
    if not (home / "node_modules/mermaid").exists():
        home.mkdir(exist_ok=True)
        made = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts",
                               "--prefix", home, "mermaid@10.9.3", "jsdom@24.1.3"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if made.returncode:
            shutil.rmtree(home / "node_modules", ignore_errors=True)
            pytest.skip(f"npm cannot install mermaid: {made.stderr[-200:]}")
    (home / "parse.mjs").write_text(PARSER)

    def run(diagrams):
        import json
        result = subprocess.run(["node", home / "parse.mjs"], input=json.dumps(diagrams),
                                capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
    return run


def check(diagram):
    """What can be said without Mermaid: quotes, brackets and subgraphs are closed,
    what edges and classes name exists."""
    lines = diagram.strip().split("\n")
    assert lines[0] == "flowchart TD"
    nodes, used, depth = set(), set(), 0
    for line in map(str.strip, lines[1:]):
        if line == "end":
            depth -= 1
            assert depth >= 0
        elif match := re.fullmatch(r'subgraph (\w+)\["[^"`]*"\]', line):
            nodes.add(match[1])
            depth += 1
        elif match := re.fullmatch(r'(\w+)(\["|\{\{"|\[\("|\(\["|\[\[")[^"`]*("\]|"\}\}|"\)\]|"\]\)|"\]\])', line):
            nodes.add(match[1])
        elif match := re.fullmatch(r'(\w+) (?:-->|-\. "[a-z ]+" \.->) (\w+)', line):
            used |= {match[1], match[2]}
        elif match := re.fullmatch(r"class (\w+) (pending|active|waiting|completed|failed|skipped)", line):
            used.add(match[1])
        else:
            assert re.fullmatch(r"direction TB|classDef \w+ [\w:#,-]+", line), line
    assert depth == 0
    assert used - {"start", "finish"} <= nodes
    return {match[1]: match[2] for match in re.finditer(r"class (\w+) (\w+)", diagram)}


def test_a_deep_workflow(cluster, parse):
    workflow = cluster.value(
        "SELECT hitl.execute_workflow(hitl.create_workflow(%s, workflow_definition => %s,"
        " input_data => %s))", [NASTY, Jsonb(DEEP), Jsonb({"orders": [1, 2, 3], "n": 1, "s": ""})])
    diagrams = []

    def draw():
        diagrams.append(cluster.value("SELECT hitl.workflow_diagram(%s)", [workflow]))
        return check(diagrams[-1])

    def drawn(**states):
        found = wait_until(lambda: (classes := draw()) and all(
            classes[node] == state for node, state in states.items()) and classes, describe=draw)
        assert cluster.sql("SELECT * FROM hitl.workflow_gantt(%s)", [workflow])
        return found

    drawn(steps_0="completed", steps_1="active", steps_1_branches_0_0="completed",
          steps_1_branches_0_1="waiting", steps_1_branches_1_0="waiting", steps_2="pending")
    cluster.sql("SELECT hitl.respond_to_approval(id, 'ann', 'approved') FROM hitl.approval_requests"
                " WHERE workflow_id = %s", [workflow])
    cluster.sql("SELECT hitl.send_signal(%s, 'go \"now\"; end', '{\"n\": \"x\"}')", [workflow])
    drawn(steps_1="completed", steps_1_branches_0_1="completed", steps_2="active",
          steps_2_steps_0="completed", steps_2_steps_1="waiting")
    assert "<br/>0/3" in diagrams[-1]
    cluster.sql("SELECT hitl.send_signal(%s, 'paid')", [workflow])
    wait_until(lambda: draw() and "<br/>1/3" in diagrams[-1], describe=draw)
    assert "3 completed" in diagrams[-1] or "2 completed" in diagrams[-1]
    cluster.sql("SELECT hitl.send_signal(%s, 'paid') FROM generate_series(1, 2)", [workflow])
    drawn(steps_2="completed", steps_3="completed", steps_3_default_0="completed",
          steps_3_cases_0_steps_0="pending", steps_4="completed")
    assert "<br/>3/3" in diagrams[-1]
    parse(diagrams)
    rows = cluster.sql("SELECT step, scope, state FROM hitl.workflow_gantt(%s)", [workflow])
    assert sum(row["step"] == "ship" and row["state"] == "completed" for row in rows) == 3
    assert len({row["scope"] for row in rows if row["step"] == "ship"}) == 3


def test_what_failed(cluster, parse):
    workflow = cluster.value(
        "SELECT hitl.execute_workflow(hitl.create_workflow('x', workflow_definition => %s))",
        [Jsonb({"steps": [{"name": "ok", "type": "task", "task": "x"},
                          {"name": "bad", "type": "task", "task": "{{ $.variables.nothing }}"},
                          {"name": "never", "type": "task", "task": "x"}]})])
    wait_until(lambda: cluster.value("SELECT status FROM hitl.workflows WHERE id = %s",
                                     [workflow]) == "failed")
    diagram = cluster.value("SELECT hitl.workflow_diagram(%s)", [workflow])
    assert check(diagram) == {"steps_0": "completed", "steps_1": "failed", "steps_2": "pending"}
    parse([diagram])


def test_a_bad_diagram_is_noticed(parse):
    with pytest.raises(AssertionError):
        parse(['flowchart TD\n  a["x --> b'])
    with pytest.raises(AssertionError):
        check('flowchart TD\n  a["x"]\n  a --> b\n')
