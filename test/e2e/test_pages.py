"""The pages of the gateway in a real browser: from the link in a mail to the decision, and all around it."""
import re
import socket
import sys
from contextlib import ExitStack

import approvals
import pytest
from accessibility import AUDIT, FOCUS, TOUCH
from browser import DESKTOP, PHONE, browsing
from gateway import Gateway
from harness import ROOT, free_port, running_cluster, wait_until
from psycopg.types.json import Jsonb
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

sys.path.insert(0, str(ROOT / "test/servers"))
from listener import on_free_port  # noqa: E402
from mail_server import MailServer  # noqa: E402

PEOPLE = """
    SELECT hitl.create_principal('ann', email => 'ann@example.org', display_name => 'Ann Smith'),
           hitl.create_principal('bob', email => 'bob@example.org', display_name => 'Bob Jones'),
           hitl.create_principal('eve', email => 'eve@example.org', display_name => 'Eve Black'),
           hitl.create_principal('shop', kind => 'service', display_name => 'Web shop');
    SELECT hitl.create_group('both', members => '{ann,bob}');
"""
CONTEXT = {"order": {"number": 4711, "items": [
    {"sku": "A-1", "name": "Lamp", "price": 79.9, "quantity": 2},
    {"sku": "B-22", "name": "An article with a very long name, which nobody has ever heard of", "price": 12, "quantity": 1}]},
    "reason": "The lamp arrived broken. " * 40, "file": "https://example.org/" + "x" * 200, "gift": True, "note": None,
    "<script>alert(1)</script>": "<img src=http://127.0.0.1:1/x onerror=alert(1)><style>*{display:none}</style>"}
KINDS = {"type": "object", "required": ["text", "number", "choice", "list", "date", "agreed", "address"], "properties": {
    "text": {"type": "string", "title": "Text", "minLength": 3, "maxLength": 20},
    "number": {"type": "number", "title": "Number", "minimum": 1, "maximum": 500},
    "count": {"type": "integer", "title": "Count"},
    "choice": {"type": "string", "title": "Choice", "enum": ["bank", "card", "voucher"]},
    "list": {"type": "string", "title": "List", "enum": ["AT", "BE", "CH", "DE", "FR", "IT", "NL"]},
    "tags": {"type": "array", "title": "Tags", "items": {"type": "string", "enum": ["urgent", "fragile", "gift"]}, "uniqueItems": True},
    "lines": {"type": "array", "title": "Lines", "items": {"type": "string"}},
    "date": {"type": "string", "format": "date", "title": "Date"},
    "instant": {"type": "string", "format": "date-time", "title": "Instant"},
    "time": {"type": "string", "format": "time", "title": "Time"},
    "email": {"type": "string", "format": "email", "title": "E-mail"},
    "url": {"type": "string", "format": "uri", "title": "Address of a page"},
    "agreed": {"type": "boolean", "title": "The customer has agreed"},
    "remarks": {"type": "string", "title": "Remarks"},
    "address": {"type": "object", "title": "Address", "required": ["city"], "properties": {
        "street": {"type": "string", "title": "Street"}, "city": {"type": "string", "title": "City"}}}}}
LOOKS = {"remarks": {"ui:widget": "textarea"}}
PRESETS = {"code": {"default": "5"}, "flag": {"default": "true"}, "none": {"default": ""}, "word": {"default": "as it is"},
           "opens": {"type": "string", "format": "time", "default": "01:30:00+02:00"},
           "instant": {"type": "string", "format": "date-time", "default": "2026-01-01T10:00:00.123456+02:00"},
           "letter": {"type": "string", "default": "Dear customer,\n\nthank you."}}
EVERYBODY = ("ann", "bob", "eve")


class Site:
    """A gateway, the mails it has sent, and what it has recorded."""

    def __init__(self, cluster, server, base):
        self.cluster, self.server, self.base = cluster, server, base

    def ask(self, title="Pay 5 EUR?", approvers="ann", **arguments):
        return approvals.ask(self.cluster, title, requested_from=approvers, requested_by="shop", **arguments)

    def link(self, approval, person="ann", which=""):
        """What a mail about a request leads to, once it has come; which: the answer that it is for."""
        return self.mailed(person, lambda mail: mail.message["X-Hitl-Approval"] == str(approval),
                           which + (r":\s+(http\S+)" if which else r"(http\S+/a/[\w-]+)"))

    def sign_in_link(self, person="ann"):
        return self.mailed(person, lambda mail: "/sign-in/" in str(mail.message), r"(http\S+/sign-in/\S+)")

    def mailed(self, person, wanted, pattern):
        def found():
            for mail in list(self.server.mails):
                if mail.recipients == [f"{person}@example.org"] and wanted(mail):
                    return re.search(pattern, mail.message.get_body(("plain",)).get_content())
            return None
        return wait_until(found, describe=lambda: self.cluster.sql(
            "SELECT status, error_message FROM hitl.outbox ORDER BY id DESC LIMIT 3"))[1]

    def asked(self, *arguments, which="", **more):
        """A new request, and the link in ann's mail about it."""
        approval = self.ask(*arguments, **more)
        return approval, self.link(approval, which=which)

    def answers(self, approval):
        return approvals.answers(self.cluster, approval)

    def status(self, approval):
        return approvals.status(self.cluster, approval)

    def clear(self):
        """Nothing waits, nobody is signed in, no mail has come."""
        self.cluster.psql("""
            SELECT hitl.cancel_approval(id) FROM hitl.approval_requests WHERE status = 'pending';
            DELETE FROM hitl.web_sessions; DELETE FROM hitl.sign_in_attempts""")
        wait_until(lambda: not self.cluster.value("SELECT true FROM hitl.outbox WHERE status IN ('queued', 'sending') LIMIT 1"))
        self.server.mails.clear()


