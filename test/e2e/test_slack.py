"""Requests in Slack: messages that show how they stand, buttons, forms, the command /approvals.

What comes in is handed to the functions behind the routes, as the gateway does.
"""
import json
import re
import sys
import time

import pytest
from approvals import answers, ask, configure_mail, settled, status
from harness import ROOT, wait_until
from official import run_official
from psycopg.types.json import Jsonb

sys.path.insert(0, str(ROOT / "test/servers"))
from mail_server import MailServer  # noqa: E402
from slack_server import SlackServer  # noqa: E402

SETTINGS = {"hitl__allowed_private_hosts": "127.0.0.1,localhost", "hitl__public_url": "https://hitl.example.org"}

ANN = ("T1", "U1")
BOB = ("T1", "U2")
MALLORY = ("T1", "U9")


@pytest.fixture
def slack(cluster):
    with SlackServer("xoxb-1", "not this one") as server:
        cluster.psql(f"""
            DELETE FROM hitl.channel_configurations;
            SELECT hitl.set_secret('slack.token', 'xoxb-1'), hitl.set_secret('slack.signing', 'not this one');
            SELECT hitl.configure_channel('slack', 'slack', '{{"url": "{server.url}", "room": "C1", "direct": true}}',
                secret_name => 'slack.token', signing_secret_name => 'slack.signing');
        """)
        yield server
        cluster.psql("DELETE FROM hitl.channel_configurations; DELETE FROM hitl.outbox")


@pytest.fixture(scope="module", autouse=True)
def people(cluster):
    cluster.psql("""
        SELECT hitl.create_principal('ann', email => 'ann@example.org', slack_team => 'T1', slack_user => 'U1',
                                     display_name => 'Ann');
        SELECT hitl.create_principal('bob', email => 'bob@example.org', slack_team => 'T1', slack_user => 'U2');
        SELECT hitl.create_principal('mallory', email => 'mallory@example.org', slack_team => 'T1', slack_user => 'U9');
        SELECT hitl.create_group('finance', members => '{ann,bob}');
    """)


def texts(message):
    """All that a message shows."""
    return json.dumps(message, ensure_ascii=False)


def buttons(message):
    return [element["action_id"] for block in message.get("blocks", ()) if block["type"] == "actions"
            for element in block["elements"]]


def shown(cluster, slack, count=3):
    """The messages, once all are there: of the room, and of each person."""
    wait_until(lambda: len(slack.messages) >= count and settled(cluster), describe=lambda: (
        slack.calls, cluster.sql("SELECT * FROM hitl.notifications")))
    return {place[0]: place for place in slack.messages}


def send(cluster, slack, fields, path="/slack/interactions", now=None, **changed):
    """What hitl answers to a form of Slack."""
    headers, body = slack.signed(fields, now)
    headers.update(changed)
    return answer_to(cluster, path, headers, body)


def answer_to(cluster, path, headers, body, method="POST"):
    return cluster.value("SELECT hitl.http_answer(%s, %s, headers => %s, body => %s)", [method, path, Jsonb(headers), body])


def test_button(cluster, slack):
    """A button decides, and every message shows it."""
    approval = ask(cluster, requested_from="finance", context_data={"amount": 5})
    places = shown(cluster, slack)
    assert set(places) == {"C1", "D1", "D2"}
    assert all(buttons(message)[:2] == ["hitl_approve", "hitl_reject"] for message in slack.messages.values())
    assert send(cluster, slack, slack.press(places["D1"], "hitl_approve", *ANN)) == {"status": 200}
    assert status(cluster, approval) == "approved"
    assert answers(cluster, approval) == [("ann", "approved", None, "slack")]
    evidence = cluster.value("SELECT evidence FROM hitl.approval_responses WHERE approval_id = %s", [approval])
    assert (evidence["team"], evidence["user"], evidence["message"]) == (*ANN, places["D1"][1])
    wait_until(lambda: settled(cluster))
    assert not any(buttons(message) for message in slack.messages.values())
    assert all("Approved" in texts(message) and "Ann" in texts(message) for message in slack.messages.values())
    assert {row["status"] for row in cluster.sql(
        "SELECT status FROM hitl.notifications WHERE approval_id = %s AND recipient = 'ann'", [approval])} == {"answered"}


