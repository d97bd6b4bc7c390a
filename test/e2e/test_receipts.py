"""Receipts of decisions: examples/verify_receipt.py finds in them what the database finds."""
import copy
import json
import subprocess
import sys

import pytest
from harness import ROOT, wait_until

PROGRAM = ROOT / "examples/verify_receipt.py"
SETTINGS = {"log_statement": "all", "log_min_messages": "debug1"}
KEY = "a key that is kept elsewhere, too"
CONTEXT = r'''{"amount": 420.50, "large": 123456789012345678901234567890, "small": 1e-30, "ten": 1E1,
    "text": "sch\u00f6n \"neu\" \\ \u0001\u001f\u007f\b\f\n\r\t \u2028 \ud83d\ude00", "": null, "\u00e4": [[], {}, true, false],
    "zz": {"b": 1, "a": -0.0, "aa": 2}}'''
ASK = {"steps": [
    {"name": "ask", "type": "approval", "title": "Go with {{ $.variables.amount }}?", "policy": {
        "any_of": [{"all_of": ["ann", {"from": ["bob", "cy"]}]}, {"from": "boss"}], "timeout": "2 days"},
     "context_data": "$.variables"}]}
# What no hash is made of; a signature is.
UNHASHED = {"policy_state", "awaited", "requesters", "issued_at", "workflow_event"}


def canonical_json(text):
    """JSON that has kept its numbers as they are written."""
    return json.loads(text, parse_int=Text, parse_float=Text)


class Text(str):
    pass


def dump(value):
    if isinstance(value, Text):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {dump(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dump, value)) + "]"
    return json.dumps(value)