@pytest.fixture(scope="module")
def site():
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with MailServer() as server, running_cluster("pages", {
            "hitl__allowed_private_hosts": "localhost,127.0.0.1", "hitl__public_url": base}) as cluster:
        cluster.psql(PEOPLE)
        cluster.sql("SELECT hitl.create_approval_type('kinds', %s, %s)", [Jsonb(KINDS), Jsonb(LOOKS)])
        cluster.sql("SELECT hitl.create_approval_type('presets', %s)", [Jsonb({"type": "object", "properties": PRESETS})])
        cluster.sql("SELECT hitl.create_approval_type('large', %s)", [Jsonb({
            "type": "object", "required": ["f600"], "properties": {f"f{n}": {"type": "string"} for n in range(601)}})])
        approvals.configure_mail(cluster, server)
        Gateway(cluster, port=port)
        yield Site(cluster, server, base)


@pytest.fixture(scope="module")
def browsers(site):
    """Browsers with and without scripts, each started when it is first needed."""
    with ExitStack() as stack:
        made = {}

        def get(scripts):
            if scripts not in made:
                made[scripts] = stack.enter_context(browsing(site.base, scripts))
            return made[scripts]
        yield get


def ready(site, browser):
    browser.reset()
    yield browser
    # Nothing was asked of anybody else, and no policy was violated.
    assert browser.strangers() == []
    assert browser.complaints() == []
    site.clear()


@pytest.fixture
def browser(site, browsers):
    yield from ready(site, browsers(True))


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def either(request, site, browsers):
    """A browser with scripts, and one without them: nothing is to depend on them."""
    yield from ready(site, browsers(request.param))


def sign_in(site, browser, person="ann"):
    """By the link in a mail, as people do."""
    browser.open("/").until("Sign in")
    browser.fill("E-mail address", f"{person}@example.org")
    browser.press("Send the link")
    browser.until("Sign in", "a mail with a link is on its way")
    browser.open(site.sign_in_link(person))
    browser.press("Sign in")
    browser.until("What you are asked")


def fill_kinds(browser):
    """Fill in the form of all kinds, as it should be."""
    for label, text in {"Text": "Zoë <& co>", "Number": "12.50", "Count": "-3", "Lines": "one\ntwo & a half", "E-mail": "zoe@example.org",
                        "Address of a page": "https://example.org/?a=1&b=2", "Remarks": " two\n lines+%41", "Street": "", "City": "Genève"}.items():
        browser.fill(label, text)
    browser.field("Date").send_keys("12312026")
    browser.field("Time").send_keys("0345PM")
    browser.field("Instant").send_keys("12312026", Keys.TAB, "0345PM")
    browser.field("voucher").click()
    for tag in ("urgent", "gift"):
        browser.field(tag).click()
    browser.field("List").find_element("css selector", "option[value=CH]").click()
    browser.field("The customer has agreed").click()


KIND_VALUES = {"text": "Zoë <& co>", "number": 12.50, "count": -3, "lines": ["one", "two & a half"], "email": "zoe@example.org",
               "url": "https://example.org/?a=1&b=2", "remarks": " two\n lines+%41", "address": {"city": "Genève"}, "date": "2026-12-31",
               "time": "15:45:00Z", "instant": "2026-12-31T15:45:00Z", "choice": "voucher", "tags": ["urgent", "gift"], "list": "CH", "agreed": True}


# From a mail to the decision

def test_scripts_are_off(site, browsers):
    """What is called a browser without scripts is one."""
    for scripts in (True, False):
        browser = browsers(scripts)
        browser.reset()
        browser.open("data:text/html,<h1>off</h1><script>document.querySelector('h1').textContent = 'on'</script>")
        assert browser.heading() == ("on" if scripts else "off")


def test_approve(site, either):
    approval, link = site.asked("Refund 80 EUR to Zoë?", context_data=CONTEXT, description="The lamp was broken.\n\nIt was sent back.")
    either.open(link).until("Refund 80 EUR to Zoë?", "You answer as Ann Smith.", "Web shop", "It was sent back.", "4711", "<script>alert(1)</script>")
    assert either.driver.title == "Refund 80 EUR to Zoë? - hitl"
    assert either.buttons() == ["Approve", "Reject", "Request changes", "Ask a question"]
    assert site.status(approval) == "pending"
    either.fill("Reason", "Seen it: 100% & more, <b>Zoë</b>")
    either.press("Approve")
    either.until("Your answer is recorded", "Approved: Refund 80 EUR to Zoë?", "Approved by Ann Smith on")
    assert "Reason: approved" not in either.text()
    assert site.answers(approval) == [("ann", "approved", "Seen it: 100% & more, <b>Zoë</b>", "email")]
    assert site.status(approval) == "approved"
    # The link tells what came of it, and offers nothing.
    either.open(link).until("Your answer is recorded")
    assert either.buttons() == []