def test_decided_elsewhere(cluster, slack):
    """By whatever way a request ends, its messages show it, and their buttons are gone."""
    for act, word in (("hitl.respond_to_approval(%s, 'bob', 'rejected', feedback => 'too much')", "too much"),
                      ("hitl.cancel_approval(%s)", "ithdrawn"), ("hitl.expire_approval(%s)", "xpired")):
        slack.messages.clear()
        approval = ask(cluster, requested_from="finance")
        shown(cluster, slack)
        cluster.sql(f"SELECT {act}", [approval])
        wait_until(lambda: settled(cluster))
        assert not any(buttons(message) for message in slack.messages.values())
        assert all(word in texts(message) for message in slack.messages.values()), slack.messages


def test_never_shown(cluster, slack):
    """What was decided before anybody was told is not asked any more."""
    with cluster.connect(autocommit=False) as connection:
        approval = connection.execute("SELECT hitl.request_approval('Pay', requested_from => 'ann')").fetchone()[0]
        connection.execute("SELECT hitl.respond_to_approval(%s, 'ann', 'approved')", [approval])
    wait_until(lambda: settled(cluster))
    assert not slack.messages
    assert {row["status"] for row in cluster.sql(
        "SELECT status FROM hitl.notifications WHERE approval_id = %s", [approval])} == {"withdrawn", "answered"}


def test_changed_while_it_is_sent(cluster, slack):
    """A decision that comes while a message is on its way changes it once it is there."""
    with slack.lock:
        approval = ask(cluster, requested_from="ann")
        wait_until(lambda: cluster.value("SELECT count(*) = 2 FROM hitl.outbox WHERE approval_id = %s AND status = 'sending'",
                                         [approval]))
        cluster.sql("SELECT hitl.respond_to_approval(%s, 'ann', 'approved')", [approval])
    wait_until(lambda: settled(cluster) and len(slack.messages) == 2)
    assert not any(buttons(message) for message in slack.messages.values())


def test_reason(cluster, slack):
    """Who rejects is asked why."""
    approval = ask(cluster, requested_from="ann")
    place = shown(cluster, slack, 2)["D1"]
    send(cluster, slack, slack.press(place, "hitl_reject", *ANN))
    wait_until(lambda: slack.views)
    assert status(cluster, approval) == "pending"
    view = slack.views[-1][1]
    reply = send(cluster, slack, slack.submit(view, *ANN, {"feedback": {"value": "Too dear."}}))
    assert reply["status"] == 200 and "json" not in reply
    assert answers(cluster, approval) == [("ann", "rejected", "Too dear.", "slack")]


def test_form(cluster, slack):
    """A form is filled in within Slack; what is wrong is told at its field, and nothing is decided."""
    approval = ask(cluster, requested_from="ann", approval_type="budget", context_data={"requested_amount": 100, "max_amount": 150})
    place = shown(cluster, slack, 2)["D1"]
    assert buttons(slack.messages[place])[0] == "hitl_open"
    send(cluster, slack, slack.press(place, "hitl_open", *ANN))
    wait_until(lambda: slack.views)
    view = slack.views[-1][1]
    decision = {"decision": {"type": "radio_buttons", "selected_option": {"value": "approved"}}}
    bad = {**decision, "answer/approved_amount": {"value": "1000"}, "answer/justification": {"value": "since it is needed"}}
    reply = send(cluster, slack, slack.submit(view, *ANN, bad))
    assert reply["json"]["response_action"] == "errors" and list(reply["json"]["errors"]) == ["answer/approved_amount"]
    assert status(cluster, approval) == "pending"
    good = {**bad, "answer/approved_amount": {"value": "120.50"}}
    assert send(cluster, slack, slack.submit(view, *ANN, good))["status"] == 200
    assert status(cluster, approval) == "approved"
    assert cluster.value("SELECT response_data ->> 'approved_amount' FROM hitl.approval_responses WHERE approval_id = %s",
                         [approval]) == "120.50"


