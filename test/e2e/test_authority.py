"""Who may do what about an approval: tables of callers and acts.

Each row is a caller, each column an act.  A cell is what comes of it: "yes" and
"no" for what is seen, "ok" for what is done, or the SQLSTATE of the refusal.
Every act is taken back, so that each cell finds the request as it was.
"""
import base64
import hmac
import json
import re
import time
from contextlib import contextmanager
from urllib.parse import urlencode

import psycopg
import pytest
from harness import wait_until
from psycopg.types.json import Jsonb

# Who there is.  Level of access, principal (or none), and how he has to do with the request.
PEOPLE = {
    "nobody": (None, False, "a role without grants, which the request asks"),
    "ann": ("participant", True, "asked directly"),
    "gus": ("participant", True, "asked through the group finance"),
    "dee": ("participant", True, "the delegate of ann"),
    "bot": ("participant", False, "asked by the name of the role; no principal"),
    "off": ("participant", True, "asked, but deactivated"),
    "uma": ("participant", True, "not asked"),
    "ed": ("participant", True, "asked, and has edited the request"),
    "nxt": ("participant", True, "asked by the next stage"),
    "app_one": ("participant", False, "may act for ann"),
    "app_any": ("participant", False, "may act for anyone"),
    "app_none": ("participant", False, "was granted nothing"),
    "vic": ("viewer", False, "a viewer, who is not asked"),
    "apu": ("approver", False, "an approver, who is not asked"),
    "req": ("operator", True, "the requester, who is asked and excluded"),
    "ope": ("operator", True, "another operator, who is asked"),
    "opu": ("operator", False, "another operator, who is not asked"),
    "adm": ("admin", False, "an administrator, who is not asked"),
    "postgres": (None, False, "a superuser"),
    "mia": ("participant", False, "a member of all of these roles, not asked herself"),
}
POLICY = {"sequence": [{"from": ["ann", "finance", "nobody", "bot", "off", "ed", "req", "ope"], "count": 2}, "nxt"]}

# The acts, by their columns.  "hash" is that of the content, which all have seen.
RESPOND = "SELECT hitl.respond_to_approval(%(id)s, {0}, decision => {1}, content_hash => %(hash)s)"
ACTS = {
    "inbox": "SELECT count(*) = 1 FROM hitl.inbox WHERE approval_id = %(id)s",
    "list": "SELECT count(*) = 1 FROM hitl.list_pending_approvals() WHERE approval_id = %(id)s",
    "list:ann": "SELECT count(*) = 1 FROM hitl.list_pending_approvals('ann') WHERE approval_id = %(id)s",
    "request": "SELECT count(*) = 1 FROM hitl.approval_requests WHERE id = %(id)s",
    "respons": "SELECT count(*) > 0 FROM hitl.approval_responses WHERE approval_id = %(id)s",
    "content": "SELECT count(*) > 0 FROM hitl.approval_contents WHERE approval_id = %(id)s",
    "asks": "SELECT count(*) > 0 FROM hitl.approval_asks WHERE approval_id = %(id)s",
    "delegat": "SELECT count(*) > 0 FROM hitl.delegations",
    "form": "SELECT hitl.approval_form(%(id)s)",
    "explain": "SELECT count(*) FROM hitl.explain_policy(%(id)s)",
    "approve": RESPOND.format("NULL", "'approved'"),
    "reject": RESPOND.format("NULL", "'rejected'"),
    "abstain": RESPOND.format("NULL", "'abstained'"),
    "change": "SELECT hitl.respond_to_approval(%(id)s, NULL, 'modified', feedback => 'less', content_hash => %(hash)s)",
    "edit": "SELECT hitl.respond_to_approval(%(id)s, NULL, 'modified', edits => '{\"amount\": 1}', content_hash => %(hash)s)",
    "askback": "SELECT hitl.respond_to_approval(%(id)s, NULL, 'information_requested', feedback => 'why?')",
    "comment": "SELECT hitl.respond_to_approval(%(id)s, NULL, 'commented', feedback => 'hm')",
    "as:ann": RESPOND.format("'ann'", "'approved'"),
    "as:mail": RESPOND.format("'Ann@Example.com'", "'rejected'"),
    "as:gus": RESPOND.format("'gus'", "'approved'"),
    "as:off": RESPOND.format("'off'", "'approved'"),
    "as:req": RESPOND.format("'req'", "'approved'"),
    "as:group": RESPOND.format("'finance'", "'approved'"),
    "as:*": RESPOND.format("'*'", "'approved'"),
    "as:rule": RESPOND.format("'rule:all'", "'approved'"),
    "channel": "SELECT hitl.respond_to_approval(%(id)s, NULL, 'approved', content_hash => %(hash)s, channel => 'slack')",
    "chn:ann": "SELECT hitl.respond_to_approval(%(id)s, 'ann', 'approved', content_hash => %(hash)s, evidence => '{}')",
    "bulk": "SELECT coalesce(sqlstate, 'ok') FROM hitl.respond_to_approvals(ARRAY[%(plain)s]::uuid[], 'approved')",
    "bulk:ann": "SELECT coalesce(sqlstate, 'ok') FROM hitl.respond_to_approvals(ARRAY[%(plain)s]::uuid[], 'approved', 'ann')",
    "cancel": "SELECT hitl.cancel_approval(%(id)s)",
    "expire": "SELECT hitl.expire_approval(%(id)s)",
    "expdue": "SELECT hitl.expire_due_approvals()",
    "revise": "SELECT hitl.revise_approval(%(id)s, title => 'Pay less?')",
    "inform": "SELECT hitl.provide_information(%(id)s, 'because')",
    "ask": "SELECT hitl.request_approval('Pay?', requested_from => 'ann')",
    "reasgn": "SELECT hitl.reassign_approval(%(id)s, 'uma')",
    "rea:ann": "SELECT hitl.reassign_approval(%(id)s, 'uma', 'ann')",
    "delegate": "SELECT hitl.delegate_approvals('uma', now() + interval '1 day')",
    "del:ann": "SELECT hitl.delegate_approvals('uma', now() + interval '1 day', delegator => 'ann')",
    "end:ann": "SELECT hitl.end_delegation(%(delegation)s)",
    "grant": "SELECT hitl.grant_acting('uma', 'ann')",
    "people": "SELECT hitl.set_principal_active('ann', false)",
    "wf:read": "SELECT count(*) = 1 FROM hitl.workflows WHERE id = %(workflow)s",
    "wf:time": "SELECT count(*) > 0 FROM hitl.workflow_timeline(%(workflow)s)",
}