@pytest.mark.parametrize("which, label, status", [("Approve", "Approve", "approved"), ("Reject", "Reject", "rejected")])
def test_one_answer_to_confirm(site, either, which, label, status):
    approval, link = site.asked("Ship?", which=which)
    either.open(link).until(f"{label}: Ship?", "Nothing is decided yet")
    assert either.buttons() == [label] and site.status(approval) == "pending"
    either.follow("Answer in another way")
    either.until("Ship?")
    assert len(either.buttons()) == 4
    either.back()
    either.until(f"{label}: Ship?")
    either.press(label)
    either.until("Your answer is recorded")
    assert site.answers(approval) == [("ann", status, None, "email")] and site.status(approval) == status


def test_reject(site, either):
    approval, link = site.asked("Ship?")
    either.open(link).until("Ship?")
    either.fill("Reason", "Not on a Friday.\nMonday?")
    either.press("Reject")
    either.until("Your answer is recorded", "Rejected: Ship?")
    assert site.answers(approval) == [("ann", "rejected", "Not on a Friday.\nMonday?", "email")]


@pytest.mark.parametrize("button, fault, decision", [
    ("Ask a question", "Please write your question here.", "information_requested"),
    ("Request changes", "Please say what is to be changed.", "modified")])
def test_what_needs_words(site, either, button, fault, decision):
    approval, link = site.asked("Ship?")
    either.open(link).until("Ship?")
    either.press(button)
    either.until("Ship?", "Please check your answer", fault)
    assert site.answers(approval) == []
    assert either.field("Reason").get_attribute("aria-invalid") == "true"
    either.follow("Reason")
    assert either.run("return document.querySelector(':target').id") == "feedback"
    either.fill("Reason", "Which ship?")
    either.press(button)
    wait_until(lambda: site.answers(approval) == [("ann", decision, "Which ship?", "email")])


def test_question_and_decision(site, either):
    """Who has asked a question decides by the same link, once it is answered."""
    approval, link = site.asked("Ship?")
    either.open(link).until("Ship?")
    either.fill("Reason", "Which ship?")
    either.press("Ask a question")
    either.until("Ship?", "A question was asked, which is not answered yet.", "Which ship?", "Question asked")
    assert site.status(approval) == "pending"
    site.cluster.sql("SELECT hitl.provide_information(%s, 'The blue one.')", [approval])
    either.open(link).until("Ship?", "The blue one.")
    assert "not answered yet" not in either.text()
    either.press("Approve")
    either.until("Your answer is recorded")
    assert [answer[1] for answer in site.answers(approval)] == ["information_requested", "information_given", "approved"]


def test_two_people(site, either):
    """The first one's answer does not decide yet, and the second sees it."""
    approval = site.ask("Both?", None, required_approvers=["ann", "bob"])
    either.open(site.link(approval, "ann")).until("Both?")
    either.press("Approve")
    either.until("Your answer is recorded", "not decided yet")
    either.open(site.link(approval, "bob")).until("Both?", "You answer as Bob Jones.", "Ann Smith: Approved")
    either.press("Reject")
    either.until("Your answer is recorded", "Rejected: Both?", "Rejected by Bob Jones on")
    # Who had approved sees what came of it.
    either.open(site.link(approval, "ann")).until("Your answer is recorded", "Approved: Both?", "Rejected by Bob Jones on")


def test_too_late(site, either):
    approval, link = site.asked("Ship?", "both")
    either.open(link).until("Ship?")
    site.cluster.sql("SELECT hitl.respond_to_approval(%s, 'bob', 'rejected')", [approval])
    either.press("Approve")
    either.until("Already decided", "Rejected by Bob Jones on")
    either.back()
    either.until("Already decided")
    assert either.buttons() == [] and len(site.answers(approval)) == 1
    approval, link = site.asked("Sink?")
    either.open(link).until("Sink?")
    site.cluster.sql("SELECT hitl.cancel_approval(%s, 'No ship left.')", [approval])
    either.press("Approve")
    either.until("Already decided", "This request was withdrawn", "Reason: No ship left.")
    approval, link = site.asked("Swim?")
    either.open(link).until("Swim?")
    site.cluster.sql("SELECT hitl.expire_approval(%s)", [approval])
    either.press("Approve")
    either.until("Too late", "expired")
    assert site.answers(approval) == []