def test_link_to_the_page(cluster, slack):
    """A message leads to a page, where its recipient answers, too; the link stands in the message alone."""
    approval = ask(cluster, requested_from="finance")
    places = shown(cluster, slack)
    link = re.search(r"https://hitl[.]example[.]org(/a/([\w-]+))", texts(slack.messages[places["D1"]]))
    for table in ("hitl.outbox", "hitl.notification_ledger", "hitl.action_tokens"):
        assert not cluster.value(f"SELECT EXISTS (SELECT FROM {table} t WHERE t::text LIKE %s)", [f"%{link[2]}%"])
    page = answer_to(cluster, link[1], {}, None, "GET")
    code = re.search(r'name="csrf" value="([^"]+)"', page["body"])[1]
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert answer_to(cluster, link[1], form, f"decision=approved&csrf={code}")["status"] == 303
    assert answers(cluster, approval) == [("ann", "approved", None, "slack")]
    wait_until(lambda: settled(cluster))


def test_strangers(cluster, slack):
    """Who is not asked, or not known, is told so and nobody else is; nothing is decided."""
    approval = ask(cluster, requested_from="ann")
    place = shown(cluster, slack, 2)["C1"]
    for person, word in ((MALLORY, "not asked"), (("T1", "U7"), "/approvals link"), (("T2", "U1"), "/approvals link")):
        slack.whispers.clear()
        for action in ("hitl_approve", "hitl_open"):
            assert send(cluster, slack, slack.press(place, action, *person)) == {"status": 200}
        wait_until(lambda: len(slack.whispers) == 2)
        for _, whisper in slack.whispers:
            assert whisper["response_type"] == "ephemeral" and whisper["replace_original"] is False and word in whisper["text"]
    assert not slack.views and not answers(cluster, approval)


def test_guest(cluster, slack):
    """A guest in a channel is of his own team: his id may be that of somebody here."""
    approval = ask(cluster, requested_from="ann")
    place = shown(cluster, slack, 2)["C1"]
    for channel_team in (None, "T2"):
        if channel_team:
            cluster.sql("UPDATE hitl.channel_configurations SET settings = settings || jsonb_build_object('team', %s::text)", [channel_team])
        press = slack.press(place, "hitl_approve", *ANN)
        payload = json.loads(press["payload"])
        if not channel_team:
            payload["user"]["team_id"] = "T2"
            payload["team"] = {"id": "T1", "domain": "here"}
        slack.whispers.clear()
        assert send(cluster, slack, {"payload": json.dumps(payload)}) == {"status": 200}
        wait_until(lambda: slack.whispers)
        assert "/approvals link" in slack.whispers[0][1]["text"]
    assert not answers(cluster, approval)


@pytest.mark.parametrize("team", [None, "T1"])
def test_app_of_several_workspaces(cluster, slack, team):
    """An app signs with one secret for all workspaces: what comes from one is heard by the channel that it has."""
    cluster.sql("UPDATE hitl.channel_configurations SET settings = settings || jsonb_strip_nulls(jsonb_build_object('team', %s::text))", [team])
    cluster.sql("SELECT hitl.set_secret('slack.elsewhere', 'xoxb-9'), hitl.configure_channel('elsewhere', 'slack', %s, is_default => false,"
                " secret_name => 'slack.elsewhere', signing_secret_name => 'slack.signing')",
                [Jsonb({"url": slack.url, "room": "C9", "team": "T9"})])
    approval = ask(cluster, requested_from="ann")
    place = shown(cluster, slack, 2)["D1"]
    command = {"command": "/approvals", "text": "", "team_id": "T1", "user_id": "U1", "response_url": slack.root + "/respond/1"}
    assert "Pay 5 EUR" in texts(send(cluster, slack, command, "/slack/commands"))
    send(cluster, slack, slack.press(place, "hitl_open", *ANN))
    wait_until(lambda: slack.views, describe=lambda: (slack.calls, slack.whispers))
    assert send(cluster, slack, slack.press(place, "hitl_approve", *ANN)) == {"status": 200}
    assert status(cluster, approval) == "approved"
    # In the other one, nobody is known.
    assert "/approvals link" in texts(send(cluster, slack, {**command, "team_id": "T9"}, "/slack/commands"))