@pytest.fixture(scope="module")
def ground(cluster):
    """The people, and what they are asked; the parameters of the acts."""
    for role, (level, principal, _) in PEOPLE.items():
        if role == "postgres":
            continue
        cluster.sql(f"CREATE ROLE {role} LOGIN")
        if level:
            cluster.sql("SELECT hitl.grant_access(%s, %s)", [role, level])
        if principal:
            cluster.sql("SELECT hitl.create_principal(%(r)s, email => %(r)s || '@example.com', role => %(r)s)",
                        {"r": role})
    cluster.sql("GRANT " + ", ".join(set(PEOPLE) - {"mia", "postgres"}) + " TO mia")
    cluster.sql("SELECT hitl.create_group('finance', members => '{gus}')")
    cluster.sql("SELECT hitl.grant_acting('app_one', 'ann@example.com'), hitl.grant_acting('app_any', '*')")
    with cluster.connect(user="ann") as ann:
        delegation = ann.execute(
            "SELECT hitl.delegate_approvals('dee', now() + interval '1 day')").fetchone()[0]
    with cluster.connect(user="req") as requester:
        request = requester.execute("SELECT hitl.request_approval('Pay?', context_data => '{\"amount\": 9}', policy => %s)",
                                    [Jsonb(POLICY)]).fetchone()[0]
        workflow = requester.execute("SELECT hitl.create_workflow('of req')").fetchone()[0]
        plain = requester.execute("SELECT hitl.request_approval('Pay?', required_approvers =>"
                                  " '{ann,finance,nobody,bot,off,ed,req,ope}')").fetchone()[0]
    with cluster.connect(user="ed") as editor:
        editor.execute("SELECT hitl.respond_to_approval(%s, NULL, 'modified', edits => '{\"amount\": 8}')", [request])
    cluster.sql("SELECT hitl.set_principal_active('off', false)")
    return {"id": request, "plain": plain, "delegation": delegation, "workflow": workflow,
            "hash": cluster.value("SELECT content_hash FROM hitl.approval_requests WHERE id = %s", [request])}


def outcome(connection, act, parameters):
    """What comes of an act, which is taken back."""
    try:
        with connection.transaction(force_rollback=True):
            value = connection.execute(act, parameters).fetchone()[0]
    except psycopg.Error as refused:
        return refused.sqlstate
    if str(value).lower() in ("true", "false"):
        return "yes" if str(value).lower() == "true" else "no"
    return value if isinstance(value, str) and re.fullmatch("[0-9A-Z]{5}", value) else "ok"


@contextmanager
def session_of(cluster, caller):
    """The session of a caller; "login>role" has logged in and then set a role."""
    login, _, role = caller.partition(">")
    with cluster.connect(user=login) as client:
        if role:
            client.execute(f"SET ROLE {role}")
        yield client


def parse(table):
    """A table, whose columns may be in several blocks, as a dictionary of dictionaries."""
    rows = {}
    for block in table.strip("\n").split("\n\n"):
        head, *lines = [line.split() for line in block.splitlines()]
        for name, *cells in lines:
            assert len(cells) == len(head), name
            rows.setdefault(name, {}).update(zip(head, cells))
    return rows


def check(expected, found):
    """Compare rows, which have all acts, showing only the cells that differ."""
    assert set(expected) == set(ACTS)
    assert {act: found[act] for act in ACTS if found[act] != expected[act]} \
        == {act: expected[act] for act in ACTS if found[act] != expected[act]}