def test_changed_meanwhile(site, either):
    approval, link = site.asked("Pay?", context_data={"amount": 5})
    either.open(link).until("Pay?", "5")
    site.cluster.sql("SELECT hitl.revise_approval(%s, context_data => %s)", [approval, Jsonb({"amount": 5000})])
    either.fill("Reason", "That is little.")
    either.press("Approve")
    either.until("Pay?", "The request has changed since you opened this page.", "5000")
    assert site.status(approval) == "pending"
    assert either.field("Reason").get_attribute("value") == "That is little."
    either.press("Reject")
    either.until("Your answer is recorded", "Rejected: Pay?")


# Forms

def test_all_kinds_of_fields(site, either):
    approval, link = site.asked("How?", approval_type="kinds")
    either.open(link).until("How?")
    fill_kinds(either)
    either.fill("Reason", "As agreed.")
    either.press("Approve")
    either.until("Your answer is recorded")
    assert site.cluster.value("SELECT response_data FROM hitl.approval_responses WHERE approval_id = %s", [approval]) == KIND_VALUES


def test_faults_at_their_fields(site, either):
    """What is wrong is told at its field, and what was typed is still there."""
    approval, link = site.asked("How?", approval_type="kinds")
    either.open(link).until("How?")
    fill_kinds(either)
    either.fill("Text", "far too long a text for this")
    either.fill("Number", "one & a half")
    either.fill("Count", "2.5")
    either.fill("Reason", "As <agreed>.")
    either.press("Approve")
    either.until("How?", "Please check your answer")
    faults = {field.get_attribute("name"): field for field in either.all("[aria-invalid=true]")}
    assert set(faults) == {"/text", "/number", "/count"}
    for name, field in faults.items():
        fault, = [either.by_id(one) for one in field.get_attribute("aria-describedby").split() if one.endswith("fault")]
        assert re.match("[A-Z].*[.]$", fault.text), fault.text
        box, = [one for one in either.all(".faults a") if one.get_attribute("href").endswith("#" + field.get_attribute("id"))]
        assert box.text == field.get_attribute("name")[1:].title()
    # The reader is led to them.
    assert "faults" in either.run("return document.activeElement.className")
    kept = {name: either.field(name).get_attribute("value") for name in (
        "Text", "Number", "Count", "Lines", "E-mail", "Address of a page", "Remarks", "City", "Date", "Instant", "Time", "List", "Reason")}
    assert kept == {"Text": "far too long a text for this", "Number": "one & a half", "Count": "2.5", "Lines": "one\ntwo & a half",
                    "E-mail": "zoe@example.org", "Address of a page": "https://example.org/?a=1&b=2", "Remarks": " two\n lines+%41",
                    "City": "Genève", "Date": "2026-12-31", "Instant": "2026-12-31T15:45", "Time": "15:45:00", "List": "CH", "Reason": "As <agreed>."}
    assert {label: either.field(label).is_selected() for label in ("bank", "voucher", "urgent", "fragile", "gift", "The customer has agreed")} == {
        "bank": False, "voucher": True, "urgent": True, "fragile": False, "gift": True, "The customer has agreed": True}
    assert site.answers(approval) == []
    # Without a text a question cannot be asked; what was typed stays all the same.
    either.fill("Reason", "")
    either.press("Ask a question")
    either.until("How?", "Please write your question here.")
    assert either.field("Number").get_attribute("value") == "one & a half"
    for label, text in {"Text": "Zoë <& co>", "Number": "12.50", "Count": "-3"}.items():
        either.fill(label, text)
    either.press("Approve")
    either.until("Your answer is recorded")
    assert site.cluster.value("SELECT response_data FROM hitl.approval_responses WHERE approval_id = %s", [approval]) == KIND_VALUES


def test_presets_stay_as_they_are(site, either):
    """What nobody has changed is what was proposed; browsers know no offsets, and milliseconds only."""
    approval, link = site.asked("As proposed?", approval_type="presets")
    either.open(link).until("As proposed?")
    either.press("Approve")
    either.until("Your answer is recorded")
    assert site.cluster.value("SELECT response_data FROM hitl.approval_responses WHERE approval_id = %s", [approval]) == {
        **{name: field["default"] for name, field in PRESETS.items()}, "opens": "23:30:00Z", "instant": "2026-01-01T08:00:00.123Z"}


def test_more_fields_than_a_page_has(site, either):
    """A form too large for fields is answered as a whole, as JSON."""
    approval, link = site.asked("All of it?", approval_type="large")
    either.open(link).until("All of it?")
    either.fill("Answer", '{"f0": "a", "f600": "b"}')
    either.press("Approve")
    either.until("Your answer is recorded")
    assert site.cluster.value("SELECT response_data FROM hitl.approval_responses WHERE approval_id = %s", [approval]) == {"f0": "a", "f600": "b"}


def test_the_browser_checks_only_approvals(site, either):
    """What is required stops who approves, with or without scripts, and nobody else."""
    approval, link = site.asked("How?", approval_type="kinds")
    either.open(link).until("How?")
    either.press("Approve")
    assert either.run("return document.querySelector(':invalid:not(form):not(fieldset)') === document.activeElement")
    assert site.answers(approval) == []
    either.press("Reject")
    either.until("Your answer is recorded", "Rejected: How?")