def test_gone(cluster, slack):
    """Where nothing can be whispered any more, the channel goes on."""
    approval = ask(cluster, requested_from="ann")
    place = shown(cluster, slack, 2)["C1"]
    press = slack.press(place, "hitl_approve", *MALLORY)
    payload = json.loads(press["payload"])
    payload["response_url"] = slack.root + "/gone"
    assert send(cluster, slack, {"payload": json.dumps(payload)}) == {"status": 200}
    wait_until(lambda: settled(cluster))
    assert cluster.value("SELECT response_status FROM hitl.outbox WHERE url LIKE '%%/gone'") == 410
    assert cluster.value("SELECT active FROM hitl.channel_configurations")
    cluster.sql("SELECT hitl.cancel_approval(%s)", [approval])


def test_form_of_a_stranger(cluster, slack):
    """A form that somebody else sends decides nothing."""
    approval = ask(cluster, requested_from="ann")
    send(cluster, slack, slack.press(shown(cluster, slack, 2)["D1"], "hitl_reject", *ANN))
    wait_until(lambda: slack.views)
    reply = send(cluster, slack, slack.submit(slack.views[-1][1], *MALLORY, {"feedback": {"value": "no"}}))
    assert reply["json"]["response_action"] == "errors"
    assert not answers(cluster, approval)


def test_signature(cluster, slack):
    """What is not signed, signed by somebody else or at another time, changed, or sent again by others, decides nothing."""
    approval = ask(cluster, requested_from="ann")
    fields = slack.press(shown(cluster, slack, 2)["D1"], "hitl_approve", *ANN)
    now = time.time()
    for at in (now - 301, now + 320, 0):
        assert send(cluster, slack, fields, now=at)["status"] == 401
    for changed in ({"x-slack-signature": "v0=" + "0" * 64}, {"x-slack-signature": ""}, {"x-slack-signature": "v0="},
                    {"x-slack-request-timestamp": str(int(now) - 1)}, {"x-slack-request-timestamp": "now"},
                    {"x-slack-request-timestamp": ""}):
        assert send(cluster, slack, fields, **changed)["status"] == 401
    headers, body = slack.signed(fields)
    for missing in ("x-slack-signature", "x-slack-request-timestamp"):
        assert answer_to(cluster, "/slack/interactions", {k: v for k, v in headers.items() if k != missing}, body)["status"] == 401
    assert answer_to(cluster, "/slack/interactions", headers, body.replace("U1", "U2"))["status"] == 401
    slack.secret = "another one"
    assert send(cluster, slack, fields)["status"] == 401
    # Of what claims to be a look whether somebody is here, nothing else counts.
    assert answer_to(cluster, "/slack/interactions", {"content-type": headers["content-type"]}, "ssl_check=1&" + body) == {"status": 200}
    assert answer_to(cluster, "/slack/interactions", headers, body + "&ssl_check=1") == {"status": 200}
    assert not answers(cluster, approval)


SIGN = """
import sys
from slack_sdk.signature import SignatureVerifier
secret, stamp, body = sys.argv[1:]
print(SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body))
"""


def test_signed_by_the_official_library(cluster, slack):
    """What Slack's own library has signed is heard."""
    approval = ask(cluster, requested_from="ann")
    headers, body = slack.signed(slack.press(shown(cluster, slack, 2)["D1"], "hitl_approve", *ANN))
    headers["x-slack-signature"], = run_official(SIGN, slack.secret, headers["x-slack-request-timestamp"], body)
    assert answer_to(cluster, "/slack/interactions", headers, body) == {"status": 200}
    assert status(cluster, approval) == "approved"


def test_sent_again(cluster, slack):
    """What Slack sends again, since it has not heard that it arrived, is done once."""
    approval = ask(cluster, requested_from="finance", required_approvers=["ann", "bob"])
    fields = slack.press(shown(cluster, slack)["D1"], "hitl_approve", *ANN)
    for _ in range(3):
        assert send(cluster, slack, fields) == {"status": 200}
    assert len(answers(cluster, approval)) == 1
    wait_until(lambda: settled(cluster))
    assert not slack.whispers


