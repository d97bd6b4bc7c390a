"""Mails through real mail servers: what arrives, what fails and how, and that nothing goes in the clear."""
import email.header
import email.utils
import sys
import uuid

import psycopg
import pytest
from harness import ROOT, running_cluster, wait_until

sys.path.insert(0, str(ROOT / "test/servers"))
from authority import authority  # noqa: E402
from mail_server import DROP, HANG, MailServer, ScriptedMailServer  # noqa: E402
from scripted_server import ScriptedServer  # noqa: E402

ONCE = {"max_attempts": 1}
FAST = {"max_attempts": 3, "policy": "fixed", "base_delay": 0.05, "jitter": 0}
MAIL = {"from": "hitl <hitl@example.org>", "to": ["ann@example.org"], "subject": "Approve?",
        "text": "Please look.\n", "html": "<p>Please look.</p>\n",
        "headers": {"Auto-Submitted": "auto-generated"}, "date": 1795699708}


@pytest.fixture(scope="module")
def certificates():
    with authority() as directory:
        yield directory


@pytest.fixture(scope="module")
def cluster(certificates):
    with running_cluster("mail", {"hitl__allowed_private_hosts": "localhost,127.0.0.1",
                                  "hitl__breaker_threshold": 0,
                                  "hitl__ca_file": certificates / "ca.pem"}) as made:
        yield made


@pytest.fixture
def outbox(outbox):
    outbox.execute("SELECT hitl.set_secret('mail', 'pass word')")
    return outbox


@pytest.fixture
def server(certificates):
    with MailServer(certificates) as running:
        yield running


def put(outbox, server, mail=None, settings=None, **columns):
    """Queue a mail, with other members than usual."""
    columns.setdefault("retry", ONCE)
    if settings is not None:
        columns["settings"] = settings
    if not isinstance(mail, str):
        mail = psycopg.types.json.Jsonb({**MAIL, **(mail or {})})
        mail = outbox.execute("SELECT %s::text", [mail]).fetchone()[0]
    url = server if isinstance(server, str) else server.url
    return outbox.put(url, purpose="notification", provider="smtp", body=mail, **columns)


def send(outbox, server, mail=None, settings=None, **columns):
    """The row when it is done with."""
    return outbox.finished(put(outbox, server, mail, settings, **columns))


CLEAR = {"tls": "none"}


# What arrives

def test_mail(outbox, server):
    row = send(outbox, server)
    assert (row["status"], row["response_status"], row["attempts"]) == ("delivered", 250, 1)
    assert row["response_body"] == "2.0.0 Ok: queued as 4F2A"
    assert row["error_message"] is None
    mail, = server.mails
    assert (mail.sender, mail.recipients) == ("hitl@example.org", ["ann@example.org"])
    assert mail.tls
    message = mail.message
    assert message["From"] == "hitl <hitl@example.org>"
    assert message["To"] == "ann@example.org"
    assert message["Subject"] == "Approve?"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == f"<{row['id']}@example.org>" == row["provider_message_id"]
    assert email.utils.parsedate_to_datetime(message["Date"]).timestamp() == MAIL["date"]
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), text.get_content()) == ("text/plain", "Please look.\r\n")
    assert (html.get_content_type(), html.get_content()) == ("text/html", "<p>Please look.</p>\r\n")
    assert not message.defects and not text.defects and not html.defects


SUBJECTS = ["Rückzahlung über 420 € genehmigen? 🎉", "很长的主题" * 40, "word " * 60 + "end",
            "x" * 500, "=?UTF-8?Q?not_encoded?=", " two  blanks ", "", "a\\b\"c'd;e,f<g>"]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subjects(outbox, server, subject):
    assert send(outbox, server, {"subject": subject})["status"] == "delivered"
    mail, = server.mails
    assert mail.message["Subject"] == subject
    assert all(len(line) <= 998 for line in mail.content.split(b"\r\n"))
    assert max(map(len, mail.content.split(b"\r\n"))) <= 78 or subject == "x" * 500


NAMES = ["Ann", "Lee, Ann", 'Ann "the boss" Lee', "Jörg Müller, Dr.", "李安", "a@b.example", "x <y@z>",
         "back\\slash", "Very " * 40 + "Long", "Very, " * 40 + "Long", "🎉"]