# Who logs in as himself.  42501 is a missing right; WF003 says that there is no
# such request; WF015 that one is not asked, WF054 that one must not answer, WF053
# that one is not active; 22023 that this is no person, WF050 no principal.
#
# "bulk" answers another request, whose simple form excludes nobody.
BY_LOGIN = """
         inbox    list     list:ann request  respons  content  asks     delegat  form
nobody   42501    42501    42501    42501    42501    42501    42501    42501    42501
ann      yes      yes      yes      yes      yes      yes      yes      yes      ok
gus      yes      yes      42501    yes      yes      yes      yes      no       ok
dee      yes      yes      42501    yes      yes      yes      yes      yes      ok
bot      yes      yes      42501    yes      yes      yes      yes      no       ok
off      no       no       42501    no       no       no       no       no       WF003
uma      no       no       42501    no       no       no       no       no       WF003
ed       no       no       42501    yes      yes      yes      yes      no       ok
nxt      no       no       42501    no       no       no       no       no       WF003
app_one  no       no       yes      yes      yes      yes      yes      no       ok
app_any  no       no       yes      yes      yes      yes      yes      no       ok
app_none no       no       42501    no       no       no       no       no       WF003
vic      no       yes      yes      yes      yes      yes      yes      yes      ok
apu      no       yes      yes      yes      yes      yes      yes      yes      ok
req      no       yes      yes      yes      yes      yes      yes      yes      ok
ope      yes      yes      yes      yes      yes      yes      yes      yes      ok
opu      no       yes      yes      yes      yes      yes      yes      yes      ok
adm      no       yes      yes      yes      yes      yes      yes      yes      ok
postgres no       yes      yes      yes      yes      yes      yes      yes      ok
mia      no       yes      yes      yes      yes      yes      yes      yes      ok

         explain  approve  reject   abstain  change   edit     askback  comment  as:ann
nobody   42501    42501    42501    42501    42501    42501    42501    42501    42501
ann      ok       ok       ok       ok       ok       ok       ok       ok       ok
gus      ok       ok       ok       ok       ok       ok       ok       ok       42501
dee      ok       ok       ok       ok       ok       ok       ok       ok       ok
bot      ok       ok       ok       ok       ok       ok       ok       ok       42501
off      WF003    WF053    WF053    WF053    WF053    WF053    WF053    WF053    42501
uma      WF003    WF015    WF015    WF015    WF015    WF015    WF015    WF015    42501
ed       ok       WF054    WF054    WF054    WF054    WF054    WF054    WF054    42501
nxt      WF003    WF015    WF015    WF015    WF015    WF015    WF015    WF015    42501
app_one  ok       WF015    WF015    WF015    WF015    WF015    WF015    WF015    ok
app_any  ok       WF015    WF015    WF015    WF015    WF015    WF015    WF015    ok
app_none WF003    WF015    WF015    WF015    WF015    WF015    WF015    WF015    42501
vic      ok       42501    42501    42501    42501    42501    42501    42501    42501
apu      ok       WF015    WF015    WF015    WF015    WF015    WF015    WF015    42501
req      ok       WF054    WF054    WF054    WF054    WF054    WF054    ok       42501
ope      ok       ok       ok       ok       ok       ok       ok       ok       42501
opu      ok       WF015    WF015    WF015    WF015    WF015    WF015    WF015    42501
adm      ok       WF015    WF015    WF015    WF015    WF015    WF015    WF015    42501
postgres ok       WF015    WF015    WF015    WF015    WF015    WF015    ok       ok
mia      ok       WF015    WF015    WF015    WF015    WF015    WF015    ok       ok

         as:mail  as:gus   as:off   as:req   as:group as:*     as:rule  channel  chn:ann
nobody   42501    42501    42501    42501    42501    42501    42501    42501    42501
ann      ok       42501    42501    42501    22023    42501    42501    42501    42501
gus      42501    ok       42501    42501    22023    42501    42501    42501    42501
dee      ok       42501    42501    42501    22023    42501    42501    42501    42501
bot      42501    42501    42501    42501    22023    42501    42501    42501    42501
off      42501    42501    WF053    42501    22023    42501    42501    WF053    42501
uma      42501    42501    42501    42501    22023    42501    42501    42501    42501
ed       42501    42501    42501    42501    22023    42501    42501    42501    42501
nxt      42501    42501    42501    42501    22023    42501    42501    42501    42501
app_one  ok       42501    42501    42501    22023    42501    42501    42501    ok
app_any  ok       ok       WF053    WF054    22023    22023    22023    42501    ok
app_none 42501    42501    42501    42501    22023    42501    42501    42501    42501
vic      42501    42501    42501    42501    42501    42501    42501    42501    42501
apu      42501    42501    42501    42501    22023    42501    42501    42501    42501
req      42501    42501    42501    WF054    22023    42501    42501    42501    42501
ope      42501    42501    42501    42501    22023    42501    42501    42501    42501
opu      42501    42501    42501    42501    22023    42501    42501    42501    42501
adm      42501    42501    42501    42501    22023    42501    42501    42501    42501
postgres ok       ok       WF053    WF054    22023    22023    22023    WF015    ok
mia      ok       ok       WF053    WF054    22023    22023    22023    42501    ok

         bulk     bulk:ann cancel   expire   expdue   revise   inform   ask      reasgn
nobody   42501    42501    42501    42501    42501    42501    42501    42501    42501
ann      ok       ok       42501    42501    42501    42501    42501    42501    ok
gus      ok       42501    42501    42501    42501    42501    42501    42501    WF015
dee      ok       ok       42501    42501    42501    42501    42501    42501    WF015
bot      ok       42501    42501    42501    42501    42501    42501    42501    ok
off      WF053    42501    42501    42501    42501    42501    42501    42501    WF053
uma      WF015    42501    42501    42501    42501    42501    42501    42501    WF015
ed       ok       42501    42501    42501    42501    42501    42501    42501    WF054
nxt      WF015    42501    42501    42501    42501    42501    42501    42501    WF015
app_one  WF015    ok       42501    42501    42501    42501    42501    42501    WF015
app_any  WF015    ok       42501    42501    42501    42501    42501    42501    WF015
app_none WF015    42501    42501    42501    42501    42501    42501    42501    WF015
vic      42501    42501    42501    42501    42501    42501    42501    42501    42501
apu      WF015    42501    42501    42501    42501    42501    42501    42501    WF015
req      ok       42501    ok       ok       ok       ok       ok       ok       WF054
ope      ok       42501    42501    42501    ok       42501    42501    ok       ok
opu      WF015    42501    42501    42501    ok       42501    42501    ok       WF015
adm      WF015    42501    42501    42501    ok       42501    42501    ok       WF015
postgres WF015    ok       ok       ok       ok       ok       ok       ok       WF015
mia      WF015    ok       ok       ok       ok       ok       ok       ok       WF015

         rea:ann  delegate del:ann  end:ann  grant    people   wf:read  wf:time
nobody   42501    42501    42501    42501    42501    42501    42501    42501
ann      ok       ok       ok       yes      42501    42501    42501    42501
gus      42501    ok       42501    42501    42501    42501    42501    42501
dee      WF015    ok       42501    yes      42501    42501    42501    42501
bot      42501    WF050    42501    42501    42501    42501    42501    42501
off      42501    WF053    42501    42501    42501    42501    42501    42501
uma      42501    22023    42501    42501    42501    42501    42501    42501
ed       42501    ok       42501    42501    42501    42501    42501    42501
nxt      42501    ok       42501    42501    42501    42501    42501    42501
app_one  ok       WF050    ok       yes      42501    42501    42501    42501
app_any  ok       WF050    ok       yes      42501    42501    42501    42501
app_none 42501    WF050    42501    42501    42501    42501    42501    42501
vic      42501    42501    42501    42501    42501    42501    42501    yes
apu      42501    WF050    42501    42501    42501    42501    42501    yes
req      42501    ok       42501    42501    42501    42501    42501    yes
ope      42501    ok       42501    42501    42501    42501    42501    yes
opu      42501    WF050    42501    42501    42501    42501    42501    yes
adm      ok       WF050    42501    42501    ok       ok       yes      yes
postgres ok       WF050    ok       yes      ok       ok       yes      yes
mia      ok       WF050    ok       yes      ok       ok       yes      yes
"""


@pytest.mark.parametrize("caller", PEOPLE)
def test_by_login(cluster, ground, caller):
    expected = parse(BY_LOGIN)
    assert set(expected) == set(PEOPLE)
    with cluster.connect(user=caller) as client:
        check(expected[caller], {act: outcome(client, command, ground) for act, command in ACTS.items()})