@pytest.mark.parametrize("button", ["hitl_approve", "hitl_reject", "hitl_open"])
def test_stale_button(cluster, slack, button):
    """A button of a message that shows what has changed since decides nothing, nor opens the form for what was not shown."""
    approval = ask(cluster, requested_from="ann", context_data={"amount": 5})
    fields = slack.press(shown(cluster, slack, 2)["D1"], button, *ANN)
    cluster.sql("SELECT hitl.revise_approval(%s, context_data => '{\"amount\": 500}')", [approval])
    send(cluster, slack, fields)
    wait_until(lambda: slack.whispers or slack.views)
    assert not slack.views
    assert "changed" in slack.whispers[0][1]["text"]
    assert status(cluster, approval) == "pending"
    wait_until(lambda: settled(cluster))
    assert all("500" in texts(message) for message in slack.messages.values())


def test_reminder(cluster, slack):
    """Who is reminded finds it in the thread of the message."""
    ask(cluster, requested_from=None, policy={"from": "ann", "remind": {"after": "1 second"}})
    place = shown(cluster, slack, 2)["D1"]
    wait_until(lambda: slack.thread.get(place))
    assert slack.thread[place][0]["thread_ts"] == place[1]
    assert buttons(slack.messages[place])


def test_moved(cluster, slack):
    """Whoever is another user of Slack by now, and is told again, has a message there that goes on to change."""
    approval = ask(cluster, requested_from="ann")
    shown(cluster, slack, 2)
    cluster.sql("SELECT hitl.update_principal('ann', slack_team => 'T1', slack_user => 'U7')")
    try:
        cluster.sql("SELECT hitl.resend_notification(id) FROM hitl.notifications WHERE approval_id = %s AND recipient = 'ann'", [approval])
        place = shown(cluster, slack)["D7"]
        assert buttons(slack.messages[place])
        cluster.sql("SELECT hitl.respond_to_approval(%s, 'ann', 'approved')", [approval])
        wait_until(lambda: settled(cluster))
        assert not buttons(slack.messages[place])
    finally:
        cluster.sql("SELECT hitl.update_principal('ann', slack_team => 'T1', slack_user => 'U1')")


def test_reminder_of_others(cluster, slack):
    """Who has answered is not reminded; his message shows that others have not."""
    approval = ask(cluster, policy={"all_of": [{"from": "ann"}, {"from": "bob"}]})
    places = shown(cluster, slack)
    cluster.sql("SELECT hitl.respond_to_approval(%s, 'ann', 'approved')", [approval])
    cluster.sql("SELECT hitl.queue_notifications('approval.reminder', ARRAY[%s]::uuid[])", [approval])
    wait_until(lambda: {"C1", "D2"} <= {place[0] for place in slack.thread} and settled(cluster))
    assert {place[0] for place in slack.thread} == {"C1", "D2"}
    assert "Approval needed" in texts(slack.messages[places["D1"]]) and "Ann: Approved" in texts(slack.messages[places["D1"]])


def test_reminder_after_a_change(cluster, slack):
    """A reminder does not keep a message from showing what has changed just before."""
    approval = ask(cluster, requested_from="ann", context_data={"amount": 5})
    places = shown(cluster, slack, 2)
    with cluster.connect(autocommit=False) as connection:
        connection.execute("SELECT hitl.revise_approval(%s, context_data => '{\"amount\": 500}')", [approval])
        connection.execute("SELECT hitl.queue_notifications('approval.reminder', ARRAY[%s]::uuid[])", [approval])
    wait_until(lambda: settled(cluster))
    assert all("500" in texts(slack.messages[place]) for place in places.values())
    content = cluster.value("SELECT encode(content_hash, 'hex') FROM hitl.approval_requests WHERE id = %s", [approval])
    assert all(content in texts(slack.messages[place]) for place in places.values())


def test_refusals(cluster, slack):
    """Slack says no with status 200: for a moment, or for good."""
    slack.refusals += [("ratelimited", 1), "internal_error"]
    approval = ask(cluster, requested_from="ann")
    shown(cluster, slack, 2)
    assert [row["attempts"] for row in cluster.sql("SELECT attempts FROM hitl.notifications WHERE approval_id = %s",
                                                   [approval])] == [2, 2]
    slack.refusals += ["channel_not_found"] * 2
    approval = ask(cluster, "Nobody", requested_from="ann")
    wait_until(lambda: cluster.value("SELECT count(*) = 2 FROM hitl.notifications WHERE approval_id = %s AND status = 'failed'"
                                     " AND error_message LIKE '%%channel_not_found%%'", [approval]))