def check(receipt, *options):
    """Exit status and output of the program."""
    done = subprocess.run([sys.executable, "-B", PROGRAM, *options, "-"], input=receipt, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def verify():
    """The function of the program, for many receipts."""
    names = {"__name__": "verify_receipt"}
    exec(compile(PROGRAM.read_text(), PROGRAM, "exec"), names)  # pylint: disable=exec-used
    return names["verify"]


@pytest.fixture(scope="module")
def approval(cluster):
    """A request of a step, with all that can be done about one."""
    workflow = cluster.value(
        "SELECT hitl.execute_workflow(hitl.create_workflow('Go', workflow_definition => %s, input_data => %s))",
        [json.dumps({"steps": [{**ASK["steps"][0], "context_data": {"data": "{{ $.variables }}"}}]}), CONTEXT])
    request = wait_until(lambda: cluster.value(
        "SELECT id FROM hitl.approval_requests WHERE workflow_id = %s", [workflow]))

    def respond(who, decision, **more):
        more = {"feedback": None, "edits": None, "channel": None, "evidence": None, **more}
        return cluster.value(
            "SELECT hitl.respond_to_approval(id, %s, %s, feedback => %s, edits => %s, content_hash => content_hash,"
            " channel => %s, evidence => %s) FROM hitl.approval_requests WHERE id = %s",
            [who, decision, more["feedback"], more["edits"], more["channel"], more["evidence"], request])

    respond("ann", "information_requested", feedback="Why \u00fcberhaupt?\n\t\"so\" \\")
    respond("bob", "modified", edits='{"data": {"amount": 400}}', feedback="less")
    cluster.sql("SELECT hitl.reassign_approval(%s, 'dora', 'ann', 'she is away')", [request])
    respond("dora", "approved", channel="slack", evidence='{"user": "U1", "n": 1.50}')
    assert respond("cy", "approved") == "approved"
    wait_until(lambda: cluster.value("SELECT status FROM hitl.workflows WHERE id = %s", [workflow]) == "completed")
    return request


def receipt_of(cluster, request):
    return cluster.value("SELECT hitl.decision_receipt(%s)::text", [request])


def faults_of(cluster, receipt):
    return cluster.sql("SELECT * FROM hitl.verify_receipt(%s)", [receipt])


def leaves(value, path=()):
    """The paths of all scalars, and of empty arrays and objects."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not inner:
        yield path
    for key, member in inner:
        yield from leaves(member, (*path, key))


def tampered(receipt, path):
    """A receipt with another value in one place, of the same type if that has several."""
    changed = copy.deepcopy(receipt)
    place = changed
    for key in path[:-1]:
        place = place[key]
    old = place[path[-1]]
    place[path[-1]] = (Text(old + "1") if isinstance(old, Text) else not old if isinstance(old, bool)
                       else old + "x" if isinstance(old, str) else "x")
    return changed


def test_a_receipt_is_in_order(cluster, approval):
    receipt = receipt_of(cluster, approval)
    assert faults_of(cluster, receipt) == []
    assert cluster.sql("SELECT * FROM hitl.verify_approval(%s)", [approval]) == []
    assert check(receipt) == (0, "-: in order\n")
    # The order of members and blanks mean nothing; the digits of numbers do.
    assert check(dump(dict(reversed(canonical_json(receipt).items())))) == (0, "-: in order\n")
    assert check(receipt.replace("420.50", "420.5")) == (1, "".join(
        f"-: content of round {number}: changed: the hash is that of another content\n" for number in (1, 2)))


def test_each_value_counts(cluster, approval, verify):
    """Wherever something is changed, the program and the database find it."""
    receipt = canonical_json(receipt_of(cluster, approval))
    paths = list(leaves(receipt))
    assert len(paths) > 100
    for path in paths:
        text = dump(tampered(receipt, path))
        hashed = path[0] not in UNHASHED
        # Whether whoever changes the content may approve it with that is up to the policy.
        if path[-1] != "standing" or receipt["acts"][path[1]]["edits"] is None:
            assert bool(verify(text)) == hashed, (path, verify(text))
        if hashed:
            assert faults_of(cluster, text), path
    for name in receipt:
        without = dump({key: value for key, value in receipt.items() if key != name})
        if name not in UNHASHED:
            assert verify(without), name
            assert faults_of(cluster, without), name


def test_each_act_counts(cluster, approval, verify):
    receipt = canonical_json(receipt_of(cluster, approval))
    for name in ("acts", "earlier_contents"):
        for number in range(len(receipt[name])):
            for entries in (receipt[name][:number] + receipt[name][number + 1:],
                            receipt[name][:number + 1] + receipt[name][number:]):
                text = dump({**receipt, name: entries})
                assert verify(text), (name, number)
                assert faults_of(cluster, text), (name, number)


def test_signed(cluster, approval, verify, tmp_path):
    """A signature covers all; the key stands nowhere else."""
    unsigned = receipt_of(cluster, approval)
    with cluster.connect() as connection:
        connection.execute("SELECT hitl.set_secret('receipts', %s)", [KEY])
    try:
        signed = receipt_of(cluster, approval)
        key = tmp_path / "key"
        key.write_text(KEY + "\n")
        assert check(signed, "--key-file", key) == (0, "-: in order\n")
        assert check(unsigned, "--key-file", key) == (1, "-: signature: missing\n")
        assert check(signed) == (0, "-: in order\n")
        key.write_text(KEY + ".")
        assert check(signed, "--key-file", key) == (1, "-: signature: not that of this receipt\n")
        receipt = canonical_json(signed)
        for path in leaves(receipt):
            text = dump(tampered(receipt, path))
            assert verify(text, KEY.encode()), path
            assert faults_of(cluster, text), path
        for bad in ("not JSON", '{"version": 1, "signature": ', "[" * 100000):
            assert check(bad)[0] == 2
        assert KEY not in signed
        wrong = signed.replace('"HMAC-SHA256"', '"none"')
        assert [row["what"] for row in faults_of(cluster, wrong)] == ["signature"]
    finally:
        cluster.sql("SELECT hitl.delete_secret('receipts')")
    # The one statement that set it was a client's, and had it as a parameter.
    lines = [line for line in cluster.log().splitlines() if KEY in line]
    assert all("parameters: $1 = " in line for line in lines), lines


def test_pending_expired_and_by_rule(cluster, verify):
    cluster.sql("SELECT hitl.create_approval_rule('tiny', '$.context_data.amount < 1', 'approve')")
    requests = [cluster.value("SELECT hitl.request_approval('By rule?', context_data => '{\"amount\": 0.1}')"),
                cluster.value("SELECT hitl.request_approval('Pending?', form_fields => '[{\"name\": \"a\", \"type\": \"text\"}]',"
                              " approval_type => 'form')"),
                cluster.value("SELECT hitl.request_approval('Expired?', timeout_hours => 0.00001)"),
                cluster.value("SELECT hitl.request_approval('Cancelled?')")]
    cluster.sql("SELECT hitl.drop_approval_rule('tiny')")
    cluster.sql("SELECT hitl.cancel_approval(%s, 'no more')", [requests[3]])
    wait_until(lambda: cluster.value("SELECT status FROM hitl.approval_requests WHERE id = %s", [requests[2]]) == "expired")
    for request, status in zip(requests, ("approved", "pending", "expired", "cancelled")):
        receipt = receipt_of(cluster, request)
        assert json.loads(receipt)["outcome"]["status"] == status
        assert verify(receipt) == [] and faults_of(cluster, receipt) == []