def test_enter_decides_nothing(site, either):
    approval, link = site.asked("How?", approval_type="kinds")
    either.open(link).until("How?")
    fill_kinds(either)
    either.requests()
    for label in ("Text", "Number", "City", "voucher", "urgent", "The customer has agreed", "Date", "Time", "Instant", "E-mail", "Address of a page"):
        either.field(label).send_keys(Keys.ENTER)
        assert either.requests() == [] and either.heading() == "How?"
    either.field("Reason").send_keys("one", Keys.ENTER, "two")
    assert either.field("Reason").get_attribute("value") == "one\ntwo"
    assert either.requests() == [] and either.heading() == "How?"
    # A box is ticked by the blank.
    assert either.field("The customer has agreed").is_selected()
    assert site.answers(approval) == []
    # On a button it does what the button says.
    either.button("Approve").send_keys(Keys.ENTER)
    either.until("Your answer is recorded")


# Twice, back, and beside each other

def test_back_after_deciding(site, either):
    approval, link = site.asked("Ship?")
    either.open(link).until("Ship?")
    either.press("Approve")
    either.until("Your answer is recorded")
    either.back()
    # Pages are not kept: there is no form any more.
    wait_until(lambda: either.heading() != "Ship?")
    assert either.buttons() == []
    either.driver.forward()
    either.open(link).until("Your answer is recorded")
    either.driver.refresh()
    either.until("Your answer is recorded")
    assert len(site.answers(approval)) == 1


@pytest.mark.parametrize("button, words, heading", [("Approve", "", "Your answer is recorded"), ("Ask a question", "Which?", "Ship?")])
@pytest.mark.parametrize("signed_in", [False, True])
def test_double_click(site, browser, button, words, heading, signed_in):
    """One answer, and the page that tells of it."""
    approval, link = site.asked("Ship?")
    if signed_in:
        sign_in(site, browser)
        link = f"/approvals/{approval}"
    browser.open(link).until("Ship?")
    browser.fill("Reason", words)
    browser.requests()
    ActionChains(browser.driver).double_click(browser.button(button)).perform()
    browser.until(heading, *["not answered yet"] if words else [])
    assert [answer[:3] for answer in site.answers(approval)] == [("ann", "information_requested" if words else "approved", words or None)]
    assert "used" not in browser.text() and "before" not in browser.text()


def test_form_that_is_sent_again(site, either):
    """The same form from two tabs is one answer; another answer is refused."""
    approval, link = site.asked("Ship?")
    either.open(link).until("Ship?")
    first = either.tab
    second = either.new_tab(link)
    third = either.new_tab(link)
    either.switch(first)
    either.press("Approve")
    either.until("Your answer is recorded")
    either.switch(second)
    either.press("Approve")
    either.until("Your answer is recorded")
    either.switch(third)
    either.press("Reject")
    either.until("Already decided", "This link has been used.", "Approved by Ann Smith")
    assert site.answers(approval) == [("ann", "approved", None, "email")]


def test_two_tabs_signed_in(site, either):
    """Forms of both are good; signing out in one ends it in the other."""
    first_asked, second_asked = site.ask("First?"), site.ask("Second?")
    sign_in(site, either)
    either.open(f"/approvals/{first_asked}").until("First?")
    first = either.tab
    second = either.new_tab(f"/approvals/{second_asked}")
    either.until("Second?")
    either.switch(first)
    either.press("Approve")
    either.until("Your answer is recorded")
    either.switch(second)
    either.press("Sign out")
    either.until("You are signed out")
    either.switch(first)
    either.follow("Inbox")
    either.until("Sign in")
    assert len(site.answers(first_asked)) == 1 and site.answers(second_asked) == []


# Signed in

def test_sign_in(site, either):
    approval = site.ask("Ship?")
    either.open(f"/approvals/{approval}").until("Sign in")
    either.fill("E-mail address", "ann@example.org")
    either.key(Keys.ENTER)
    either.until("Sign in", "a mail with a link is on its way")
    link = site.sign_in_link()
    either.open(link).until("Sign in", "Sign in as Ann Smith, ann@example.org?")
    either.press("Sign in")
    # Where one wanted to go.
    either.until("Ship?")
    assert either.path == f"/approvals/{approval}"
    either.fill("Reason", "Why not")
    either.press("Approve")
    either.until("Your answer is recorded")
    assert site.answers(approval) == [("ann", "approved", "Why not", "web")]
    # Once only.
    either.open(link).until("That did not work", "This link has been used")
    either.open("/").until("What you are asked", "Nothing waits for you.", "Ann Smith")
    assert either.find("[aria-current=page]").text == "Inbox"
    either.press("Sign out")
    either.until("You are signed out")
    either.follow("Sign in again")
    either.until("Sign in")
    either.back(), either.back()
    wait_until(lambda: "Ann Smith" not in either.text() and either.heading())