# SET ROLE lends rights (to see, to ask, to withdraw, to act for others by a grant),
# but not the identity, so mia answers as nobody of these.  A superuser's session
# is what it has set.
BY_SET_ROLE = """
                  inbox    list     list:ann request  respons  content  asks     delegat  form
mia>ann           no       no       42501    no       no       no       no       no       WF003
mia>bot           no       no       42501    no       no       no       no       no       WF003
mia>dee           no       no       42501    no       no       no       no       no       WF003
mia>req           no       yes      yes      yes      yes      yes      yes      yes      ok
mia>ope           no       yes      yes      yes      yes      yes      yes      yes      ok
mia>app_one       no       no       yes      yes      yes      yes      yes      no       ok
mia>app_any       no       no       yes      yes      yes      yes      yes      no       ok
mia>adm           no       yes      yes      yes      yes      yes      yes      yes      ok
mia>nobody        42501    42501    42501    42501    42501    42501    42501    42501    42501
postgres>ann      yes      yes      yes      yes      yes      yes      yes      yes      ok
postgres>off      no       no       42501    no       no       no       no       no       WF003
postgres>uma      no       no       42501    no       no       no       no       no       WF003
postgres>req      no       yes      yes      yes      yes      yes      yes      yes      ok
postgres>app_one  no       no       yes      yes      yes      yes      yes      no       ok
postgres>nobody   42501    42501    42501    42501    42501    42501    42501    42501    42501

                  explain  approve  reject   abstain  change   edit     askback  comment  as:ann
mia>ann           WF003    WF015    WF015    WF015    WF015    WF015    WF015    WF015    42501
mia>bot           WF003    WF015    WF015    WF015    WF015    WF015    WF015    WF015    42501
mia>dee           WF003    WF015    WF015    WF015    WF015    WF015    WF015    WF015    42501
mia>req           ok       WF015    WF015    WF015    WF015    WF015    WF015    ok       42501
mia>ope           ok       WF015    WF015    WF015    WF015    WF015    WF015    WF015    42501
mia>app_one       ok       WF015    WF015    WF015    WF015    WF015    WF015    WF015    ok
mia>app_any       ok       WF015    WF015    WF015    WF015    WF015    WF015    WF015    ok
mia>adm           ok       WF015    WF015    WF015    WF015    WF015    WF015    WF015    42501
mia>nobody        42501    42501    42501    42501    42501    42501    42501    42501    42501
postgres>ann      ok       ok       ok       ok       ok       ok       ok       ok       ok
postgres>off      WF003    WF053    WF053    WF053    WF053    WF053    WF053    WF053    42501
postgres>uma      WF003    WF015    WF015    WF015    WF015    WF015    WF015    WF015    42501
postgres>req      ok       WF054    WF054    WF054    WF054    WF054    WF054    ok       42501
postgres>app_one  ok       WF015    WF015    WF015    WF015    WF015    WF015    WF015    ok
postgres>nobody   42501    42501    42501    42501    42501    42501    42501    42501    42501

                  as:mail  as:gus   as:off   as:req   as:group as:*     as:rule  channel  chn:ann
mia>ann           42501    42501    42501    42501    22023    42501    42501    42501    42501
mia>bot           42501    42501    42501    42501    22023    42501    42501    42501    42501
mia>dee           42501    42501    42501    42501    22023    42501    42501    42501    42501
mia>req           42501    42501    42501    42501    22023    42501    42501    42501    42501
mia>ope           42501    42501    42501    42501    22023    42501    42501    42501    42501
mia>app_one       ok       42501    42501    42501    22023    42501    42501    42501    ok
mia>app_any       ok       ok       WF053    WF054    22023    22023    22023    42501    ok
mia>adm           42501    42501    42501    42501    22023    42501    42501    42501    42501
mia>nobody        42501    42501    42501    42501    42501    42501    42501    42501    42501
postgres>ann      ok       42501    42501    42501    22023    42501    42501    42501    42501
postgres>off      42501    42501    WF053    42501    22023    42501    42501    WF053    42501
postgres>uma      42501    42501    42501    42501    22023    42501    42501    42501    42501
postgres>req      42501    42501    42501    WF054    22023    42501    42501    42501    42501
postgres>app_one  ok       42501    42501    42501    22023    42501    42501    42501    ok
postgres>nobody   42501    42501    42501    42501    42501    42501    42501    42501    42501

                  bulk     bulk:ann cancel   expire   expdue   revise   inform   ask      reasgn
mia>ann           WF015    42501    42501    42501    42501    42501    42501    42501    WF015
mia>bot           WF015    42501    42501    42501    42501    42501    42501    42501    WF015
mia>dee           WF015    42501    42501    42501    42501    42501    42501    42501    WF015
mia>req           WF015    42501    ok       ok       ok       ok       ok       ok       WF015
mia>ope           WF015    42501    42501    42501    ok       42501    42501    ok       WF015
mia>app_one       WF015    ok       42501    42501    42501    42501    42501    42501    WF015
mia>app_any       WF015    ok       42501    42501    42501    42501    42501    42501    WF015
mia>adm           WF015    42501    42501    42501    ok       42501    42501    ok       WF015
mia>nobody        42501    42501    42501    42501    42501    42501    42501    42501    42501
postgres>ann      ok       ok       42501    42501    42501    42501    42501    42501    ok
postgres>off      WF053    42501    42501    42501    42501    42501    42501    42501    WF053
postgres>uma      WF015    42501    42501    42501    42501    42501    42501    42501    WF015
postgres>req      ok       42501    ok       ok       ok       ok       ok       ok       WF054
postgres>app_one  WF015    ok       42501    42501    42501    42501    42501    42501    WF015
postgres>nobody   42501    42501    42501    42501    42501    42501    42501    42501    42501

                  rea:ann  delegate del:ann  end:ann  grant    people   wf:read  wf:time
mia>ann           42501    WF050    42501    42501    42501    42501    42501    42501
mia>bot           42501    WF050    42501    42501    42501    42501    42501    42501
mia>dee           42501    WF050    42501    42501    42501    42501    42501    42501
mia>req           42501    WF050    42501    42501    42501    42501    42501    yes
mia>ope           42501    WF050    42501    42501    42501    42501    42501    yes
mia>app_one       ok       WF050    ok       yes      42501    42501    42501    42501
mia>app_any       ok       WF050    ok       yes      42501    42501    42501    42501
mia>adm           ok       WF050    42501    42501    ok       ok       yes      yes
mia>nobody        42501    42501    42501    42501    42501    42501    42501    42501
postgres>ann      ok       ok       ok       yes      42501    42501    42501    42501
postgres>off      42501    WF053    42501    42501    42501    42501    42501    42501
postgres>uma      42501    22023    42501    42501    42501    42501    42501    42501
postgres>req      42501    ok       42501    42501    42501    42501    42501    yes
postgres>app_one  ok       WF050    ok       yes      42501    42501    42501    42501
postgres>nobody   42501    42501    42501    42501    42501    42501    42501    42501
"""


@pytest.mark.parametrize("caller", parse(BY_SET_ROLE))
def test_by_set_role(cluster, ground, caller):
    with session_of(cluster, caller) as client:
        check(parse(BY_SET_ROLE)[caller], {act: outcome(client, command, ground) for act, command in ACTS.items()})


# A function that runs with the rights of its author acts as whoever calls it.  So
# it lends the right to call hitl, but neither identity nor grants, and answers for
# those who call it, as any function that they call does.
BY_FUNCTION = """
                  approve  as:ann   as:gus   bulk:ann  rea:ann  del:ann  list:ann cancel   revise
uma-by-ann        WF015    42501    42501    42501     42501    42501    42501    42501    42501
uma-by-app_any    WF015    42501    42501    42501     42501    42501    42501    42501    42501
uma-by-adm        WF015    42501    42501    42501     42501    42501    42501    42501    42501
uma-by-req        WF015    42501    42501    42501     42501    42501    42501    42501    42501
uma-by-postgres   WF015    42501    42501    42501     42501    42501    42501    42501    42501
nobody-by-ann     ok       42501    42501    42501     42501    42501    42501    42501    42501
mia>ann-by-ann    WF015    42501    42501    42501     42501    42501    42501    42501    42501
ann-by-uma        ok       ok       42501    ok        ok       ok       yes      42501    42501
app_any-by-uma    WF015    ok       ok       ok        ok       ok       yes      42501    42501
req-by-postgres   WF054    42501    42501    42501     42501    42501    yes      ok       ok
"""


@pytest.fixture(scope="module")
def functions(cluster, ground):
    """Functions of several authors that run any command."""
    cluster.sql("CREATE SCHEMA lent; GRANT USAGE ON SCHEMA lent TO PUBLIC")
    for author in ("ann", "app_any", "adm", "req", "uma", "postgres"):
        cluster.sql(f"""CREATE FUNCTION lent.by_{author}(command text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
            DECLARE answer text; BEGIN EXECUTE command INTO answer; RETURN answer; END $$""")
        cluster.sql(f"ALTER FUNCTION lent.by_{author}(text) OWNER TO {author}")


@pytest.mark.parametrize("how", parse(BY_FUNCTION))
def test_by_function(cluster, ground, functions, how):
    caller, author = how.split("-by-")
    with session_of(cluster, caller) as client:
        found = {}
        for act in parse(BY_FUNCTION)[how]:
            command = psycopg.ClientCursor(client).mogrify(ACTS[act], ground)
            found[act] = outcome(client, f"SELECT lent.by_{author}(%s)", [command])
    assert found == parse(BY_FUNCTION)[how]


