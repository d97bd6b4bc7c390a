"""Messages and pages, as others read them.

test/unit/message_vector.c sees to it that what is in test/vectors/message/expected is what is made of the
documents.  Here the HTML is read by a parser that takes no faults, the messages for Slack are held against the
limits that Slack documents (test/servers/slack_server.py) and against the types that it publishes, and forms are
filled in and sent as browsers do.
"""
import json
import shutil
import sys

import html5lib
import pytest
from harness import ROOT
from official import run_node
from psycopg.types.json import Jsonb

sys.path.insert(0, str(ROOT / "test/servers"))
from slack_server import check_blocks, check_text, length  # noqa: E402

VECTORS = ROOT / "test/vectors/message"
EXPECTED = VECTORS / "expected"
PAGES = sorted(path.name for path in EXPECTED.glob("*.page.html"))
MAILS = sorted(path.name for path in EXPECTED.glob("*.mail.html") if not path.name.startswith("templates"))
MESSAGES = sorted(path.name for path in EXPECTED.glob("*.slack.json"))
MODALS = sorted(path.name for path in EXPECTED.glob("*.modal.json"))

CONTROLS = ("input", "select", "textarea")


def read_html(name):
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parse((EXPECTED / name).read_text())


def text_of(element):
    return " ".join("".join(element.itertext()).split())


def check_document(tree):
    """What every document of ours has, and what none may."""
    assert tree.get("lang") == "en"
    assert text_of(tree.find("head/title"))
    assert len(tree.findall(".//h1")) == 1
    for element in tree.iter():
        assert element.tag not in ("script", "img", "iframe", "object", "embed", "base", "svg"), element.tag
        assert not [name for name in element.attrib if name.startswith("on")], element.attrib
        for name in ("href", "action"):
            if name in element.attrib:
                assert element.get(name).startswith(("https://", "/", "#", "page.style.css")), element.get(name)
        if element.tag == "a":
            assert text_of(element), "a link without a text"
        if element.tag == "th":
            assert element.get("scope") in ("row", "col")


@pytest.mark.parametrize("name", MAILS)
def test_mail(name):
    tree = read_html(name)
    check_document(tree)
    assert not list(tree.iter("style")), "some mail programs drop style sheets"
    for table in tree.iter("table"):
        assert (table.get("role") == "presentation") == (table.find(".//th") is None or
                                                         table.find("tbody/tr/th") is None)
    assert len((EXPECTED / name).read_bytes()) < 100_000


@pytest.mark.parametrize("name", PAGES)
def test_page(name):
    tree = read_html(name)
    check_document(tree)
    ids = [element.get("id") for element in tree.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids)), "an id twice"
    assert [text_of(element) for element in tree.iter("main")]
    for element in tree.iter():
        assert "style" not in element.attrib, "the policy of the pages refuses it"
        for name in ("aria-describedby", "aria-labelledby"):
            for target in element.get(name, "").split():
                assert target in ids
        if element.tag == "a" and element.get("href", "").startswith("#"):
            assert element.get("href")[1:] in ids
    labels = {label.get("for"): text_of(label) for label in tree.iter("label")}
    for element in tree.iter():
        if element.tag in CONTROLS and element.get("type") != "hidden":
            assert labels[element.get("id")], "a field without a label"
    assert set(labels) <= set(ids)
    for form in tree.iter("form"):
        assert form.get("method") == "post" and form.get("action")
        # Enter presses the first button: of a form with fields, that is one which does nothing.
        first = form.find(".//button")
        if form.find(".//textarea") is not None:
            assert "disabled" in first.attrib and first.get("name") is None
    for fieldset in tree.iter("fieldset"):
        assert fieldset[0].tag == "legend" and text_of(fieldset[0])


# ---- forms, as browsers send them -------------------------------------------

def send(tree, button=None, **typed):
    """The fields that a browser would send: {name: text, or [texts]}."""
    form = next(form for form in tree.iter("form") if form.find(".//textarea") is not None)
    fields = []
    for element in form.iter():
        name = element.get("name")
        if name is None or "disabled" in element.attrib:
            continue
        if element.tag == "input":
            if element.get("type") in ("checkbox", "radio") and "checked" not in element.attrib:
                continue
            fields.append((name, element.get("value", "")))
        elif element.tag == "textarea":
            fields.append((name, (element.text or "").replace("\n", "\r\n")))
        elif element.tag == "select":
            options = list(element.iter("option"))
            chosen = [option for option in options if "selected" in option.attrib] or options[:1]
            fields.append((name, chosen[0].get("value")))
        elif element.tag == "button" and element.get("value") == button:
            fields.append((name, button))
    sent = {}
    for name, text in fields:
        text = typed.get(name, text)
        sent[name] = [*sent[name], text] if isinstance(sent.get(name), list) else \
            [sent[name], text] if name in sent else text
    return sent


def read_answer(cluster, fields, schema):
    return cluster.value("SELECT hitl.read_form_answer(%s, %s)", [Jsonb(fields), Jsonb(schema)])