def test_who_is_not_known(site, either):
    """Is told the same, and gets nothing."""
    either.open("/sign-in").until("Sign in")
    either.fill("E-mail address", "mallory@example.org")
    either.press("Send the link")
    either.until("Sign in", "If this address is known here")
    either.open("/sign-in/nothing").until("That did not work")
    assert site.cluster.value("SELECT count(*) FROM hitl.outbox WHERE body LIKE '%%mallory%%'") == 0


def test_inbox(site, either):
    """A hundred to a page, oldest first; what is answered is gone."""
    site.cluster.sql("SELECT hitl.request_approval('Request ' || n, requested_from => 'ann', requested_by => 'shop',"
                     " timeout_hours => 48) FROM generate_series(1, 103) AS n")
    site.ask("Not for ann", "bob")
    sign_in(site, either)
    expected = [row["title"] for row in site.cluster.sql("SELECT title FROM hitl.approval_requests WHERE status = 'pending'"
                                                         " AND requested_from = '{ann}' ORDER BY id")]
    assert len(expected) == 103

    def titles():
        return [one.text for one in either.all(".items .name a")]
    assert titles() == expected[:100]
    assert "Asked by Web shop on" in either.text() and "Answer by" in either.text()
    either.follow("More")
    wait_until(lambda: either.look(titles) == expected[100:])
    assert either.all(".more") == []
    either.follow(expected[101])
    either.until(expected[101])
    either.press("Reject")
    either.until("Your answer is recorded")
    either.follow("Inbox")
    either.until("What you are asked", expected[0])
    either.follow("More")
    wait_until(lambda: either.look(titles) == [expected[100], expected[102]])


def test_what_is_not_seen(site, either):
    approval = site.ask("Not for ann", "bob")
    sign_in(site, either)
    either.open(f"/approvals/{approval}").until("Nothing is here")
    assert "Not for ann" not in either.driver.page_source
    either.follow("Inbox")
    either.until("What you are asked")
    either.open("/approvals?after=x").until("That did not work")
    either.follow("Inbox")
    either.until("What you are asked")


def test_link_of_somebody_else(site, either):
    """Who is signed in does not answer as another by a mail that was passed on."""
    approval = site.ask("For bob", "bob")
    sign_in(site, either)
    either.open(site.link(approval, "bob")).until("That did not work", "This message was sent to somebody else.")
    assert either.buttons() == [] and "For bob" not in either.text()


def test_sessions(site, browsers, either):
    other = browsers(either is not browsers(True))
    other.reset()
    sign_in(site, either)
    site.server.mails.clear()
    sign_in(site, other)
    other.follow("Sessions")
    other.until("Where you are signed in")
    names = [one.text for one in other.all(".items .name")]
    assert sorted(names) == ["Chrome on Linux", "Chrome on Linux (this one)"]
    assert other.find("[aria-current=page]").text == "Sessions"
    stranger, = [one for one in other.all(".items > li") if "(this one)" not in one.text]
    assert "From 127.0.0.1, since" in stranger.text
    stranger.find_element("css selector", "button").click()
    wait_until(lambda: len(other.all(".items > li")) == 1)
    either.open("/approvals").until("Sign in")
    # One's own, too.
    other.press("End session")
    other.until("Sign in")
    assert site.cluster.value("SELECT count(*) FROM hitl.web_sessions") == 0


# Everybody, everywhere

PAGES = ["request", "confirm", "form", "faults", "empty question", "result", "decided", "expired", "sign in", "link sent", "sign in by link",
         "inbox", "empty inbox", "sessions", "signed out", "not found", "error", "dead link"]


def show(site, browser, page):
    """Go to a page of this kind."""
    if page in ("request", "confirm", "result", "decided", "expired", "empty question"):
        approval, link = site.asked("Refund 80 EUR to Zoë?", "both", context_data=CONTEXT, timeout_hours=48,
                                    description="The lamp was broken.\n\nIt was sent back.",
                                    which="Approve" if page == "confirm" else "")
        if page == "decided":
            site.cluster.sql("SELECT hitl.respond_to_approval(%s, 'bob', 'rejected', feedback => 'Too much.')", [approval])
        elif page == "expired":
            site.cluster.sql("SELECT hitl.expire_approval(%s)", [approval])
        browser.open(link)
        if page in ("result", "empty question"):
            browser.press({"result": "Approve", "empty question": "Ask a question"}[page])
            browser.until(*{"result": ["Your answer is recorded"], "empty question": ["Refund 80 EUR to Zoë?", "write your question"]}[page])
    elif page in ("form", "faults"):
        browser.open(site.asked("How?", approval_type="kinds")[1])
        if page == "faults":
            fill_kinds(browser)
            for label in ("Text", "Number", "Count"):
                browser.fill(label, "x")
            browser.press("Approve")
            browser.until("How?", "Please check your answer")
    elif page == "sign in":
        browser.open("/").until("Sign in")
    elif page in ("link sent", "sign in by link"):
        browser.open("/sign-in").until("Sign in")
        browser.fill("E-mail address", "eve@example.org")
        browser.press("Send the link")
        browser.until("Sign in", "on its way")
        if page == "sign in by link":
            browser.open(site.sign_in_link("eve")).until("Sign in", "Eve Black")
    elif page == "dead link":
        browser.open("/a/nothing").until("Nothing is here")
    else:
        if page == "inbox":
            site.cluster.sql("SELECT hitl.request_approval('Request ' || n, requested_from => 'ann', requested_by => 'shop',"
                             " timeout_hours => 48) FROM generate_series(1, 101) AS n")
        sign_in(site, browser)
        if page == "sessions":
            browser.open("/sessions").until("Where you are signed in")
        elif page == "signed out":
            browser.press("Sign out")
            browser.until("You are signed out")
        elif page == "not found":
            browser.open("/approvals/00000000-0000-0000-0000-000000000000").until("Nothing is here")
        elif page == "error":
            browser.open("/approvals?after=x").until("That did not work")