# The statement of an sql step acts as the owner of its workflow, and as nobody else.
BY_WORKFLOW = """
           approve  as:ann   as:gus   channel  rea:ann  cancel   del:ann  list:ann explain
ope        approved 42501    42501    42501    42501    42501    42501    true     ok
opu        WF015    42501    42501    42501    42501    42501    42501    true     ok
req        WF054    42501    42501    42501    42501    ok       42501    true     ok
"""


@pytest.mark.parametrize("owner", parse(BY_WORKFLOW))
def test_by_workflow(cluster, owner):
    """Each act on a request of its own, by a workflow of the owner."""
    cluster.psql("""
        CREATE TABLE IF NOT EXISTS public.found (owner name, act text, outcome text);
        GRANT INSERT ON public.found TO PUBLIC;
        CREATE OR REPLACE FUNCTION public.attempt(command text) RETURNS text LANGUAGE plpgsql AS $$
        DECLARE answer text;
        BEGIN
            EXECUTE command INTO answer;
            RETURN answer;
        EXCEPTION WHEN OTHERS THEN
            RETURN SQLSTATE;
        END $$;""")
    expected = parse(BY_WORKFLOW)[owner]
    steps = []
    policy = {"from": ["ann", "gus", "req", "ope"], "count": 1}
    with cluster.connect(user="req") as requester:
        for act in expected:
            request = requester.execute("SELECT hitl.request_approval('Pay?', policy => %s)", [Jsonb(policy)]).fetchone()[0]
            shown = requester.execute("SELECT content_hash FROM hitl.approval_requests WHERE id = %s", [request]).fetchone()[0]
            command = psycopg.ClientCursor(requester).mogrify(ACTS[act], {"id": request, "hash": shown})
            steps.append({"name": re.sub(r"\W", "_", act), "type": "sql",
                          "sql": "INSERT INTO public.found VALUES (session_user, $1, public.attempt($2))",
                          "params": [act, command]})
    with cluster.connect(user=owner) as client:
        workflow = client.execute("SELECT hitl.create_workflow('w', workflow_definition => %s)",
                                  [Jsonb({"steps": steps})]).fetchone()[0]
        client.execute("SELECT hitl.execute_workflow(%s)", [workflow])
        assert client.execute("CALL hitl.await_workflow(%s, '60 s')", [workflow]).fetchone()[0] == "completed"
    found = {row["act"]: row["outcome"] for row in cluster.sql("SELECT * FROM public.found WHERE owner = %s", [owner])}
    assert {act: "ok" if expected[act] == "ok" and not re.fullmatch("[0-9A-Z]{5}", found[act]) else found[act]
            for act in expected} == expected
    # What it did was done by its owner.
    assert all(row == {"approver_id": "ope", "session_role": "ope", "caller_role": "ope"} for row in cluster.sql(
        "SELECT approver_id, session_role, caller_role FROM hitl.approval_responses r JOIN hitl.approval_requests a"
        " ON a.id = approval_id WHERE a.policy @> '{\"from\": [\"gus\"]}'"))


def test_check_function_within_a_workflow(cluster, ground):
    """A function that checks answers does not act for the workflow in which an answer is given."""
    cluster.sql("GRANT CREATE ON SCHEMA public TO adm")
    with cluster.connect(user="adm") as admin:
        admin.execute("""CREATE FUNCTION public.sneaks(request jsonb, answer jsonb) RETURNS text LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM hitl.respond_to_approval((answer ->> 'other')::uuid, NULL, 'approved');
                RETURN 'it was possible';
            EXCEPTION WHEN insufficient_privilege THEN
                RETURN NULL;
            END $$""")
        admin.execute("SELECT hitl.create_approval_type('sneaky', '{}', check_function => 'public.sneaks')")
    with cluster.connect(user="opu") as client:
        request, other, later = [client.execute(
            "SELECT hitl.request_approval('Pay?', requested_from => 'ope', approval_type => %s)", [kind]).fetchone()[0]
            for kind in ("sneaky", "binary", "binary")]
    answer = {"name": "answer", "type": "sql", "params": [str(request), str(other)],
              "sql": "SELECT hitl.respond_to_approval($1, NULL, 'approved', jsonb_build_object('other', $2::text))"}
    # What the function has called is refused, and what comes after it is not.
    after = {"name": "after", "type": "sql", "params": [str(later)],
             "sql": "SELECT hitl.respond_to_approval($1, NULL, 'approved')"}
    with cluster.connect(user="ope") as client:
        workflow = client.execute("SELECT hitl.create_workflow('w', workflow_definition => %s)",
                                  [Jsonb({"steps": [answer, after]})]).fetchone()[0]
        client.execute("SELECT hitl.execute_workflow(%s)", [workflow])
        client.execute("CALL hitl.await_workflow(%s, '60 s')", [workflow])
    assert cluster.value("SELECT error FROM hitl.workflows WHERE id = %s", [workflow]) is None
    assert [cluster.value("SELECT status FROM hitl.approval_requests WHERE id = %s", [one])
            for one in (request, other, later)] == ["approved", "pending", "approved"]


# What is recorded

@pytest.mark.parametrize("caller, as_whom, names", [
    ("ann", None, ("ann", None, "sql", "ann", "ann")),
    ("ann", "ANN@example.com", ("ann", None, "sql", "ann", "ann")),
    ("gus", None, ("gus", None, "sql", "gus", "gus")),
    ("dee", None, ("dee", ["ann"], "sql", "dee", "dee")),
    ("dee", "ann", ("dee", ["ann"], "sql", "dee", "dee")),
    ("bot", None, ("bot", None, "sql", "bot", "bot")),
    ("app_one", "ann", ("ann", None, "web", "app_one", "app_one")),
    ("app_any", "gus", ("gus", None, "web", "app_any", "app_any")),
    ("mia", "gus", ("gus", None, "web", "mia", "mia")),
    ("mia>app_any", "gus", ("gus", None, "web", "mia", "app_any")),
    ("postgres", "ann", ("ann", None, "web", "postgres", "postgres")),
    ("postgres>ann", None, ("ann", None, "sql", "postgres", "ann")),
])
def test_what_is_recorded(cluster, ground, caller, as_whom, names):
    """Who is the approver, for whom, by which channel, and who the session was."""
    with session_of(cluster, caller) as client, client.transaction(force_rollback=True):
        client.execute("SELECT hitl.respond_to_approval(%s, %s, 'approved', content_hash => %s, channel => %s)",
                       [ground["id"], as_whom, ground["hash"], "web" if names[2] == "web" else None])
        assert client.execute("SELECT approver_id, on_behalf_of, channel, session_role, caller_role"
                              " FROM hitl.approval_responses WHERE approval_id = %s AND decision = 'approved'",
                              [ground["id"]]).fetchone() == names


# What holds for every function