def test_another_room(cluster, slack):
    """What could not be told to a room is told to the one that the channel has by now, again or by what happens next."""
    slack.refusals += ["channel_not_found"] * 2
    requests = [ask(cluster, requested_by="bob", requested_from="eve") for _ in range(2)]
    wait_until(lambda: cluster.value("SELECT count(*) = 2 FROM hitl.notifications WHERE approval_id = ANY (%s) AND status = 'failed'",
                                     [requests]))
    cluster.sql("UPDATE hitl.channel_configurations SET settings = settings || '{\"room\": \"C2\"}'")
    assert cluster.value("SELECT hitl.resend_notification(id) FROM hitl.notifications WHERE approval_id = %s", requests[:1])
    cluster.sql("SELECT hitl.revise_approval(%s, context_data => '{\"amount\": 500}')", requests[1:])
    assert set(shown(cluster, slack, 2)) == {"C2"}
    # What it has been told stays where it is, and changes.
    cluster.sql("UPDATE hitl.channel_configurations SET settings = settings || '{\"room\": \"C3\"}'")
    cluster.sql("SELECT hitl.resend_notification(id) FROM hitl.notifications WHERE approval_id = ANY (%s)", [requests])
    cluster.sql("SELECT hitl.cancel_approval(id) FROM unnest(%s::uuid[]) AS id", [requests])
    wait_until(lambda: settled(cluster))
    assert {place[0] for place in slack.messages} - {"D2"} == {"C2"}
    assert not any(buttons(message) for message in slack.messages.values())


def test_removed(cluster, slack):
    """Who has removed a message gets another one when he is told again."""
    approval = ask(cluster, requested_from="ann")
    slack.messages.pop(shown(cluster, slack, 2)["D1"])
    again = ("SELECT hitl.resend_notification(id) FROM hitl.notifications WHERE approval_id = %s AND recipient = 'ann'", [approval])
    cluster.sql(*again)
    wait_until(lambda: cluster.value("SELECT status = 'failed' AND error_message LIKE '%%message_not_found' FROM hitl.notifications"
                                     " WHERE approval_id = %s AND recipient = 'ann'", [approval]))
    cluster.sql(*again)
    place = shown(cluster, slack, 2)["D1"]
    cluster.sql("SELECT hitl.respond_to_approval(%s, 'ann', 'approved')", [approval])
    wait_until(lambda: settled(cluster))
    assert not buttons(slack.messages[place])


def test_unreachable(cluster, slack):
    """Where nobody can be told, the workflow and its trail know."""
    slack.refusals += ["channel_not_found"] * 2
    workflow = cluster.value("SELECT hitl.execute_workflow(hitl.create_workflow('x', workflow_definition => %s))", [Jsonb(
        {"steps": [{"name": "ask", "type": "approval", "title": "Go?", "requested_from": "ann"}]})])
    event = wait_until(lambda: cluster.sql("SELECT * FROM hitl.workflow_events WHERE workflow_id = %s"
                                           " AND event_type = 'approval_unreachable'", [workflow]))
    assert len(event) == 1 and event[0]["step_name"] == "ask"
    # That stays so when it has ended.
    cluster.sql("SELECT hitl.respond_to_approval(id, 'ann', 'approved') FROM hitl.approval_requests WHERE workflow_id = %s", [workflow])
    wait_until(lambda: cluster.value("SELECT status = 'completed' FROM hitl.workflows WHERE id = %s", [workflow]) and settled(cluster))
    assert {row["status"] for row in cluster.sql("SELECT n.status FROM hitl.notification_ledger n JOIN hitl.approval_requests a"
                                                 " ON a.id = n.approval_id WHERE a.workflow_id = %s", [workflow])} == {"failed"}


