"""Receipts of decisions: examples/verify_receipt.py finds in them what the database finds."""
import copy
import json
import random
import subprocess
import sys

import psycopg
import pytest
from exact_json import Number, read_json, write_json
from harness import ROOT, wait_until

PROGRAM = ROOT / "examples/verify_receipt.py"
SETTINGS = {"log_statement": "all", "log_min_messages": "debug1"}
KEY = "a key that is kept elsewhere, too"
CONTEXT = r'''{"amount": 420.50, "large": 123456789012345678901234567890, "small": 1e-30, "ten": 1E1,
    "text": "sch\u00f6n \"neu\" \\ \u0001\u001f\u007f\b\f\n\r\t \u2028 \ud83d\ude00", "": null, "\u00e4": [[], {}, true, false],
    "zz": {"b": 1, "a": -0.0, "aa": 2}}'''
ASK = {
    "name": "ask", "type": "approval", "title": "Go with {{ $.variables.amount }}?",
    "policy": {"any_of": [{"all_of": ["ann", {"from": ["bob", "cy"]}]}, {"from": "boss"}], "timeout": "2 days"},
    "context_data": {"data": "{{ $.variables }}"}}
# What no hash is made of; a signature is.
UNHASHED = {"policy_state", "awaited", "requesters", "issued_at", "workflow_event"}


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
        [json.dumps({"steps": [ASK]}), CONTEXT])
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
    place[path[-1]] = (Number(old + "1") if isinstance(old, Number) else not old if isinstance(old, bool)
                       else old + "x" if isinstance(old, str) else "x")
    return changed


def test_a_receipt_is_in_order(cluster, approval):
    receipt = receipt_of(cluster, approval)
    assert faults_of(cluster, receipt) == []
    assert cluster.sql("SELECT * FROM hitl.verify_approval(%s)", [approval]) == []
    assert check(receipt) == (0, "-: in order\n")
    # The order of members and blanks mean nothing; the digits of numbers do.
    assert check(write_json(dict(reversed(read_json(receipt).items())))) == (0, "-: in order\n")
    assert check(receipt.replace("420.50", "420.5")) == (1, "".join(
        f"-: content of round {number}: changed: the hash is that of another content\n" for number in (1, 2)))


def test_each_value_counts(cluster, approval, verify):
    """Wherever something is changed, the program and the database find it."""
    receipt = read_json(receipt_of(cluster, approval))
    paths = list(leaves(receipt))
    assert len(paths) > 100
    for path in paths:
        text = write_json(tampered(receipt, path))
        hashed = path[0] not in UNHASHED
        # Whether whoever changes the content may approve it with that is up to the policy.
        if path[-1] != "standing" or receipt["acts"][path[1]]["edits"] is None:
            assert bool(verify(text)) == hashed, (path, verify(text))
        if hashed:
            assert faults_of(cluster, text), path
    for name in receipt:
        without = write_json({key: value for key, value in receipt.items() if key != name})
        if name not in UNHASHED:
            assert verify(without), name
            assert faults_of(cluster, without), name


def test_each_act_counts(cluster, approval, verify):
    receipt = read_json(receipt_of(cluster, approval))
    for name in ("acts", "earlier_contents"):
        for number in range(len(receipt[name])):
            for entries in (receipt[name][:number] + receipt[name][number + 1:],
                            receipt[name][:number + 1] + receipt[name][number:]):
                text = write_json({**receipt, name: entries})
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
        receipt = read_json(signed)
        for path in leaves(receipt):
            text = write_json(tampered(receipt, path))
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


PEOPLE = [f"p{number}" for number in range(6)]
GROUPS = ["g0", "g1"]


def random_leaf(dice):
    names = dice.sample([*PEOPLE, *GROUPS, "*", "out"], dice.randint(1, 3))
    leaf = {"from": names}
    if dice.random() < 0.25:
        leaf["count"] = dice.randint(1, len(names))
    elif dice.random() < 0.35 and "*" not in names:
        leaf["percent"] = dice.choice([30, 50, 60, 100])
    for name, value in (("reject_after", 2), ("deadline", "5ms"), ("veto", True), ("after", "5ms")):
        if dice.random() < 0.15:
            leaf[name] = value
    return leaf


def random_part(dice, depth=0):
    if depth > 1 or dice.random() < 0.5:
        return random_leaf(dice)
    parts = [random_part(dice, depth + 1) for _ in range(dice.randint(1, 3))]
    kind = dice.choice(["all_of", "any_of", "sequence", "n_of"])
    return {kind: parts, **({"n": dice.randint(1, len(parts))} if kind == "n_of" else {})}


def random_policy(dice):
    policy = random_part(dice)
    if dice.random() < 0.3:
        policy["timeout"] = "10ms"
        policy["on_silence"] = dice.choice(["approve", "reject", "expire", {"escalate": random_leaf(dice)}])
    if dice.random() < 0.3:
        policy["distinct"] = True
    if dice.random() < 0.3:
        policy["exclude"] = dice.choice([[], ["editors"], ["requester"]])
    return policy