def calls(cluster):
    """Every function and procedure of hitl with arguments that are NULL: {signature: call}."""
    rows = cluster.sql("""
        SELECT p.oid::regprocedure::text AS signature, prokind = 'p' AS is_procedure, format('hitl.%I', proname) AS name,
               ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes) WITH ORDINALITY AS a (t, n) ORDER BY n) AS types
        FROM pg_proc p WHERE pronamespace = 'hitl'::regnamespace AND prorettype <> 'trigger'::regtype""")
    made = {}
    for row in rows:
        nulls = ", ".join(f"NULL::{type_}" for type_ in row["types"])
        columns = ", ".join(f"c{number}" for number in range(len(row["types"])))
        # A constant NULL would spare the planner the call of a function that is STRICT.
        made[row["signature"]] = f"CALL {row['name']}({nulls})" if row["is_procedure"] else \
            f"WITH a ({columns or 'c'}) AS MATERIALIZED (SELECT {nulls or 1}) SELECT {row['name']}({columns}) FROM a"
    return made


def test_nobody_executes_anything(cluster, ground):
    """A role without grants is refused by every function, even if it may look into the schema."""
    everything = calls(cluster)
    assert len(everything) > 100
    cluster.sql("CREATE ROLE looks LOGIN; GRANT USAGE ON SCHEMA hitl TO looks")
    for role in ("nobody", "looks"):
        with cluster.connect(user=role) as client:
            done = {signature: found for signature, call in everything.items()
                    if (found := outcome(client, call, None)) != "42501"}
        assert done == {}, role
    relations = cluster.sql("SELECT oid::regclass::text AS name FROM pg_class"
                            " WHERE relnamespace = 'hitl'::regnamespace AND relkind IN ('r', 'v')")
    with cluster.connect(user="looks") as client:
        seen = [row["name"] for row in relations
                if outcome(client, f"SELECT count(*) FROM {row['name']}", None) != "42501"]
    assert seen == []


# Arguments that say for whom something is done, with a call that names %(who)s.
# What only administrators may call is not among them.
FOR_WHOM = {
    "respond_to_approval.approver_id": RESPOND.format("%(who)s", "'approved'"),
    "respond_to_approvals.approver_id":
        "SELECT coalesce(sqlstate, 'ok') FROM hitl.respond_to_approvals(ARRAY[%(plain)s]::uuid[], 'approved', %(who)s)",
    "reassign_approval.from_approver": "SELECT hitl.reassign_approval(%(id)s, 'uma', %(who)s)",
    "delegate_approvals.delegator":
        "SELECT hitl.delegate_approvals('uma', now() + interval '1 day', delegator => %(who)s)",
    "list_pending_approvals.requested_from": "SELECT count(*) FROM hitl.list_pending_approvals(%(who)s)",
    "pending_of.principal": "SELECT count(*) > 0 FROM hitl.pending_of(%(who)s, true)",
    "may_act_for.approver_id": "SELECT hitl.may_act_for(%(who)s)",
    "create_api_token.principal": "SELECT hitl.create_api_token(%(who)s)",
    "set_preferred_channels.principal": "SELECT hitl.set_preferred_channels(%(who)s, '{}')",
}
OTHERS = ("ann", "ann@example.com", "ANN@EXAMPLE.COM", "gus", "off", "req", "bot", "nobody", "postgres", "adm",
          "app_any", "finance", "*", "", "rule:all", "somebody else")


def test_the_arguments_are_known(cluster, ground):
    """A new function that takes an approver has to be added above."""
    found = cluster.sql("""
        SELECT DISTINCT proname || '.' || a.name AS argument
        FROM pg_proc p, unnest(proargnames, proargmodes) AS a (name, mode)
        WHERE pronamespace = 'hitl'::regnamespace AND coalesce(a.mode, 'i') = 'i'
          AND a.name IN ('approver_id', 'delegator', 'from_approver', 'principal', 'requested_from', 'approver', 'person')
          AND (has_function_privilege('ann', p.oid, 'EXECUTE') OR has_function_privilege('ope', p.oid, 'EXECUTE'))""")
    # request_approval() says whom to ask, not for whom.
    assert {row["argument"] for row in found} == set(FOR_WHOM) | {"request_approval.requested_from"}


# Who sees all requests may list what others are asked; administrators reassign, make tokens and choose channels.
BY_ADMIN = {"reassign_approval.from_approver", "create_api_token.principal", "set_preferred_channels.principal"}
SEE_ALL = {"ope", "apu", "mia>adm"}
READING = {"list_pending_approvals.requested_from", "pending_of.principal"}


@pytest.mark.parametrize("caller, argument", [
    (caller, argument) for caller in ("uma", "ope", "apu", "app_none", "mia>ann", "mia>adm") for argument in FOR_WHOM
    if not (caller in SEE_ALL and argument in READING)
    and not (caller == "mia>adm" and argument in BY_ADMIN)])
def test_nobody_acts_for_others(cluster, ground, caller, argument):
    """Whoever may not act for somebody is refused, by whatever name he says it."""
    with session_of(cluster, caller) as client:
        found = {who: outcome(client, FOR_WHOM[argument], {**ground, "who": who}) for who in OTHERS}
    # A function that only tells says no; what is no person is refused as such.
    allowed = {"42501", "22023"} | ({"no"} if argument in ("pending_of.principal", "may_act_for.approver_id") else set())
    assert {who: code for who, code in found.items() if code not in allowed} == {}


def test_the_name_of_a_role_is_no_identity(cluster, ground):
    """A role that is named like a principal, or like a group, of others is neither."""
    cluster.sql("CREATE ROLE hers")
    cluster.sql("SELECT hitl.create_principal('eve', role => 'hers'), hitl.create_group('board', members => '{ann}')")
    for role in ("eve", "board"):
        cluster.sql(f"CREATE ROLE {role} LOGIN")
        cluster.sql("SELECT hitl.grant_access(%s, 'participant')", [role])
        request = cluster.value("SELECT hitl.request_approval('Pay?', requested_from => %s)", [role])
        parameters = {**ground, "id": request, "hash": None}
        with cluster.connect(user=role) as client:
            assert client.execute("SELECT hitl.current_principal()").fetchone()[0] is None
            for act in ("inbox", "list", "request", "asks"):
                assert outcome(client, ACTS[act], parameters) == "no", (role, act)
            for act in ("approve", "comment", "reasgn"):
                assert outcome(client, ACTS[act], parameters) in ("42501", "22023"), (role, act)
            for act in ("form", "explain"):
                assert outcome(client, ACTS[act], parameters) == "WF003", (role, act)

    # Nor does it get what was delegated to the principal of its name.
    with cluster.connect(user="ann") as ann:
        ann.execute("SELECT hitl.delegate_approvals('eve', now() + interval '1 day')")
    request = cluster.value("SELECT hitl.request_approval('Pay?', requested_from => 'ann')")
    for user, found in (("eve", "42501"), ("hers", "ok")):
        cluster.sql(f"ALTER ROLE {user} LOGIN")
        cluster.sql("SELECT hitl.grant_access(%s, 'participant')", [user])
        with cluster.connect(user=user) as client:
            assert outcome(client, ACTS["as:ann"], {"id": request, "hash": None}) == found, user