@pytest.mark.parametrize("name", NAMES)
def test_names(outbox, server, name):
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    for written in (name, f'"{quoted}"'):
        assert send(outbox, server, {"from": f"{written} <hitl@example.org>",
                                     "to": [f"{written} <ann@example.org>"],
                                     "reply_to": f"{written} <r@example.org>"})["status"] == "delivered"
        mail = server.mails.pop()
        assert (mail.sender, mail.recipients) == ("hitl@example.org", ["ann@example.org"])
        for field, address in (("From", "hitl"), ("To", "ann"), ("Reply-To", "r")):
            found, = mail.message[field].addresses
            assert (found.display_name, found.addr_spec) == (name, f"{address}@example.org")


def test_long_name(outbox, server):
    """Of several encoded words; the parser of addresses of Python 3.11 would leave blanks between them."""
    name = "Jörg 李安 " * 40 + "Long"
    assert send(outbox, server, {"to": [f"{name} <ann@example.org>"]})["status"] == "delivered"
    raw = email.message_from_bytes(server.mails[0].content)["To"]
    assert str(email.header.make_header(email.header.decode_header(raw))) == f"{name} <ann@example.org>"
    assert all(len(line) <= 78 for line in raw.splitlines())


TEXTS = [".\n..\n.a\n\n.\n", "x" * 5000 + "\n", "From me\n>From\n", "trailing \t\nblanks   \n",
         "ünï€😀" * 500 + "\n", "a=b=3D\n", "no end", "", "\n\n\n", "tab\tand \x0b \x1b\n", "é\n" * 30,
         "a line of some length that is followed by the like of it\n" * 20000]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_texts(outbox, server, text):
    assert send(outbox, server, {"text": text, "html": f"<pre>{text}</pre>"})["status"] == "delivered"
    mail, = server.mails
    plain, html = mail.message.iter_parts()
    expected = text if text.endswith("\n") else text + "\n"
    assert plain.get_payload(decode=True).decode() == expected.replace("\n", "\r\n")
    assert html.get_payload(decode=True).decode() == f"<pre>{text}</pre>\n".replace("\n", "\r\n")
    assert all(len(line) <= 78 and line.isascii() for line in mail.content.split(b"\r\n"))


def test_line_breaks(outbox, server):
    """Whatever the text has, lines end in CRLF, and a lone CR ends none of SMTP's."""
    send(outbox, server, {"text": "a\r\nb\rc\nd\r\n.\r\ne\r.\rf", "html": None})
    mail, = server.mails
    assert mail.message.get_payload(decode=True) == b"a\r\nb\r\nc\r\nd\r\n.\r\ne\r\n.\r\nf\r\n"
    assert mail.message.get_content_type() == "text/plain"
    assert b"\r" not in mail.content.replace(b"\r\n", b"")


def test_threading_headers(outbox, server):
    references = " ".join(f"<{uuid.uuid4()}@hitl.example.org>" for _ in range(30))
    headers = {"Message-ID": "<m.1@example.org>", "In-Reply-To": "<m.0@example.org>",
               "References": references, "X-Note": "für Ännchen"}
    row = send(outbox, server, {"headers": headers})
    assert row["provider_message_id"] == "<m.1@example.org>"
    mail, = server.mails
    assert mail.message["Message-ID"] == "<m.1@example.org>"
    assert mail.message["In-Reply-To"] == "<m.0@example.org>"
    assert mail.message["References"] == references
    assert mail.message["X-Note"] == "für Ännchen"
    assert len(mail.message.get_all("Message-ID")) == 1