def random_act(dice, client, request):
    """Something is done about a request, or in its groups; what is refused is not done."""
    who = dice.choice([*PEOPLE, "out", "zed"])
    what = dice.choices(["approved", "rejected", "modified", "abstained", "commented", "edits", "reassign", "revise",
                         "group"], [8, 3, 1, 1, 1, 1, 1, 1, 2])[0]
    try:
        if what == "group":
            member = [dice.choice(GROUPS), who]
            if not client.execute("SELECT hitl.add_member(%s, %s)", member).fetchone()[0]:
                client.execute("SELECT hitl.remove_member(%s, %s)", member)
        elif what == "reassign":
            client.execute("SELECT hitl.reassign_approval(%s, %s, %s)", [request, dice.choice(PEOPLE), who])
        elif what == "revise":
            client.execute("SELECT hitl.revise_approval(%s, context_data => %s)",
                           [request, json.dumps({"n": dice.random()})])
        else:
            edits = json.dumps({"e": dice.random()}) if what == "edits" else None
            client.execute("SELECT hitl.respond_to_approval(id, %s, %s, feedback => 'so', edits => %s,"
                           " content_hash => content_hash) FROM hitl.approval_requests WHERE id = %s",
                           [who, "modified" if edits else what, edits, request])
    except psycopg.Error as error:
        assert error.sqlstate[:2] in ("WF", "22", "42"), error


CHANGES = {
    "approval_responses": {
        "approver_id": "approver_id || 'x'", "names": "names || 'x'::text", "feedback": "concat(feedback, 'x')",
        "decision": "CASE decision WHEN 'approved' THEN 'rejected' ELSE 'approved' END", "channel": "channel || 'x'",
        "session_role": "'x'", "caller_role": "'x'", "responded_at": "responded_at + interval '1 microsecond'",
        "round": "round + 1", "content_hash": "sha256(content_hash)", "hash": "sha256(hash)",
        "on_behalf_of": "coalesce(on_behalf_of, '{}') || 'x'::text"},
    "approval_requests": {
        "title": "title || 'x'", "description": "concat(description, 'x')", "context_data": "context_data || '{\"x\": 1}'",
        "policy": "policy || '{\"timeout\": 77}'", "requested_by": "requested_by || 'x'", "requested_role": "'x'",
        "requested_at": "requested_at + interval '1 microsecond'", "opened_at": "opened_at + interval '1 microsecond'",
        "status": "CASE status WHEN 'approved' THEN 'rejected' ELSE 'approved' END", "acts": "acts + 1",
        "decided_by": "concat(decided_by, 'x')", "decided_at": "coalesce(decided_at, now()) + interval '1 microsecond'",
        "last_hash": "sha256(last_hash)", "request_hash": "sha256(request_hash)", "reason": "concat(reason, 'x')",
        "decision_hash": "sha256(coalesce(decision_hash, ''))", "step_name": "concat(step_name, 'x')",
        "approval_type": "approval_type || 'x'", "round": "round + 1", "answer_schema": "'{}'"}}


def test_random_requests(cluster, verify):
    """Whatever the policy, and what was done: it fits together, until somebody changes something."""
    dice = random.Random(20260301)
    requests = []
    with cluster.connect() as client:
        for name in PEOPLE:
            client.execute("SELECT hitl.create_principal(%s)", [name])
        for name in GROUPS:
            client.execute("SELECT hitl.create_group(%s, members => %s)", [name, PEOPLE[:3]])
        while len(requests) < 200:
            try:
                requests += client.execute("SELECT hitl.request_approval('?', policy => %s)",
                                           [json.dumps(random_policy(dice))]).fetchone()
            except psycopg.errors.DatabaseError as error:
                assert error.sqlstate == "WF055"
                continue
            for _ in range(dice.randint(0, 9)):
                random_act(dice, client, requests[-1])
        wait_until(lambda: [client.execute("SELECT hitl.expire_due_approvals()"), cluster.value(
            "SELECT NOT EXISTS (SELECT FROM hitl.approval_requests"
            " WHERE status = 'pending' AND due_at IS NOT NULL)")][1])
        outcomes = dict(client.execute("SELECT concat(status, ' ', reason), count(*) FROM hitl.approval_requests"
                                       " WHERE id = ANY (%s) GROUP BY 1", [requests]).fetchall())
        assert len(outcomes) >= 6, outcomes
        assert client.execute("SELECT a.id, f.* FROM unnest(%s::uuid[]) AS a (id), hitl.verify_approval(a.id) AS f",
                              [requests]).fetchall() == []
        for request in requests:
            receipt = receipt_of(cluster, request)
            assert verify(receipt) == [] and faults_of(cluster, receipt) == []
            for table, columns in CHANGES.items():
                for column in dice.sample(sorted(columns), 4):
                    with client.transaction(force_rollback=True):
                        where = "id" if table == "approval_requests" else "approval_id"
                        changed = client.execute(
                            f"UPDATE hitl.{table} SET {column} = {columns[column]} WHERE {where} = %s"
                            f" AND ({column}) IS DISTINCT FROM ({columns[column]})", [request]).rowcount
                        found = client.execute("SELECT * FROM hitl.verify_approval(%s)", [request]).fetchall()
                        assert bool(found) == bool(changed), (request, table, column)