def test_conditions_on_the_inbox_see_nothing_else(cluster, ground):
    """What others are asked is not passed to functions of the caller, whatever the plan."""
    secret = cluster.value("SELECT hitl.request_approval('Secret', requested_from => 'ann')")
    cluster.sql("SELECT hitl.request_approval('Known', requested_from => 'uma')")
    with cluster.connect(user="uma") as uma:
        seen = []
        uma.add_notice_handler(lambda notice: seen.append(notice.message_primary))
        uma.execute("""CREATE FUNCTION pg_temp.peek(text) RETURNS boolean LANGUAGE plpgsql COST 0.00001
            AS $$BEGIN RAISE NOTICE '%', $1; RETURN true; END$$""")
        uma.execute("SET enable_nestloop = off")
        uma.execute("SELECT count(*) FROM hitl.inbox WHERE pg_temp.peek(title)")
        assert set(seen) == {"Known"}
        assert uma.execute("SELECT count(*) FROM hitl.approval_requests WHERE id = %s", [secret]).fetchone()[0] == 0
    anybody = cluster.value("SELECT hitl.request_approval('Anybody?')")
    for user, count in (("uma", 0), ("ope", 1)):
        with cluster.connect(user=user) as client:
            assert client.execute("SELECT count(*) FROM hitl.pending_of(%s, true) AS o WHERE o = %s",
                                  [user, anybody]).fetchone()[0] == count, user


def test_who_is_registered_later_is_the_same_person(cluster, ground):
    """Whom a request excludes, and who has answered, stays so under the name that he gets."""
    for role in ("late_one", "late_two", "late_app"):
        cluster.sql(f"CREATE ROLE {role} LOGIN")
        cluster.sql("SELECT hitl.grant_access(%s, 'operator')", [role])
    with cluster.connect(user="late_one") as client:
        request = client.execute("SELECT hitl.request_approval('Pay?', policy => %s)",
                                 [Jsonb({"from": ["*"], "count": 2})]).fetchone()[0]
    with cluster.connect(user="late_two") as client:
        client.execute(ACTS["approve"], {"id": request, "hash": None})
    cluster.sql("SELECT hitl.create_principal('Late One', role => 'late_one'), hitl.create_principal('Late Two', role => 'late_two')")
    for role, name, code in (("late_one", "Late One", "WF054"), ("late_two", "Late Two", "WF014")):
        with cluster.connect(user=role) as client:
            assert outcome(client, ACTS["approve"], {"id": request, "hash": None}) == code, role
            assert outcome(client, ACTS["inbox"], {"id": request}) == "no", role
            assert client.execute("SELECT hitl.current_principal()").fetchone()[0] == name
    with cluster.connect(user="late_two") as client:
        client.execute("SELECT hitl.delegate_approvals('Late One', now() + interval '1 day')")
    with cluster.connect(user="late_one") as client:
        assert outcome(client, ACTS["inbox"], {"id": request}) == "no"
    assert cluster.value("SELECT hitl.count_people('{\"Late One\",\"Late Two\"}', '{late_one}')") == 1
    with cluster.connect(user="late_app") as client:
        assert outcome(client, ACTS["approve"], {"id": request, "hash": None}) == "ok"


def test_who_starts_a_workflow_asks_what_it_asks(cluster, ground):
    """Neither SET ROLE nor a child makes another requester of whoever has created the workflow."""
    cluster.sql("CREATE ROLE starter LOGIN")
    cluster.sql("CREATE ROLE shared")
    cluster.sql("GRANT shared TO starter")
    cluster.sql("SELECT hitl.grant_access('starter', 'operator'), hitl.grant_access('shared', 'operator')")
    cluster.sql("SELECT hitl.create_principal('Mr Starter', role => 'starter')")
    ask = {"name": "ask", "type": "approval", "title": "Pay?", "policy": {"from": ["Mr Starter", "ann"]}}
    for steps in ([ask], [{"name": "sub", "type": "workflow", "definition": {"steps": [ask]}}]):
        with cluster.connect(user="starter") as client:
            client.execute("SET ROLE shared")
            workflow = client.execute("SELECT hitl.create_workflow('w', workflow_definition => %s)",
                                      [Jsonb({"steps": steps})]).fetchone()[0]
            client.execute("SELECT hitl.execute_workflow(%s)", [workflow])
            request = wait_until(lambda: cluster.value(
                "SELECT a.id FROM hitl.approval_requests a JOIN hitl.workflows w ON w.id = a.workflow_id"
                " WHERE %s IN (w.id, w.parent_id)", [workflow]))
            client.execute("RESET ROLE")
            assert outcome(client, ACTS["approve"], {"id": request, "hash": None}) == "WF054"
            assert outcome(client, ACTS["inbox"], {"id": request}) == "no"
        with cluster.connect(user="ann") as ann:
            assert outcome(ann, ACTS["approve"], {"id": request, "hash": None}) == "ok"


def test_an_address_that_moves_answers_once(cluster, ground):
    """Who gets the address of somebody who has answered does not answer for it again."""
    cluster.sql("SELECT hitl.create_principal('old', email => 'desk@example.com'), hitl.create_principal('new'),"
                " hitl.create_principal('third')")
    cluster.sql("SELECT hitl.create_group('desks', members => '{old,new}')")
    answer = "SELECT hitl.respond_to_approval(%s, %s, 'approved')"
    request = cluster.value("SELECT hitl.request_approval('Pay?', policy => %s)",
                            [Jsonb({"from": ["desk@example.com", "third"], "count": 2})])
    group = cluster.value("SELECT hitl.request_approval('Pay?', policy => %s)", [Jsonb({"from": "desks", "count": 2})])
    assert cluster.value(answer, [request, "old"]) == cluster.value(answer, [group, "old"]) == "pending"
    cluster.sql("SELECT hitl.update_principal('old', email => ''), hitl.update_principal('new', email => 'desk@example.com')")
    with cluster.connect() as client:
        assert outcome(client, "SELECT hitl.respond_to_approval(%(id)s, 'new', 'approved')", {"id": request}) == "WF015"
    assert cluster.value(answer, [group, "new"]) == "approved"
    assert cluster.value(answer, [request, "third"]) == "approved"