def schema_of(name):
    return json.loads((VECTORS / f"{name}.json").read_text())["document"]["approval"]["answer_schema"]


def test_presets_are_sent(cluster):
    sent = send(read_html("page_form.page.html"), "rejected")
    assert sent["csrf"] and sent["content_hash"] and sent["decision"] == "rejected"
    assert read_answer(cluster, sent, schema_of("page_form")) == {
        "quantity": 10, "temperature": -4.5, "deliver_by": "2026-12-24", "call_at": "2026-12-01T09:00:00Z",
        "urgent": True, "terms": False, "extras": ["express"], "tags": ["a", "b"], "address": {}}


def test_what_was_typed_is_sent_again(cluster):
    """An answer that was refused is in the fields as it was."""
    document = json.loads((VECTORS / "page_form_faults.json").read_text())["document"]
    sent = send(read_html("page_form_faults.page.html"))
    answer = read_answer(cluster, sent, schema_of("page_form_faults"))
    typed = document["answer"]
    assert sent.get("/supplier") is None, "what cannot be chosen is not"
    assert answer["quantity"] == typed["quantity"] == "many"
    assert answer["grade"] == 2.5 and answer["extras"] == ["gift wrap", "express"]
    assert answer["address"] == {"street": "Main St"} and answer["urgent"] is False
    sent = send(read_html("page_faults.page.html"))
    assert read_answer(cluster, sent, schema_of("page_faults")) == {
        "approved_amount": "1,500", "justification": "<ok>", "conditions": ["Three offers", "No rent"],
        "category": "rent"}
    assert sent["feedback"] == "& more"


def test_every_answer_goes_round(cluster):
    """What is rendered as an answer is read as the same answer, also of values that look like others."""
    schema = {"type": "object", "properties": {
        "text": {"type": "string"}, "number": {"type": "number"}, "yes": {"type": "boolean"},
        "no": {"type": "boolean"}, "mixed": {"enum": [1, "1", True, None, "a"]}, "list": {
            "type": "array", "items": {"type": "string"}}, "some": {"type": "array", "items": {"enum": [1, "1", 2]}},
        "any": {}, "a/b~ \"<": {"type": "object", "properties": {"x": {"type": "integer"}}}}}
    answer = {"text": "<&\"'> \u202e é", "number": 12345678901234567890, "yes": True, "no": False, "mixed": None,
              "list": ["a", "b, c"], "some": ["1", 2], "any": {"k": [1, None]}, "a/b~ \"<": {"x": 7}}
    page = {"page": "request", "action": "/x", "answer": answer, "approval": {
        "id": "i", "title": "t", "status": "pending", "answer_schema": schema}}
    html = cluster.value("SELECT hitl.render_page(%s)", [Jsonb(page)])
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)
    assert read_answer(cluster, send(tree), schema) == answer


# ---- Slack ------------------------------------------------------------------

def check_ours(blocks, most):
    """What Slack takes; and of ours, no words but our own are read for markup, and no block is left empty."""
    check_blocks(blocks, most)
    assert blocks
    for block in blocks:
        assert block["type"] != "divider"
        texts = []
        if block["type"] == "section":
            assert ("text" in block) != ("fields" in block)
            texts = [block["text"]] if "text" in block else block["fields"]
        elif block["type"] == "input":
            texts = [option["text"] for option in block["element"].get("options", [])]
        assert {text["type"] for text in texts} <= {"plain_text"}


@pytest.mark.parametrize("name", MESSAGES)
def test_slack_message(name):
    message = json.loads((EXPECTED / name).read_text())
    assert 0 < length(message["text"]) <= 4000
    check_ours(message["blocks"], 50)


@pytest.mark.parametrize("name", MODALS)
def test_slack_modal(name):
    view = json.loads((EXPECTED / name).read_text())
    for part in ("title", "submit", "close"):
        check_text(view[part], 24, ("plain_text",))
    assert length(view["callback_id"]) <= 255
    assert length(view["private_metadata"]) <= 3000 and json.loads(view["private_metadata"])["approval_id"]
    check_ours(view["blocks"], 100)


def test_types_of_slack(tmp_path):
    """All messages and views are of the types that Slack publishes for JavaScript."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "test/slack-types" / name, tmp_path)
    installed = run_node("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=tmp_path)
    if installed.returncode != 0:
        pytest.skip(f"npm cannot install @slack/types: {installed.stderr[-300:]}")
    lines = ['import type { KnownBlock, ModalView } from "@slack/types";']
    for name in MESSAGES:
        message = (EXPECTED / name).read_text()
        lines.append(f"export const m{len(lines)}: {{ text: string; blocks: KnownBlock[] }} = {message};")
    for name in MODALS:
        lines.append(f"export const v{len(lines)}: ModalView = {(EXPECTED / name).read_text()};")
    (tmp_path / "messages.ts").write_text("\n".join(lines))
    checked = run_node("npx", "--no-install", "tsc", "--noEmit", "--strict", "--skipLibCheck", "messages.ts", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout[-3000:]