@pytest.mark.parametrize("page", PAGES)
def test_accessible(site, browser, page):
    """Labels, headings, landmarks, contrast; by daylight and in the dark, on a desk and on a phone."""
    show(site, browser, page)
    heading = browser.heading()
    for device in (DESKTOP, PHONE):
        browser.shape(device)
        for dark in (False, True):
            browser.dark(dark)
            assert browser.run("return matchMedia('(prefers-color-scheme: dark)').matches") == dark
            light = browser.run("return parseInt(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
            assert (light < 128) == dark
            assert browser.run(AUDIT) == []
        if device is PHONE:
            assert browser.run(TOUCH) == []
    assert browser.heading() == heading


def test_audit_finds_faults(site, browser):
    """The rules that pages are held against do find what is wrong."""
    show(site, browser, "form")
    browser.run("""
        const add = (where, html) => document.querySelector(where).insertAdjacentHTML("beforeend", html);
        document.documentElement.removeAttribute("lang");
        add("main", "<h5>deep</h5><input name=a><button></button><p class=faint>faint</p><table><tr><td>1</td></tr></table>"
            + "<p>to <a href='/'>here</a></p><p><a class=small href='/'>x</a></p><section>no name</section>");
        add("body", "<div>outside</div>");
        document.querySelector(".faint").style.color = "#aaa";
        document.querySelector("main").style.width = "900px";""")
    found = browser.run(AUDIT)
    for fault in ("no language", "heading left out", "no label", "no name", "contrast 2", "table without headers", "outside landmarks",
                  "landmark without a name", "not to be here"):
        assert any(one.startswith(fault) for one in found), (fault, found)
    browser.shape(PHONE)
    found = browser.run(TOUCH)
    assert any("class=\"small\"" in one for one in found) and any("wider" in one for one in found)
    assert not any(">here<" in one for one in found)


def test_all_of_the_context_is_seen_on_a_phone(site, browser):
    browser.shape(PHONE)
    browser.open(site.asked("Pay?", context_data={key: CONTEXT[key] for key in ("reason", "file", "order")})[1]).until("Pay?")
    for text in ("arrived broken", "xxxxx"):
        box = browser.run("""
            const cell = [...document.querySelectorAll(".scroll > table > tbody > tr > td")].find(one => one.textContent.includes(arguments[0]));
            const range = document.createRange();
            range.selectNodeContents(cell);
            return [range.getBoundingClientRect().right, cell.closest(".scroll").getBoundingClientRect().right]""", text)
        assert box[0] <= box[1] + 1


@pytest.mark.parametrize("device", [PHONE, DESKTOP])
def test_deep_context_hides_nothing_beside_it(site, browser, device):
    """Steps of a value that is nested deeply do not push others out of sight."""
    deep = 1
    for _ in range(38):
        deep = {"a": deep}
    browser.shape(device)
    browser.open(site.asked("Pay?", context_data={"deep": deep, "rows": [{"sku": "A", "price": n} for n in (5, 6)]})[1]).until("Pay?")
    assert browser.run("const box = document.querySelector('.scroll'); return box.scrollWidth <= box.clientWidth + 1")


def test_right_to_left(site, browser):
    """What is written in Arabic or Hebrew is read from right to left, whatever is around it."""
    arabic, hebrew = "الموافقة على دفع 500 دولار إلى ABC (عاجل)!", "האם לשלם 500 ש״ח?"
    approval, link = site.asked(arabic, description=f"{hebrew}\n\nPay?", context_data={"note": arabic, "remark": "Urgent!"}, approval_type="form",
                                form_fields=Jsonb([{"name": "name", "type": "string", "title": arabic, "description": hebrew}]))
    browser.open(link).until(arabic)
    browser.fill(arabic.split(" (")[0], "שלום!")
    direction = """
        const node = [...document.querySelectorAll("h1, p, td, bdi, input")].find(node => (node.value || node.textContent).trim() === arguments[0]);
        return node && getComputedStyle(node).direction"""
    assert [browser.run(direction, text) for text in (arabic, hebrew, "שלום!", "Pay?", "Urgent!")] == ["rtl", "rtl", "rtl", "ltr", "ltr"]
    assert browser.run("return [...document.querySelectorAll('h1, td, label bdi')].filter(node => node.textContent.trim() === arguments[0]"
                       " && getComputedStyle(node).direction === 'rtl').length", arabic) == 3
    site.cluster.sql("SELECT hitl.cancel_approval(%s)", [approval])


@pytest.mark.parametrize("dark", [False, True])
def test_keyboard_only(site, browser, dark):
    """Everything is reached in the order in which it is read, and what has the focus is seen."""
    browser.dark(dark)
    approval = site.ask("How?", approval_type="kinds", context_data=CONTEXT)
    sign_in(site, browser)
    browser.open(f"/approvals/{approval}").until("How?")
    seen = []
    for _ in range(60):
        browser.tab_key()
        focus = browser.run(FOCUS)
        if focus is None or focus["is"] == "Skip to the content" and seen:
            break
        assert focus["outline"] >= 2 and focus["contrast"] >= 3 and focus["seen"], focus
        if not seen or seen[-1] != focus["is"]:
            seen.append(focus["is"])
        if focus["value"] == "information_requested":
            break
    expected = browser.run("""
        const names = [...document.querySelectorAll("a[href], button:not([disabled]), input:not([type=hidden]), select, textarea, [tabindex='0']")]
            .filter(node => node.checkVisibility()).map(node => node.name || node.id || node.textContent.trim());
        return names.filter((name, i) => name !== names[i - 1])""")
    assert seen == expected
    assert seen[0] == "Skip to the content" and seen[-1] == "decision"
    # The way past the header leads past it.
    browser.open(f"/approvals/{approval}").until("How?")
    browser.tab_key()
    browser.key(Keys.ENTER)
    browser.tab_key()
    assert browser.run("return document.querySelector('main').contains(document.activeElement)")


def test_answer_by_keyboard(site, browser):
    """From the mail to the decision without a mouse."""
    approval, link = site.asked("Ship?")
    browser.open(link).until("Ship?")

    def go(wanted):
        for _ in range(30):
            browser.tab_key()
            focus = browser.run(FOCUS)
            if focus and wanted in (focus["is"], focus["value"]):
                return
        raise AssertionError(f"{wanted} is not reached")
    go("feedback")
    browser.key("By hand.")
    go("rejected")
    browser.key(Keys.SPACE)
    browser.until("Your answer is recorded", "Rejected: Ship?")
    assert site.answers(approval) == [("ann", "rejected", "By hand.", "email")]


def test_policy_holds(site, browser):
    """Were there something in a page that should not be, the browser would not run or fetch it."""
    with on_free_port(lambda number: socket.create_server(("127.0.0.1", number))) as stranger:
        port = stranger.getsockname()[1]
        browser.open(site.asked("Ship?")[1]).until("Ship?")
        assert browser.complaints() == []
        browser.run(f"""
            const add = (name, attributes) => document.body.append(Object.assign(document.createElement(name), attributes));
            add("script", {{textContent: "document.title = 'broken'"}});
            add("script", {{src: "http://127.0.0.1:{port}/x.js"}});
            add("img", {{src: "http://127.0.0.1:{port}/x.png"}});
            add("iframe", {{src: "http://127.0.0.1:{port}/x"}});
            add("link", {{rel: "stylesheet", href: "http://127.0.0.1:{port}/x.css"}});
            add("style", {{textContent: "body {{ display: none }}"}});
            add("form", {{action: "http://127.0.0.1:{port}/x", method: "post"}});
            document.querySelector("body > form").submit();""")
        found = []

        def complained():
            found.extend(browser.complaints())
            return all(any(word in one for one in found) for word in (
                "inline script", "x.js", "x.png", "x.css", "inline style", "frame", "form-action"))
        wait_until(complained, describe=lambda: found)
        assert browser.driver.title == "Ship? - hitl" and browser.heading() == "Ship?"
        # It may have begun to connect before it asked the policy, but has said nothing.
        stranger.setblocking(False)
        while True:
            try:
                connection = stranger.accept()[0]
            except BlockingIOError:
                break
            with connection:
                connection.setblocking(False)
                try:
                    assert connection.recv(1) == b""
                except BlockingIOError:
                    pass
        browser.requests()


def test_cannot_be_framed(site, browser):
    """Nobody has people press a button that they do not see."""
    link = site.asked("Ship?")[1]
    page = f"data:text/html,<title>frame</title><iframe src='{link}'></iframe>"
    browser.open(page)
    browser.driver.switch_to.frame(0)
    assert browser.run("return location.protocol") == "chrome-error:" and "Ship?" not in browser.text()
    browser.driver.switch_to.default_content()


def test_form_from_elsewhere(site, browser):
    """A page of somebody else cannot send a form in one's name."""
    approval = site.ask("Ship?")
    sign_in(site, browser)
    browser.open(f"data:text/html,<form method=post action='{site.base}/approvals/{approval}'>"
                 "<input name=decision value=approved><button>Win</button></form>")
    browser.press("Win")
    # It comes as nobody's, so it leads to where one signs in, which leads back.
    browser.until("Ship?")
    assert site.answers(approval) == [] and site.status(approval) == "pending"