# What comes in by HTTP: whoever has a principal's token (of all scopes), the link of a
# message, a session with a form, or the key of a system that answers as it.  A cell is
# the status of the response; of "list", whether the request is in it; of "bulk", what
# came of the other request.
HTTP_PEOPLE = [name for name, (_, principal, _) in PEOPLE.items() if principal]
SCOPES = "{approvals:read,approvals:respond,approvals:request,workflows:read,workflows:start}"
BY_HTTP = """
         list     read     form     approve  reject   askback  bulk     cancel   ask      wf:read  wf:start
ann      yes      200      200      200      200      200      ok       403      403      404      403
gus      yes      200      200      200      200      200      ok       403      403      404      403
dee      yes      200      200      200      200      200      ok       403      403      404      403
off      401      401      401      401      401      401      401      401      401      401      401
uma      no       404      404      403      403      403      WF015    404      403      404      403
ed       no       200      200      403      403      403      ok       403      403      404      403
nxt      no       404      404      403      403      403      WF015    404      403      404      403
req      no       200      200      403      403      403      ok       200      201      200      201
ope      yes      200      200      200      200      200      ok       403      201      200      201
nobody   401      401      401      401      401      401      401      401      401      401      401

         inbox    page     answer   link     click    fwd:link fwd:clic hook
ann      200      200      303      200      303      403      403      200
gus      200      200      303      200      303      403      403      200
dee      200      200      303      200      303      403      403      200
off      303      303      303      403      403      200      303      401
uma      200      404      403      403      403      403      403      403
ed       200      200      403      200      403      403      403      403
nxt      200      404      403      403      403      403      403      403
req      200      200      403      200      403      403      403      403
ope      200      200      303      200      303      403      403      200
nobody   303      303      303      404      404      200      303      401
"""


@pytest.fixture(scope="module")
def entrances(cluster, ground):
    """Tokens, sessions, links and keys of everybody, and a link of somebody else, in a dictionary."""
    cluster.sql("CREATE ROLE gate LOGIN")
    cluster.sql("SELECT hitl.grant_access('gate', 'gateway'), hitl.grant_acting('gate', '*')")
    cluster.sql("GRANT SELECT ON hitl.http_routes TO gate;"
                "GRANT EXECUTE ON FUNCTION hitl.http_answer, hitl.http_error, hitl.http_json TO gate")
    cluster.sql("SELECT hitl.create_template('nothing', definition => '{\"steps\": [{\"name\": \"a\", \"type\": \"task\", \"task\": \"x\"}]}')")
    link = cluster.value("SELECT hitl.make_action_token(NULL, %s, 'bot', now() + interval '1 day')", [ground["id"]])
    found = {"nobody": {"token": "none", "session": "none", "link": "none", "form": "none.", "click": "none."}}
    for name in HTTP_PEOPLE:
        cluster.sql("SELECT hitl.set_principal_active(%s, true)", [name])
        found[name] = one = {
            "token": cluster.value("SELECT hitl.create_api_token(%s, %s)", [name, SCOPES]),
            "link": cluster.value("SELECT hitl.make_action_token(NULL, %s, %s, now() + interval '1 day')",
                                  [ground["id"], name]),
            "session": "session of " + name}
        cluster.sql("INSERT INTO hitl.web_sessions (id, hash, principal, email, expires_at)"
                    " SELECT hitl.uuidv7(), hitl.token_hash(%s), p.name, p.email, now() + interval '1 day'"
                    " FROM hitl.principals p WHERE p.name = %s", [one["session"], name])
        for form, key in ("form", "session"), ("click", "link"):
            one[form] = cluster.value("SELECT hitl.form_code(%s, format('answer:%%s:%%s', %s::uuid, %s::text), %s)",
                                      [one[key], ground["id"], name, ground["hash"]])
        cluster.sql("SELECT hitl.set_secret(%(n)s, 'whsec_' || encode(rpad(%(n)s, 24, '-')::bytea, 'base64'))", {"n": name})
        cluster.sql("SELECT hitl.create_webhook_sender(%(n)s, %(n)s, %(n)s)", {"n": name})
    for one in found.values():
        one["forwarded"] = link
        one["forwarded form"] = cluster.value("SELECT hitl.form_code(%s, format('answer:%%s:bot', %s::uuid), %s)",
                                              [link, ground["id"], ground["hash"]])
    cluster.sql("SELECT hitl.set_principal_active('off', false)")
    return found


def by_http(gate, key, ground, who):
    """Each act by HTTP and what comes of it."""
    def ask(method, path, body=None, form=None, signed=False, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers["content-type"] = "application/json"
            body = json.dumps(body)
        if form is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
            body = urlencode(form)
        if signed:
            now = str(int(time.time()))
            code = hmac.digest(who.ljust(24, "-").encode(), f"m.{now}.{body}".encode(), "sha256")
            headers |= {"webhook-id": "m", "webhook-timestamp": now,
                        "webhook-signature": "v1," + base64.b64encode(code).decode()}
        with gate.transaction(force_rollback=True):
            return gate.execute("SELECT hitl.http_answer(%s, %s, '{}', %s, %s)",
                                [method, path, Jsonb(headers), body]).fetchone()[0]

    def api(method, path, body=None):
        return ask(method, "/api/v1" + path, body, authorization="Bearer " + key["token"])

    hash_ = ground["hash"].hex()
    approval, page = f"/approvals/{ground['id']}", {"cookie": "__Host-hitl=" + key["session"]}
    listed = api("GET", "/approvals")
    bulk = api("POST", "/approvals/respond", {"approval_ids": [str(ground["plain"])], "decision": "approved"})
    found = {
        "list": listed["status"] if listed["status"] != 200 else
        any(one["id"] == str(ground["id"]) for one in listed["json"]["approvals"]),
        "read": api("GET", approval),
        "form": api("GET", approval + "/form"),
        "approve": api("POST", approval + "/respond", {"decision": "approved", "content_hash": hash_}),
        "reject": api("POST", approval + "/respond", {"decision": "rejected", "content_hash": hash_}),
        "askback": api("POST", approval + "/respond", {"decision": "information_requested", "feedback": "why?"}),
        "bulk": bulk["status"] if bulk["status"] != 200 else bulk["json"]["results"][0].get("code", "ok"),
        "cancel": api("POST", approval + "/cancel"),
        "ask": api("POST", "/approvals", {"title": "Pay?", "requested_from": "ann"}),
        "wf:read": api("GET", f"/workflows/{ground['workflow']}"),
        "wf:start": api("POST", "/workflows", {"template": "nothing"}),
        "inbox": ask("GET", "/approvals", **page),
        "page": ask("GET", approval, **page),
        "answer": ask("POST", approval, form={"csrf": key["form"], "decision": "approved"}, **page),
        "link": ask("GET", "/a/" + key["link"]),
        "click": ask("POST", "/a/" + key["link"], form={"csrf": key["click"], "decision": "approved"}),
        "fwd:link": ask("GET", "/a/" + key["forwarded"], **page),
        "fwd:clic": ask("POST", "/a/" + key["forwarded"],
                        form={"csrf": key["forwarded form"], "decision": "approved"}, **page),
        "hook": ask("POST", f"/hooks{approval}/respond", {"decision": "approved", "content_hash": hash_}, signed=True),
    }
    words = {True: "yes", False: "no"}
    return {act: words[cell] if isinstance(cell, bool) else str(cell["status"] if isinstance(cell, dict) else cell)
            for act, cell in found.items()}


@pytest.mark.parametrize("who", [*HTTP_PEOPLE, "nobody"])
def test_by_http(cluster, ground, entrances, who):
    assert set(parse(BY_HTTP)) == set(entrances)
    with cluster.connect(user="gate") as gate:
        assert by_http(gate, entrances[who], ground, who) == parse(BY_HTTP)[who]
