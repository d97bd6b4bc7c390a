"""examples/refund.json against a server: what it sends, and what it takes back (the others run elsewhere)."""
import json
import sys

import pytest
from harness import ROOT
from psycopg.types.json import Jsonb

sys.path.insert(0, str(ROOT / "test/servers"))
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1"}
REFUND = json.loads((ROOT / "examples/refund.json").read_text())


@pytest.fixture(scope="module")
def provider(cluster):
    with ScriptedServer() as running:
        cluster.sql("SELECT hitl.set_secret('payments', 'sk_live_1', allowed_hosts => '{127.0.0.1}')")
        cluster.sql("CREATE TABLE ledger (id bigint GENERATED ALWAYS AS IDENTITY, order_id bigint,"
                    " amount numeric CHECK (amount < 90), reference text)")
        yield running


def start(cluster, provider, path, amount):
    workflow = cluster.value(
        "SELECT hitl.create_workflow('Refund', workflow_definition => %s, input_data => %s)",
        [Jsonb(REFUND), Jsonb({"order_id": 1001, "amount": amount, "provider": provider.url(path)})])
    cluster.sql("SELECT hitl.execute_workflow(%s)", [workflow])
    return workflow


def await_status(cluster, workflow, status):
    reached = cluster.value("CALL hitl.await_workflow(%s, '60 s', %s)", [workflow, status])
    assert reached == status, cluster.sql("SELECT error FROM hitl.workflows WHERE id = %s", [workflow])


def test_refund(cluster, provider):
    provider.plan("/good/refunds", [{"status": 503, "body": ""},
                                    {"status": 201, "body": '{"id": "r-1"}'}])
    workflow = start(cluster, provider, "/good", 80)
    await_status(cluster, workflow, "completed")
    assert cluster.value("SELECT output ->> 'refund' FROM hitl.workflows WHERE id = %s", [workflow]) == "r-1"
    assert cluster.sql("SELECT order_id, amount::integer, reference FROM ledger") == [
        {"order_id": 1001, "amount": 80, "reference": "r-1"}]
    first, second = provider.requests("/good/refunds")
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert second.headers["authorization"] == "Bearer sk_live_1"
    assert json.loads(second.body) == {"order": 1001, "amount": 80}


def test_refund_that_cannot_be_booked(cluster, provider):
    cluster.sql("TRUNCATE ledger")
    provider.plan("/bad/refunds", [{"status": 201, "body": '{"id": "r-2"}'}])
    provider.plan("/bad/refunds/r-2", [{"status": 204, "body": ""}])
    workflow = start(cluster, provider, "/bad", 95)
    await_status(cluster, workflow, "rolled_back")
    cancelled, = provider.requests("/bad/refunds/r-2")
    assert cancelled.method == "DELETE"
    assert cluster.value("SELECT count(*) FROM ledger") == 0
    assert cluster.value("SELECT data #> '{steps,refund}' FROM hitl.workflows WHERE id = %s", [workflow]) is None

    # the ledger takes it now: on from the checkpoint, with another refund
    cluster.sql("ALTER TABLE ledger DROP CONSTRAINT ledger_amount_check")
    provider.plan("/bad/refunds", [{"status": 201, "body": '{"id": "r-3"}'}])
    cluster.sql("SELECT hitl.execute_workflow(%s)", [workflow])
    await_status(cluster, workflow, "completed")
    assert cluster.value("SELECT reference FROM ledger") == "r-3"
    assert len(provider.requests("/bad/refunds/r-2")) == 1


def test_large_refund_is_asked_for(cluster, provider):
    workflow = start(cluster, provider, "/large", 120)
    await_status(cluster, workflow, "waiting_approval")
    cluster.sql("SELECT hitl.respond_to_approval(approval_id, 'finance@example.com', 'rejected')"
                " FROM hitl.list_pending_approvals(workflow_id => %s)", [workflow])
    await_status(cluster, workflow, "rejected")
    assert provider.requests("/large/refunds") == []
