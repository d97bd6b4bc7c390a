"""People are told by mail, and answer by the links in it; hooks of one's own; what fails, and what is told again."""
import json
import re
import sys

import pytest
from approvals import ask, configure_mail, settled, status
from harness import ROOT, wait_until
from psycopg.types.json import Jsonb

sys.path.insert(0, str(ROOT / "test/servers"))
from mail_server import MailServer  # noqa: E402
from scripted_server import ScriptedServer  # noqa: E402

SETTINGS = {"hitl__allowed_private_hosts": "localhost,127.0.0.1", "hitl__breaker_threshold": 0,
            "hitl__public_url": "https://hitl.example.org"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module", autouse=True)
def people(cluster):
    cluster.psql("""
        SELECT hitl.create_principal('ann', email => 'ann@example.org', display_name => 'Ann Smith');
        SELECT hitl.create_principal('bob', email => 'bob@example.org');
        SELECT hitl.create_principal('eve', email => 'eve@example.org');
        SELECT hitl.create_group('finance', members => '{ann,bob}');
    """)


@pytest.fixture
def mail(cluster):
    with MailServer() as server:
        configure_mail(cluster, server)
        yield server
        cluster.psql("UPDATE hitl.approval_requests SET channels = '{}' WHERE status = 'pending';"
                     "DELETE FROM hitl.channel_configurations; DELETE FROM hitl.outbox")


def mails(cluster, server, count):
    """What has arrived, when all of it has: (recipient, subject, text) and the messages."""
    wait_until(lambda: settled(cluster) and len(server.mails) >= count, describe=lambda: (
        len(server.mails), cluster.sql("SELECT * FROM hitl.notifications")))
    assert len(server.mails) == count
    return {mail.recipients[0]: mail.message for mail in server.mails}


def parts(message):
    return [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]


def link(message):
    return re.search(r"https://hitl\.example\.org(/a/[\w-]+)", parts(message)[0])[1]


def page(cluster, path, method="GET", body=None, **query):
    return cluster.value("SELECT hitl.http_answer(%s, %s, %s, %s, %s)",
                         [method, path, Jsonb(query), Jsonb(FORM if body else {}), body])


def code(answer):
    return re.search(r'name="csrf" value="([^"]+)"', answer["body"])[1]


def ledger(cluster, approval):
    return {(row["channel"], row["recipient"]): row["status"] for row in cluster.sql(
        "SELECT channel, recipient, status FROM hitl.notifications WHERE approval_id = %s", [approval])}


def test_from_mail_to_decision(cluster, mail):
    """A mail to each who is asked, with links of his own; a scanner's look decides nothing, the form does, once."""
    approval = ask(cluster, "Überweise 5 € 💶", context_data={"amount": 5, "note": "<b>bold</b>"},
                   requested_from="finance", requested_by="eve")
    sent = mails(cluster, mail, 2)
    assert set(sent) == {"ann@example.org", "bob@example.org"}
    message = sent["ann@example.org"]
    assert message["From"] == "Approvals <approvals@example.org>" and "Überweise 5 € 💶" in message["Subject"]
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = parts(message)
    assert "Amount" in text and "<b>bold</b>" in text
    assert "&lt;b&gt;bold&lt;/b&gt;" in html and "<b>bold</b>" not in html
    assert link(message) != link(sent["bob@example.org"]) and link(message) in html
    assert ledger(cluster, approval) == {("mail", "ann"): "sent", ("mail", "bob"): "sent"}
    # The token is in the mail alone.
    token = link(message).removeprefix("/a/")
    for table in ("hitl.outbox", "hitl.notification_ledger", "hitl.action_tokens"):
        assert not cluster.value(f"SELECT EXISTS (SELECT FROM {table} t WHERE t::text LIKE %s)", [f"%{token}%"])

    for method in ("HEAD", "GET"):
        for query in ({}, {"decision": "approved"}, {"decision": "rejected"}):
            answer = page(cluster, link(message), method, **query)
            assert answer["status"] == 200
            assert answer["headers"]["referrer-policy"] == "no-referrer" and answer["headers"]["cache-control"] == "no-store"
            assert "frame-ancestors 'none'" in answer["headers"]["content-security-policy"]
    assert status(cluster, approval) == "pending"
    assert "Ann Smith" in answer.get("body", page(cluster, link(message))["body"])
    assert page(cluster, link(message), "POST", "decision=approved")["status"] == 403
    assert page(cluster, link(message), "POST", "decision=approved&csrf=" + code(page(cluster, link(sent["bob@example.org"]))))["status"] == 403
    assert status(cluster, approval) == "pending"
    form = f"decision=approved&feedback=Fine.&csrf={code(page(cluster, link(message)))}"
    assert page(cluster, link(message), "POST", form)["status"] == 303
    assert status(cluster, approval) == "approved"
    row, = cluster.sql("SELECT approver_id, channel, feedback, evidence FROM hitl.approval_responses WHERE approval_id = %s", [approval])
    assert (row["approver_id"], row["channel"], row["feedback"]) == ("ann", "email", "Fine.")
    # The same form again is the same answer; another one is refused.
    assert page(cluster, link(message), "POST", form)["status"] == 303
    for other in (form.replace("Fine", "Well"), form.replace("approved", "rejected")):
        assert page(cluster, link(message), "POST", other)["status"] == 409
    assert cluster.value("SELECT count(*) FROM hitl.approval_responses WHERE approval_id = %s", [approval]) == 1
    assert page(cluster, link(sent["bob@example.org"]), "POST", "decision=rejected&csrf=x")["status"] >= 400

    # Who was asked and did not answer, and who had asked, hear of it; in the same thread.
    later = mails(cluster, mail, 4)
    assert {name for name in later if later[name] is not sent.get(name)} == {"bob@example.org", "eve@example.org"}
    outcome = later["bob@example.org"]
    assert outcome["In-Reply-To"] == sent["bob@example.org"]["Message-ID"]
    assert "/a/" not in "".join(parts(outcome)) and "Ann Smith" in parts(outcome)[0]
    assert ledger(cluster, approval) == {("mail", "ann"): "answered", ("mail", "bob"): "sent", ("mail", "eve"): "sent"}


def test_public_url(cluster, mail):
    """Where links lead, the database says, also if it says so later than the dispatcher has begun."""
    cluster.sql("ALTER DATABASE hitl SET hitl.public_url = 'https://other.example.org/x/'")
    ask(cluster, requested_from="ann")
    assert "https://other.example.org/x/a/" in parts(mails(cluster, mail, 1)["ann@example.org"])[0]
    cluster.sql("ALTER DATABASE hitl SET hitl.public_url = ''")
    ask(cluster, "Pay 6 EUR", requested_from="ann")
    assert "/a/" not in parts(mails(cluster, mail, 2)["ann@example.org"])[0]
    cluster.sql("ALTER DATABASE hitl RESET hitl.public_url")


def test_headers_cannot_be_written(cluster, mail):
    """What people write becomes no header."""
    ask(cluster, "Pay\r\nBcc: mallory@example.org\r\n\r\nHello", requested_from="ann",
        description="\r\n.\r\nMAIL FROM:<x@y>\r\n" + 2000 * "x")
    message = mails(cluster, mail, 1)["ann@example.org"]
    assert message["Bcc"] is None and "\n" not in message["Subject"]
    assert 2000 * "x" in parts(message)[0].replace("\n", "")


def test_templates(cluster, mail):
    """In one's own words; a template that finds nothing fails that mail, and says so."""
    configure_mail(cluster, mail, templates={"subject": "[shop] {{ $.approval.title }}", "html": "<p>{{ $.approval.context_data.who }}</p>"})
    ask(cluster, requested_from="ann", context_data={"who": "<Ann & Co>"})
    message = mails(cluster, mail, 1)["ann@example.org"]
    assert message["Subject"] == "[shop] Pay 5 EUR" and "<p>&lt;Ann &amp; Co&gt;</p>" in parts(message)[1]
    approval = ask(cluster, requested_from="ann")
    wait_until(lambda: ledger(cluster, approval) == {("mail", "ann"): "failed"})
    assert "who" in cluster.value("SELECT error_message FROM hitl.notifications WHERE approval_id = %s", [approval])


def test_changed(cluster, mail):
    """A link of a mail that shows what has changed since shows how it is now, and decides that."""
    approval = ask(cluster, requested_from="ann", context_data={"amount": 5})
    old = link(mails(cluster, mail, 1)["ann@example.org"])
    form = f"decision=approved&csrf={code(page(cluster, old))}"
    cluster.sql("SELECT hitl.revise_approval(%s, context_data => '{\"amount\": 500}')", [approval])
    new = mails(cluster, mail, 2)["ann@example.org"]
    assert "500" in parts(new)[0]
    assert page(cluster, old, "POST", form)["status"] == 409 and status(cluster, approval) == "pending"
    assert "500" in page(cluster, old)["body"]


def test_ended_before_it_was_sent(cluster, mail):
    """Nobody is asked what is decided already."""
    with cluster.connect(autocommit=False) as connection:
        approval = connection.execute("SELECT hitl.request_approval('Pay', requested_from => 'finance')").fetchone()[0]
        connection.execute("SELECT hitl.respond_to_approval(%s, 'ann', 'approved')", [approval])
    wait_until(lambda: settled(cluster))
    assert not mail.mails
    assert ledger(cluster, approval) == {("mail", "ann"): "answered", ("mail", "bob"): "withdrawn"}
    assert not cluster.value("SELECT bool_or(hitl.resend_notification(id)) FROM hitl.notifications WHERE approval_id = %s",
                             [approval])


def test_left(cluster, mail):
    """Who has left is told nothing any more, not even how it ended."""
    approval = ask(cluster, requested_from="finance", requested_by="eve")
    mails(cluster, mail, 2)
    cluster.sql("SELECT hitl.set_principal_active('bob', false)")
    cluster.sql("SELECT hitl.respond_to_approval(%s, 'ann', 'approved')", [approval])
    cluster.sql("SELECT hitl.resend_notification(id) FROM hitl.notifications WHERE approval_id = %s AND recipient = 'bob'", [approval])
    assert "eve@example.org" in mails(cluster, mail, 3)
    cluster.sql("SELECT hitl.set_principal_active('bob', true)")


def test_failed_stays_failed(cluster, mail):
    """Whoever could not be asked is not told how it ended; the ledger goes on to say why he could not be asked."""
    configure_mail(cluster, mail, templates={"subject": "{{ $.approval.context_data.who }}"})
    approval = ask(cluster, requested_from="ann", requested_by="eve")
    wait_until(lambda: ledger(cluster, approval) == {("mail", "ann"): "failed"})
    configure_mail(cluster, mail)
    cluster.sql("SELECT hitl.cancel_approval(%s)", [approval])
    assert set(mails(cluster, mail, 1)) == {"eve@example.org"}
    assert ledger(cluster, approval) == {("mail", "ann"): "failed", ("mail", "eve"): "sent"}
    assert cluster.value("SELECT bool_or(error_message LIKE '%%who%%') FROM hitl.notifications WHERE approval_id = %s", [approval])


def test_again(cluster, mail):
    """A channel that failed holds up no other; what failed can be sent again, to a server that is back."""
    with ScriptedServer() as hooks:
        url = hooks.plan("/hook", [200])
        cluster.sql("SELECT hitl.configure_channel('hook', 'webhook', %s)", [Jsonb({"url": url})])
        configure_mail(cluster, mail, url="smtp://127.0.0.1:1")
        approval = ask(cluster, requested_from="ann")
        wait_until(lambda: ledger(cluster, approval)[("hook", None)] == "sent")
        failing = wait_until(lambda: cluster.sql("SELECT * FROM hitl.notifications WHERE approval_id = %s AND recipient = 'ann'"
                                                 " AND attempts > 0", [approval]))
        assert failing[0]["status"] == "queued" and failing[0]["error_message"]
        cluster.sql("UPDATE hitl.outbox SET status = 'failed', finished_at = now() WHERE channel = 'mail';")
        cluster.sql("UPDATE hitl.notification_ledger SET status = 'failed' WHERE channel = 'mail'")
        configure_mail(cluster, mail)
        assert cluster.value("SELECT hitl.resend_notification(%s)", [failing[0]["id"]])
        assert set(mails(cluster, mail, 1)) == {"ann@example.org"}
        assert ledger(cluster, approval)[("mail", "ann")] == "sent"


def test_mended(cluster, mail):
    """What waits for a channel goes the new way as soon as that is mended."""
    with ScriptedServer() as hooks:
        url = hooks.plan("/hook", [200])
        configure = "SELECT hitl.configure_channel('hook', 'webhook', %s)"
        cluster.sql(configure, [Jsonb({"url": "http://127.0.0.1:1/hook"})])
        configure_mail(cluster, mail, url="smtp://127.0.0.1:1")
        approval = ask(cluster, requested_from="ann")
        wait_until(lambda: cluster.value("SELECT bool_and(attempts > 0 AND status = 'queued') FROM hitl.notification_deliveries"
                                         " WHERE approval_id = %s", [approval]))
        cluster.sql(configure, [Jsonb({"url": url, "headers": {"X-Team": "a"}})])
        configure_mail(cluster, mail)
        assert set(mails(cluster, mail, 1)) == {"ann@example.org"}
        assert ledger(cluster, approval) == {("hook", None): "sent", ("mail", "ann"): "sent"}
        assert hooks.requests("/hook")[0].headers["x-team"] == "a"


def test_hook_that_is_to_be_tried_later(cluster, mail):
    """Whoever knows that a hook is well again need not wait for its next attempt."""
    with ScriptedServer() as hooks:
        url = hooks.plan("/hook", [{"status": 503, "headers": {"Retry-After": "18000"}}, 200])
        cluster.sql("SELECT hitl.configure_channel('hook', 'webhook', %s)", [Jsonb({"url": url})])
        approval = ask(cluster, requested_from="ann", channels=["hook"])
        wait_until(lambda: cluster.value("SELECT attempts = 1 AND status = 'queued' FROM hitl.notification_deliveries"
                                         " WHERE approval_id = %s", [approval]))
        assert cluster.value("SELECT hitl.resend_notification(id) FROM hitl.notifications WHERE approval_id = %s", [approval])
        wait_until(lambda: ledger(cluster, approval) == {("hook", None): "sent"})


@pytest.mark.parametrize("asked, told", [("nobody", 0), ("nobody,ann", 1)])
def test_without_address(cluster, mail, asked, told):
    """Whom a channel would tell and does not know where: the trail has it if nobody else is told."""
    workflow = cluster.value("SELECT hitl.execute_workflow(hitl.create_workflow('x', workflow_definition => %s))", [Jsonb(
        {"steps": [{"name": "ask", "type": "approval", "title": "Go?", "required_approvers": asked.split(",")},
                   {"name": "wait", "type": "signal", "signal": "never"}]})])
    wait_until(lambda: cluster.value("SELECT count(*) FROM hitl.approval_requests WHERE workflow_id = %s", [workflow]))
    mails(cluster, mail, told)
    wait_until(lambda: not cluster.value("SELECT count(*) FROM hitl.messages"))
    events = cluster.sql("SELECT event_type, step_name FROM hitl.workflow_events WHERE workflow_id = %s"
                         " AND event_type = 'approval_unreachable'", [workflow])
    assert [event["step_name"] for event in events] == ["ask"] * (1 - told)


def test_log_without_address(cluster, mail):
    """The log says which request nobody is told of, and not what it says."""
    approval = cluster.value("SELECT hitl.request_approval('Words of a person', requested_from => 'nobody')")
    log = cluster.log()
    assert f"nobody could be told of approval request {approval}" in log and "Words of a person" not in log


def test_again_elsewhere(cluster, mail):
    """What has failed, and is sent again, goes to where the channel goes by now."""
    with ScriptedServer() as hooks:
        old, new = hooks.plan("/old", [410]), hooks.plan("/new", [200])
        cluster.sql("SELECT hitl.configure_channel('hook', 'webhook', %s)", [Jsonb({"url": old})])
        approval = ask(cluster, requested_from="ann", channels=["hook"])
        wait_until(lambda: ledger(cluster, approval) == {("hook", None): "failed"})
        cluster.sql("SELECT hitl.configure_channel('hook', 'webhook', %s)", [Jsonb({"url": new})])
        assert cluster.value("SELECT hitl.resend_notification(id) FROM hitl.notifications WHERE approval_id = %s", [approval])
        wait_until(lambda: ledger(cluster, approval) == {("hook", None): "sent"})
        assert len(hooks.requests("/old")) == len(hooks.requests("/new")) == 1


def test_sendgrid(cluster, mail):
    """SendGrid's ids are none of mails: what follows a mail is sent all the same, in the same thread."""
    with ScriptedServer() as sendgrid:
        url = sendgrid.plan("/send", [{"status": 202, "headers": {"X-Message-Id": "14c5d75ce93.dfd.64b469"}}])
        cluster.sql("SELECT hitl.set_secret('sendgrid', 'SG.key')")
        cluster.sql("SELECT hitl.configure_channel('mail', 'email', %s, secret_name => 'sendgrid')", [
            Jsonb({"provider": "sendgrid", "url": url, "from": "approvals@example.org"})])
        approval = ask(cluster, requested_from="ann", requested_by="eve")
        wait_until(lambda: ledger(cluster, approval) == {("mail", "ann"): "sent"})
        cluster.sql("SELECT hitl.cancel_approval(%s)", [approval])
        wait_until(lambda: ledger(cluster, approval) == {("mail", "ann"): "sent", ("mail", "eve"): "sent"},
                   describe=lambda: cluster.sql("SELECT * FROM hitl.notifications WHERE approval_id = %s", [approval]))
        first, *later = [json.loads(request.body)["headers"] for request in sendgrid.requests("/send")]
        assert len(later) == 2 and all(mail["References"] == first["References"] for mail in later)


def test_generic(cluster, mail):
    """A body of one's own, and only of the events that are wanted."""
    with ScriptedServer() as hooks:
        url = hooks.plan("/ntfy", [200, 200])
        cluster.sql("SELECT hitl.set_secret('ntfy', 'tk_1', '{127.0.0.1}')")
        cluster.sql("SELECT hitl.configure_channel('ntfy', 'generic', %s, secret_name => 'ntfy', is_default => false, templates => %s)", [
            Jsonb({"url": url, "method": "PUT", "events": ["approval.approved"], "headers": {"X-Team": "a"}}),
            Jsonb({"body": {"message": "{{ $.data.title }} is {{ $.data.status }}", "data": "{{ $.data.context_data }}"}})])
        approval = ask(cluster, requested_from="ann", channels=["ntfy"], context_data={"amount": 5})
        cluster.sql("SELECT hitl.respond_to_approval(%s, 'ann', 'approved')", [approval])
        wait_until(lambda: ledger(cluster, approval) == {("ntfy", None): "sent"})
        request, = hooks.requests("/ntfy")
        assert request.method == "PUT" and json.loads(request.body) == {"message": "Pay 5 EUR is approved", "data": {"amount": 5}}
        assert request.headers["authorization"] == "Bearer tk_1" and request.headers["x-team"] == "a"
        cluster.sql("SELECT hitl.configure_channel('ntfy', 'generic', %s, templates => %s, is_default => false)", [
            Jsonb({"url": url}), Jsonb({"body": "{{ $.data.nothing }}"})])
        approval = ask(cluster, requested_from="ann", channels=["ntfy"])
        wait_until(lambda: ledger(cluster, approval) == {("ntfy", None): "failed"})


@pytest.mark.parametrize("act", ["UPDATE hitl.channel_configurations SET active = false", "DELETE FROM hitl.channel_configurations"])
def test_switched_off(cluster, mail, act):
    """A hook that is switched off, or dropped, is told nothing any more, also of what was queued before."""
    with ScriptedServer() as hooks:
        url = hooks.plan("/hook", [503, 200])
        cluster.sql("SELECT hitl.configure_channel('hook', 'webhook', %s, is_default => false)", [Jsonb({"url": url})])
        approval = ask(cluster, requested_from="ann", channels=["hook"], webhook={"url": hooks.plan("/own", [503, 200])})
        wait_until(lambda: cluster.value("SELECT count(*) = 2 FROM hitl.outbox WHERE approval_id = %s AND status = 'queued'"
                                         " AND attempts = 1", [approval]))
        cluster.sql(act)
        cluster.sql("UPDATE hitl.outbox SET next_attempt_at = now()")
        cluster.sql("NOTIFY hitl")
        wait_until(lambda: ledger(cluster, approval) == {("hook", None): "withdrawn", ("(request)", None): "sent"},
                   describe=lambda: ledger(cluster, approval))
        assert len(hooks.requests("/hook")) == 1 and len(hooks.requests("/own")) == 2


def test_unreachable_by_what_is_switched_off(cluster, mail):
    """Where the only channel is switched off before anybody was told, the workflow hears that nobody could be."""
    configure_mail(cluster, mail, url="smtp://127.0.0.1:1")
    workflow = cluster.value("SELECT hitl.execute_workflow(hitl.create_workflow('x', workflow_definition => %s))", [
        Jsonb({"steps": [{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}]})])
    wait_until(lambda: cluster.value("SELECT bool_and(attempts = 1) FROM hitl.notifications WHERE workflow_id = %s", [workflow]))
    cluster.sql("UPDATE hitl.channel_configurations SET active = false")
    cluster.sql("UPDATE hitl.outbox SET next_attempt_at = now()")
    cluster.sql("NOTIFY hitl")
    wait_until(lambda: cluster.value("SELECT count(*) = 1 FROM hitl.workflow_events WHERE workflow_id = %s"
                                     " AND event_type = 'approval_unreachable'", [workflow]),
               describe=lambda: cluster.sql("SELECT * FROM hitl.notifications WHERE workflow_id = %s", [workflow]))
    cluster.sql("SELECT hitl.cancel_workflow(%s)", [workflow])


def test_webhook_of_a_request(cluster, mail):
    """A step says where to report, by templates; what it reports is signed with the key for such hooks."""
    with ScriptedServer() as hooks:
        url = hooks.plan("/done", [200, 200])
        cluster.sql("SELECT hitl.set_secret('webhooks', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')")
        workflow = cluster.value("SELECT hitl.execute_workflow(hitl.create_workflow('x', workflow_definition => %s, input_data => %s))", [
            Jsonb({"steps": [{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann", "channels": ["mail"],
                              "webhook": {"url": "{{ $.variables.callback }}", "headers": {"X-Order": "{{ $.variables.order }}"}}}]}),
            Jsonb({"callback": url, "order": "7"})])
        hooks.wait_for("/done")
        approval = cluster.value("SELECT id FROM hitl.approval_requests WHERE workflow_id = %s", [workflow])
        cluster.sql("SELECT hitl.respond_to_approval(%s, 'ann', 'approved')", [approval])
        hooks.wait_for("/done", 2)
        asked, told = hooks.requests("/done")
        assert [json.loads(request.body)["type"] for request in (asked, told)] == ["approval.requested", "approval.approved"]
        assert told.headers["x-order"] == "7" and told.headers["webhook-signature"].startswith("v1,")
        assert asked.headers["webhook-id"] != told.headers["webhook-id"]
        wait_until(lambda: ledger(cluster, approval).get(("(request)", None)) == "sent")


def test_forgotten_transaction(cluster, mail):
    """While somebody has a row of the ledger locked, what was sent is not sent again, however long that takes."""
    approval = ask(cluster, requested_from="ann")
    mails(cluster, mail, 1)
    with cluster.connect(autocommit=False) as forgetful:
        notification, = forgetful.execute("SELECT id FROM hitl.notification_ledger WHERE approval_id = %s FOR NO KEY UPDATE",
                                          [approval]).fetchone()
        cluster.sql("SELECT hitl.send_notifications(ARRAY[%s]::uuid[])", [notification])
        wait_until(lambda: len(mail.mails) == 2)
        # Its lease ends; what comes after it is sent, and so the dispatcher has looked.
        cluster.sql("UPDATE hitl.outbox SET next_attempt_at = now() WHERE status = 'sending'")
        ask(cluster, "Pay 6 EUR", requested_from="bob")
        wait_until(lambda: any(received.recipients == ["bob@example.org"] for received in mail.mails))
        assert len(mail.mails) == 3
    mails(cluster, mail, 3)
    assert ledger(cluster, approval) == {("mail", "ann"): "sent"}
    assert cluster.value("SELECT max(attempts) FROM hitl.outbox WHERE notification_id = %s", [notification]) == 1


@pytest.mark.parametrize("table, send", [("sign_in_links", "hitl.send_sign_in_link('ann@example.org', '/approvals')"),
                                         ("slack_links", "hitl.send_slack_link('T1', 'U1', 'ann@example.org')")])
def test_locked_link(cluster, mail, table, send):
    """A link that somebody has locked does not keep other mails waiting."""
    configure_mail(cluster, mail, url="smtp://127.0.0.1:1")
    cluster.sql(f"SELECT {send}")
    wait_until(lambda: cluster.value("SELECT bool_and(status = 'queued' AND attempts = 1) FROM hitl.outbox"))
    with cluster.connect(autocommit=False) as forgetful:
        assert forgetful.execute(f"SELECT id FROM hitl.{table} FOR UPDATE").fetchone()
        configure_mail(cluster, mail)
        ask(cluster, requested_from="bob")
        wait_until(lambda: [received.recipients for received in mail.mails] == [["bob@example.org"]])
        wait_until(lambda: settled(cluster))


def unsent(cluster, mail, approval):
    """A mail server that is down has got nothing yet; what is queued for it is tried when the test wants that."""
    wait_until(lambda: cluster.value("SELECT bool_and(status = 'queued' AND attempts = 1) FROM hitl.outbox WHERE approval_id = %s",
                                     [approval]))


def try_again(cluster, approval):
    cluster.sql("UPDATE hitl.outbox SET next_attempt_at = now() WHERE approval_id = %s AND status = 'queued'", [approval])
    cluster.sql("NOTIFY hitl")


def test_asked_again_who_was_not_told(cluster, mail):
    """Whoever is asked, then somebody else, then he again, hears of it, if he has not before."""
    configure_mail(cluster, mail, url="smtp://127.0.0.1:1")
    approval = ask(cluster, requested_from="ann")
    unsent(cluster, mail, approval)
    cluster.sql("SELECT hitl.reassign_approval(%s, 'bob', from_approver => 'ann')", [approval])
    try_again(cluster, approval)
    wait_until(lambda: ledger(cluster, approval)[("mail", "ann")] == "withdrawn")
    cluster.sql("DELETE FROM hitl.outbox")
    configure_mail(cluster, mail)
    cluster.sql("SELECT hitl.reassign_approval(%s, 'ann', from_approver => 'bob')", [approval])
    assert set(mails(cluster, mail, 1)) == {"ann@example.org"}
    cluster.sql("SELECT hitl.reassign_approval(%s, 'bob', from_approver => 'ann')", [approval])
    assert set(mails(cluster, mail, 2)) == {"ann@example.org", "bob@example.org"}
    # Now he has.
    cluster.sql("SELECT hitl.reassign_approval(%s, 'ann', from_approver => 'bob')", [approval])
    mails(cluster, mail, 2)


def test_asked_again_while_it_is_withdrawn(cluster, mail):
    """What has nothing to say any more when it is claimed, but has when that is noted, is sent."""
    configure_mail(cluster, mail, url="smtp://127.0.0.1:1")
    approval = ask(cluster, policy={"all_of": [{"from": "ann"}, {"from": "bob"}]}, context_data={"amount": 5})
    unsent(cluster, mail, approval)
    cluster.sql("SELECT hitl.respond_to_approval(%s, 'ann', 'approved')", [approval])
    with cluster.connect(autocommit=False) as slow:
        cluster.sql("UPDATE hitl.outbox SET next_attempt_at = now() WHERE approval_id = %s", [approval])
        slow.execute("SELECT hitl.revise_approval(%s, context_data => '{\"amount\": 500}')", [approval])
        configure_mail(cluster, mail)
        wait_until(lambda: cluster.value("SELECT count(*) = 2 FROM hitl.outbox WHERE approval_id = %s AND status = 'sending'", [approval]))
    wait_until(lambda: any(received.recipients == ["ann@example.org"] for received in mail.mails),
               describe=lambda: cluster.sql("SELECT * FROM hitl.notification_ledger WHERE approval_id = %s", [approval]))


def test_killed_dispatcher(cluster, mail):
    """What was on its way when the dispatcher died arrives, once more at most, with the same Message-ID."""
    for number in range(30):
        ask(cluster, f"Pay {number}", requested_from="ann")
        if number % 10 == 9:
            pid = wait_until(lambda: cluster.value("SELECT pid FROM hitl.workers WHERE kind = 'dispatcher'"))
            cluster.kill(pid)
            cluster.wait_until_gone(pid)
            cluster.wait_for_workers()
    wait_until(lambda: settled(cluster))
    ids = {}
    for received in mail.mails:
        ids.setdefault(received.message["Subject"], set()).add(received.message["Message-ID"])
    assert len(ids) == 30 and all(len(found) == 1 for found in ids.values())