@pytest.mark.parametrize("line_break", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("member, value", [
    ("from", "a@example.org{}Bcc: eve@example.org"), ("from", "A{}Bcc: eve@example.org <a@example.org>"),
    ("to", ["a@example.org>{}RCPT TO:<eve@example.org"]), ("to", ["A{} <a@example.org>"]),
    ("reply_to", "a@example.org{}Bcc: eve@example.org"), ("subject", "s{}Bcc: eve@example.org"),
    ("headers", {"X-A": "b{}Bcc: eve@example.org"}), ("headers", {"X-A{}Bcc: eve@example.org": "b"}),
    ("headers", {"Message-ID": "<a@b>{}Bcc: eve@example.org"})])
def test_injection(outbox, server, member, value, line_break):
    def fill(part):
        if isinstance(part, dict):
            return {fill(name): fill(text) for name, text in part.items()}
        if isinstance(part, list):
            return [fill(text) for text in part]
        return part.replace("{}", line_break)

    row = send(outbox, server, {member: fill(value)}, retry=FAST)
    assert (row["status"], row["error_kind"], row["attempts"]) == ("failed", "validation_error", 1)
    assert row["error_message"].startswith("the mail cannot be sent: ")
    assert server.mails == [] and server.sessions == []


@pytest.mark.parametrize("mail, reason", [
    ("{}", "\"from\" is not a text"), ("no JSON", "not JSON"),
    ('{"from":"a@x","to":["b@x"],"subject":"a\\u0000b","text":""}', "U+0000"),
    ({"to": ["a@example.org", "b@example.org"]}, "\"to\" is not an array of one address"),
    ({"to": ["jörg@example.org"]}, "not ASCII"), ({"headers": {"Bcc": "a@example.org"}}, "may set")])
def test_faulty_documents(outbox, server, mail, reason):
    row = send(outbox, server, mail)
    assert (row["status"], row["error_kind"]) == ("failed", "validation_error")
    assert reason in row["error_message"]


# Security

def test_no_starttls(outbox):
    """A server that offers no TLS gets nothing, nor does it get the password."""
    with ScriptedMailServer(extensions=("AUTH PLAIN LOGIN",)) as server:
        row = send(outbox, server, settings={"user": "u"}, secret_name="mail")
        assert (row["status"], row["error_kind"]) == ("failed", "network_error")
        assert "STARTTLS" in row["error_message"]
        assert set(server.verbs()) <= {"EHLO", "QUIT"}


@pytest.mark.parametrize("replies", [{"STARTTLS": ["454 not now"]}, {"STARTTLS": ["220 go on"]},
                                     {"EHLO": ["502 what?"]}])
def test_starttls_fails(outbox, replies):
    with ScriptedMailServer(replies, extensions=("STARTTLS",)) as server:
        row = send(outbox, server)
        assert row["status"] == "failed"
        assert not {"MAIL", "AUTH", "HELO"} & set(server.verbs())


@pytest.mark.parametrize("implicit", [False, True])
def test_wrong_name(outbox, certificates, implicit):
    with MailServer(certificates, implicit=implicit) as server:
        row = send(outbox, server.url.replace("localhost", "127.0.0.1"))
        assert (row["status"], row["error_kind"]) == ("failed", "network_error")
        assert "127.0.0.1" in row["error_message"] and server.mails == []
        assert row["response_status"] is None


@pytest.mark.parametrize("implicit", [False, True])
def test_unknown_authority(outbox, implicit):
    with authority() as unknown, MailServer(unknown, implicit=implicit) as server:
        row = send(outbox, server)
        assert (row["status"], row["error_kind"]) == ("failed", "network_error")
        assert "certificate" in row["error_message"] and server.mails == []


@pytest.mark.parametrize("implicit", [False, True])
def test_login(outbox, certificates, implicit):
    with MailServer(certificates, {"üser@example.org": "pass word"}, implicit) as server:
        row = send(outbox, server, settings={"user": "üser@example.org"}, secret_name="mail")
        assert row["status"] == "delivered", row["error_message"]
        mail, = server.mails
        assert mail.user[0] == "üser@example.org" and mail.tls

        row = send(outbox, server, settings={"user": "somebody"}, secret_name="mail", retry=FAST)
        assert (row["status"], row["error_kind"]) == ("failed", "authentication_error")
        assert (row["response_status"], row["attempts"]) == (535, 1)
        assert "user and password" in row["error_message"] and len(server.mails) == 1

        row = send(outbox, server)  # without either
        assert (row["status"], row["error_kind"]) == ("failed", "authentication_error")
        assert row["response_status"] == 530


def test_login_mechanisms(outbox):
    for mechanism, commands in (("PLAIN", 1), ("LOGIN", 3)):
        with ScriptedMailServer({"AUTH": ["334 " if mechanism == "PLAIN" else "334 VXNlcm5hbWU6"]},
                                (f"AUTH {mechanism}",)) as server:
            server.replies["dQ=="] = ["334 UGFzc3dvcmQ6"]
            server.replies["DQ=="] = server.replies["dQ=="]
            server.replies["CGFZCYB3B3JK"] = ["235 ok"]
            server.replies["AHUACGFZCYB3B3JK"] = ["235 ok"]
            row = send(outbox, server, settings={**CLEAR, "user": "u"}, secret_name="mail")
            assert row["status"] == "delivered", (row["error_message"], server.commands)
            assert server.commands[1][1] == f"AUTH {mechanism}"


@pytest.mark.parametrize("reply, status, tried", [("535 5.7.8 wrong", "failed", 1),
                                                  ("454 4.7.0 later", "failed", 3),
                                                  ("421 too many", "failed", 3)])
def test_login_refused(outbox, reply, status, tried):
    with ScriptedMailServer({"AUTH": [reply] * 5}, ("AUTH PLAIN",)) as server:
        row = send(outbox, server, settings={**CLEAR, "user": "u"}, secret_name="mail", retry=FAST)
        assert (row["status"], row["attempts"]) == (status, tried)
        assert row["response_status"] == int(reply[:3])
        assert "MAIL" not in server.verbs()


def test_no_common_mechanism(outbox):
    with ScriptedMailServer(extensions=("AUTH SOMETHING",)) as server:
        row = send(outbox, server, settings={**CLEAR, "user": "u"}, secret_name="mail", retry=FAST)
        if row["status"] == "failed":
            assert (row["error_kind"], row["attempts"]) == ("authentication_error", 1)
        assert "AUTH" not in server.verbs()


@pytest.mark.parametrize("echo", ["pass word", "cGFzcyB3b3Jk", "AHUAcGFzcyB3b3Jk"])
def test_secrets_are_scrubbed(outbox, echo):
    with ScriptedMailServer({"AUTH": [f"535 unknown: {echo} again {echo}"]}, ("AUTH PLAIN",)) as server:
        row = send(outbox, server, settings={**CLEAR, "user": "u"}, secret_name="mail")
        assert row["status"] == "failed" and "535" in row["error_message"]
        assert echo not in str(row) and "*" * len(echo) in row["error_message"]


def test_clear_only_where_it_is_allowed(outbox, cluster):
    with ScriptedMailServer() as server:
        assert send(outbox, server, settings=CLEAR)["status"] == "delivered"
    row = send(outbox, "smtp://mail.example.org", settings=CLEAR)
    assert (row["status"], row["error_kind"]) == ("failed", "permission_error")
    assert "must use TLS" in row["error_message"]


def test_private_addresses(outbox, cluster, server):
    """Also on a connection that was kept from when it was allowed."""
    assert send(outbox, server)["status"] == "delivered"
    try:
        cluster.configure(hitl__allowed_private_hosts="")
        cluster.reload()

        def refused():
            row = send(outbox, server)
            return row if row["status"] == "failed" else None
        row = wait_until(refused)
        assert row["error_kind"] == "permission_error" and "is private" in row["error_message"]
    finally:
        cluster.configure(hitl__allowed_private_hosts="localhost,127.0.0.1")
        cluster.reload()
        wait_until(lambda: send(outbox, server)["status"] == "delivered")


@pytest.mark.parametrize("url, columns, reason", [
    ("https://example.org/", {}, "neither smtp nor smtps"),
    ("smtp://user:pass@localhost/", {}, "user name or password inside the URL"),
    ("smtp://localhost/a?b", {}, "no query"), ("smtp://localhost/a%20b", {}, "greet"),
    ("smtps://localhost", {"settings": {"tls": "none"}}, "smtps:// is TLS"),
    ("smtp://localhost", {"settings": {"tls": "tls"}}, "invalid setting tls"),
    ("smtps://localhost", {"settings": {"tls": "starttls"}}, "invalid setting tls"),
    ("smtp://localhost", {"settings": {"tls": "try"}}, "invalid setting tls"),
    ("smtp://localhost", {"settings": {"tls": 1}}, "not a text"),
    ("smtp://localhost", {"settings": {"password": "x"}}, "no setting"),
    ("smtp://localhost", {"settings": {"user": "u"}}, "both a user and a password"),
    ("smtp://localhost", {"secret_name": "mail"}, "both a user and a password"),
    ("smtp://localhost", {"settings": {"user": "u"}, "secret_name": "missing"}, "is not set"),
    ("smtp://localhost", {"headers": {"X-A": "b"}}, "are HTTP's")])
def test_faulty_rows(outbox, url, columns, reason):
    row = send(outbox, url, **columns)
    assert row["status"] == "failed" and reason in row["error_message"]


def test_only_notifications_go_by_mail(outbox, server):
    request = outbox.put(server.url, purpose="http", provider="smtp", body="{}")
    row = outbox.finished(request)
    assert (row["status"], row["error_kind"]) == ("failed", "validation_error")
    assert "neither http nor https" in row["error_message"]
    for columns in ({"purpose": "notification", "provider": "fax"},
                    {"purpose": "notification", "settings": {"tls": "none"}},
                    {"purpose": "http", "settings": {"tls": "none"}}):
        with pytest.raises(psycopg.errors.CheckViolation):
            outbox.put(server.url, **columns)


# Refusals

COMMANDS = ["CONNECT", "MAIL", "RCPT", "DATA", "BODY"]
STAGES = {"CONNECT": "the connection", "MAIL": "the sender", "RCPT": "the recipient",
          "DATA": "the message", "BODY": "the message"}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("reply", ["421 4.3.2 closing", "450 4.2.1 busy", "451-4.7.1 greylisted\r\n451 try later"])
def test_refused_for_now(outbox, command, reply):
    with ScriptedMailServer({command: [reply] * 2}) as server:
        request = put(outbox, server, settings=CLEAR, retry=FAST)
        row = outbox.finished(request)
        assert (row["status"], row["attempts"], row["response_status"]) == ("delivered", 3, 250)
        assert len(server.messages) == (3 if command == "BODY" else 1)


@pytest.mark.parametrize("command", [*COMMANDS, "EHLO"])
def test_refused_for_good(outbox, command):
    with ScriptedMailServer({command: ["550-5.1.1 no such user\r\n550 here"] * 2,
                             "HELO": ["550 no"]}) as server:
        row = send(outbox, server, settings=CLEAR, retry=FAST)
        assert (row["status"], row["attempts"], row["response_status"]) == ("failed", 1, 550)
        assert row["error_kind"] == "validation_error"
        if command in STAGES:
            assert row["error_message"] == \
                f"mail server localhost refused {STAGES[command]} with 550: 5.1.1 no such user here"
        assert row["provider_message_id"] is None


def test_gives_up(outbox):
    with ScriptedMailServer({"RCPT": ["450 busy"] * 5}) as server:
        row = send(outbox, server, settings=CLEAR, retry=FAST)
        assert (row["status"], row["attempts"]) == ("failed", 3)
        assert row["error_message"] == \
            "mail server localhost refused the recipient with 450: busy; gave up after 3 attempts"


def test_schedule(outbox):
    """Without an option of its own, a notification is tried again as all of them are."""
    with ScriptedMailServer({"RCPT": ["450 busy"]}) as server:
        request = put(outbox, server, settings=CLEAR, retry=None)
        row = outbox.failed_once(request)
        assert (row["status"], row["attempts"]) == ("queued", 1)
        assert row["next_attempt_at"] > outbox.now()


def test_retry_request(outbox):
    with ScriptedMailServer({"RCPT": ["550 no"]}) as server:
        request = put(outbox, server, settings=CLEAR)
        first = outbox.finished(request)
        assert first["status"] == "failed"
        outbox.execute("SELECT hitl.retry_request(%s)", [request])
        assert outbox.until(request, "delivered")["attempts"] == 1


@pytest.mark.parametrize("command", [*COMMANDS, "EHLO"])
def test_dropped(outbox, command):
    with ScriptedMailServer({command: [DROP]}) as server:
        row = send(outbox, server, settings=CLEAR, retry=FAST)
        assert (row["status"], row["attempts"]) == ("delivered", 2)
        with ScriptedMailServer({command: [DROP] * 9}) as other:
            row = send(outbox, other, settings=CLEAR)
            assert (row["status"], row["error_kind"]) == ("failed", "network_error")
            assert row["response_status"] is None


@pytest.mark.parametrize("command", [*COMMANDS, "EHLO"])
def test_hangs(outbox, command):
    """It times out, and nobody else has to wait for it."""
    with ScriptedMailServer({command: [HANG] * 9}) as server, ScriptedServer() as web:
        request = put(outbox, server, settings=CLEAR, timeout_seconds=2)
        if command == "CONNECT":
            wait_until(lambda: server.connections)
        elif command == "BODY":
            wait_until(lambda: server.messages)
        else:
            server.wait_for(command)
        other = outbox.put(web.plan("/hook", [200]), purpose="notification")
        assert outbox.finished(other)["status"] == "delivered"
        assert outbox.row(request)["status"] == "sending"
        row = outbox.finished(request)
        assert (row["status"], row["error_kind"]) == ("failed", "timeout")


@pytest.mark.parametrize("reply", ["hello", "99 x", "250", "2500 ok", "250ok", "250-a\r\n251 b", "\x00\x00\x00",
                                   "250-" + "x" * 9000, "250 ok\r\n550 no", "150 wait", "354 go on"])
@pytest.mark.parametrize("command", ["MAIL", "RCPT", "BODY"])
def test_senseless_replies(outbox, command, reply):
    with ScriptedMailServer({command: [reply]}) as server:
        row = send(outbox, server, settings=CLEAR)
        assert (row["status"] == "delivered") == (reply == "250" or
                                                  command == "BODY" and reply == "250 ok\r\n550 no")
        # Nothing is left over for the next one.
        assert send(outbox, server, settings=CLEAR)["status"] == "delivered"


def test_refused_in_the_middle(outbox):
    """A server that has had enough before the message has come."""
    with ScriptedMailServer({"EARLY": ["552 5.3.4 too much"]}) as server:
        row = send(outbox, server, {"text": "x" * 20_000_000}, settings=CLEAR)
        assert row["status"] == "failed"
        assert row["response_status"] in (552, None)
        assert send(outbox, server, settings=CLEAR)["status"] == "delivered"


# Connections

def test_connections_are_kept(outbox, server):
    for _ in range(3):
        assert send(outbox, server)["status"] == "delivered"
    assert {mail.connection for mail in server.mails} == {1}
    assert len({mail.id for mail in server.mails}) == 3


def test_kept_after_a_refusal(outbox):
    with ScriptedMailServer({"RCPT": ["550 no"]}) as server:
        assert send(outbox, server, settings=CLEAR)["status"] == "failed"
        server.wait_for("RSET")
        wait_until(lambda: send(outbox, server, settings=CLEAR)["status"] == "delivered")
        assert server.connections <= 2
        assert server.verbs(1)[:4] == ["EHLO", "MAIL", "RCPT", "RSET"]


def test_not_kept_for_others(outbox, certificates):
    """Who has another user gets a connection of his own."""
    outbox.execute("SELECT hitl.set_secret('other', 'other word')")
    with MailServer(certificates, {"a": "pass word", "b": "other word"}) as server:
        for user, secret in (("a", "mail"), ("b", "other"), ("a", "mail")):
            row = send(outbox, server, settings={"user": user}, secret_name=secret)
            assert row["status"] == "delivered"
        assert [(mail.connection, mail.user[0]) for mail in server.mails] == [(1, "a"), (2, "b"), (1, "a")]
        row = send(outbox, server, settings={"user": "a"}, secret_name="other")
        assert row["status"] == "failed" and len(server.mails) == 3


@pytest.mark.parametrize("end", ["drop", "421"])
def test_kept_connection_is_gone(outbox, end):
    """A server that has closed a kept connection costs no attempt."""
    with ScriptedMailServer() as server:
        assert send(outbox, server, settings=CLEAR)["status"] == "delivered"
        if end == "drop":
            server.replies["MAIL"] = [DROP]
        else:
            server.replies["MAIL"] = ["421 idle for too long"]
        row = send(outbox, server, settings=CLEAR)
        assert (row["status"], row["attempts"]) == ("delivered", 1)
        assert server.connections == 2


def test_restarted_server(outbox):
    with ScriptedMailServer() as server:
        assert send(outbox, server, settings=CLEAR)["status"] == "delivered"
        server.drop_all()
        row = send(outbox, server, settings=CLEAR)
        assert (row["status"], row["attempts"]) == ("delivered", 1)


def test_greeting(outbox):
    """The path of the URL is the name that is given in EHLO."""
    with ScriptedMailServer() as server:
        assert send(outbox, f"{server.url}/agent.example.org", settings=CLEAR)["status"] == "delivered"
        assert server.commands[0][1] == "EHLO agent.example.org"


def test_many(outbox, server):
    """200 at once: none is lost or doubled, and the server is not overrun."""
    outbox.execute("INSERT INTO hitl.outbox (id, purpose, provider, url, idempotency_key, body)"
                   " SELECT i, 'notification', 'smtp', %s, i, jsonb_set(%s, '{to,0}', to_jsonb(format('u%%s@example.org', n)))"
                   " FROM (SELECT n, hitl.uuidv7() AS i FROM generate_series(1, 200) n) AS s",
                   [server.url, psycopg.types.json.Jsonb(MAIL)])
    wait_until(lambda: outbox.execute("SELECT count(*) FROM hitl.outbox WHERE status = 'delivered'").fetchone()[0] == 200,
               describe=lambda: outbox.execute("SELECT status, error_message, count(*) FROM hitl.outbox GROUP BY 1, 2").fetchall())
    assert len(server.mails) == 200
    assert {mail.recipients[0] for mail in server.mails} == {f"u{n}@example.org" for n in range(1, 201)}
    assert len({mail.id for mail in server.mails}) == 200
    assert server.most_under_way <= 10
    assert outbox.execute("SELECT max(attempts) FROM hitl.outbox").fetchone()[0] == 1


def test_limit(outbox, server):
    outbox.execute("SELECT hitl.set_limit('host', %s, max_concurrency => 2)", [f"localhost:{server.port}"])
    try:
        requests = [put(outbox, server) for _ in range(20)]
        assert {outbox.finished(request)["status"] for request in requests} == {"delivered"}
        assert server.most_under_way <= 2
    finally:
        outbox.execute("SELECT hitl.drop_limit('host', %s)", [f"localhost:{server.port}"])


def test_killed_in_the_middle(outbox, cluster, server):
    """At least once, and the same mail."""
    server.holding = True
    request = put(outbox, server, retry=None)
    wait_until(lambda: server.held == 1)
    dispatcher = cluster.worker("dispatcher")["pid"]
    cluster.kill(dispatcher)
    cluster.wait_until_gone(dispatcher)
    server.holding = False
    row = outbox.until(request, "delivered")
    assert row["attempts"] == 2
    wait_until(lambda: len(server.mails) in (1, 2))
    assert {mail.content for mail in server.mails} == {server.mails[0].content}
    assert row["provider_message_id"] == server.mails[-1].id


def test_breaker(outbox, cluster):
    """A mail server that cannot be reached is left alone for a while."""
    try:
        cluster.configure(hitl__breaker_threshold=3)
        cluster.reload()
        with ScriptedMailServer({"CONNECT": ["421 no"] * 50}) as server:
            for _ in range(10):
                put(outbox, server, settings=CLEAR)
            state = wait_until(lambda: outbox.execute(
                "SELECT state, waiting_requests FROM hitl.circuit_breakers WHERE host = %s", [server.url]).fetchone())
            assert state[0] in ("open", "half_open")
            outbox.execute("DELETE FROM hitl.outbox")
            outbox.execute("SELECT hitl.reset_circuit_breaker(%s)", [server.url])
    finally:
        cluster.configure(hitl__breaker_threshold=0)
        cluster.reload()