def test_thread(cluster, slack):
    """A request that came from a thread is asked there, if the channel says so."""
    first = slack.post({"channel": "C7", "text": "Please deploy."})
    context = {"slack": {"channel": "C7", "thread_ts": first["ts"]}}
    place = ("C7", first["ts"])
    ask(cluster, requested_from="ann", context_data=context)
    assert set(shown(cluster, slack, 3)) == {"C7", "C1", "D1"} and place not in slack.thread
    cluster.sql("SELECT hitl.configure_channel('slack', 'slack', %s, secret_name => 'slack.token', signing_secret_name => 'slack.signing')",
                [Jsonb({"url": slack.url, "threads": True})])
    approval = ask(cluster, "Deploy", requested_from="ann", context_data=context)
    asked, = wait_until(lambda: slack.thread.get(place))
    assert "Deploy" in texts(asked) and buttons(asked)
    wait_until(lambda: settled(cluster))
    cluster.sql("SELECT hitl.respond_to_approval(%s, 'ann', 'approved')", [approval])
    wait_until(lambda: settled(cluster))
    method, body = slack.calls[-1]
    assert method == "chat.update" and body["channel"] == "C7" and not buttons(body)
    # One that came from nowhere is told nowhere.
    other = ask(cluster, "Elsewhere", requested_from="ann")
    assert cluster.value("SELECT count(*) FROM hitl.notifications WHERE approval_id = %s", [other]) == 0


def test_command(cluster, slack):
    """/approvals lists what waits for somebody, what is due first before the rest, with buttons."""
    cluster.sql("SELECT hitl.cancel_approval(id) FROM hitl.approval_requests WHERE status = 'pending'")
    command = {"command": "/approvals", "text": "", "team_id": "T1", "user_id": "U1", "response_url": slack.root + "/respond/1"}
    assert "Nobody waits" in send(cluster, slack, command, "/slack/commands")["json"]["text"]
    for number in range(12):
        ask(cluster, f"Pay <{number}> & more", requested_from="ann", timeout_hours=100 - number)
    reply = send(cluster, slack, command, "/slack/commands")["json"]
    assert reply["response_type"] == "ephemeral"
    slack.check_message({**reply, "channel": "x"})
    titles = [block["text"]["text"] for block in reply["blocks"] if block["type"] == "section"]
    assert titles == [f"Pay &lt;{number}&gt; &amp; more" for number in range(11, 1, -1)]
    assert re.search(r"asked a minute ago, due in \d days", texts(reply)) and "2 more" in texts(reply)
    assert len(buttons(reply)) >= 20
    # What is very long is cut where Slack takes it: it counts what is escaped, and some characters twice.
    for title in (2000 * "\N{MONEY BAG}", "x" + 2000 * "&", 2000 * "x&"):
        ask(cluster, title, requested_from="ann", requested_by=title, timeout_hours=1)
    reply = send(cluster, slack, command, "/slack/commands")["json"]
    slack.check_message({**reply, "channel": "x"})
    assert "\N{MONEY BAG}" in texts(reply)
    assert "/approvals link" in send(cluster, slack, {**command, "user_id": "U7"}, "/slack/commands")["json"]["text"]
    assert send(cluster, slack, command, "/slack/commands", now=time.time() - 400)["status"] == 401


def test_link(cluster, slack):
    """An address proves who somebody is in Slack: by a code in a mail, which is of use to nobody else."""
    command = {"command": "/approvals", "team_id": "T1", "user_id": "U5", "response_url": slack.root + "/respond/1"}

    def type_in(text, **who):
        return send(cluster, slack, {**command, **who, "text": text}, "/slack/commands")["json"]["text"]

    def slack_user():
        return cluster.value("SELECT slack_user FROM hitl.principals WHERE name = 'cid'")
    with MailServer() as server:
        cluster.psql("SELECT hitl.create_principal('cid', email => 'cid@example.org');")
        configure_mail(cluster, server, is_default=False)
        assert type_in("link <mailto:cid@example.org|cid@example.org>") == type_in("link nobody@example.org")
        wait_until(lambda: server.mails and settled(cluster))
    mail, = server.mails
    assert mail.recipients == ["cid@example.org"]
    code = re.search(r"/approvals code (\S+)", mail.message.get_content())[1]
    assert not cluster.value("SELECT EXISTS (SELECT FROM hitl.outbox o WHERE strpos(to_jsonb(o)::text, %s) > 0)", [code])
    for who in {"user_id": "U6"}, {"team_id": "T2"}:
        assert "somebody else" in type_in("code " + code, **who) and slack_user() is None
    assert "now on" in type_in("code " + code) and slack_user() == "U5"
    assert "has been used" in type_in("code " + code)
