"""Requests for approval, as tests ask them, and what has become of them."""
from psycopg.types.json import Jsonb


def ask(cluster, title="Pay 5 EUR", **arguments):
    """Ask for approval; its id."""
    names = "".join(f", {name} => %s" for name in arguments)
    return cluster.value(f"SELECT hitl.request_approval(%s{names})",
                         [title, *(Jsonb(value) if isinstance(value, dict) else value for value in arguments.values())])


def status(cluster, approval):
    return cluster.value("SELECT status FROM hitl.approval_requests WHERE id = %s", [approval])


def answers(cluster, approval):
    """(who, decision, feedback, channel) of each answer, in their order."""
    return [tuple(row.values()) for row in cluster.sql(
        "SELECT approver_id, decision, feedback, channel FROM hitl.approval_responses"
        " WHERE approval_id = %s ORDER BY number", [approval])]


def settled(cluster):
    """Is no notification waiting or under way?"""
    return not cluster.value("SELECT EXISTS (SELECT FROM hitl.outbox WHERE purpose = 'notification'"
                             " AND status IN ('queued', 'sending'))")


def configure_mail(cluster, server, is_default=True, templates=None, **settings):
    """The channel "mail", by a mail server without TLS."""
    settings = {"url": server.url, "tls": "none", "from": "Approvals <approvals@example.org>", **settings}
    cluster.sql("SELECT hitl.configure_channel('mail', 'email', %s, is_default => %s, templates => %s)",
                [Jsonb(settings), is_default, Jsonb(templates or {})])
