"""Requests of the outbox, put there by hand, and what becomes of them."""
import uuid

import psycopg
from harness import wait_until
from psycopg.types.json import Jsonb

# The engine takes the replies from their mailboxes at once: keep copies.
KEEP_REPLIES = """
    CREATE TABLE IF NOT EXISTS public.replies (workflow_id uuid, body jsonb);
    CREATE OR REPLACE FUNCTION public.keep_reply() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO public.replies VALUES (NEW.workflow_id, NEW.body);
        RETURN NULL;
    END $$;
    CREATE OR REPLACE TRIGGER keep_reply AFTER INSERT ON hitl.messages
    FOR EACH ROW WHEN (NEW.kind = 'reply') EXECUTE FUNCTION public.keep_reply()
"""


class Outbox:
    def __init__(self, cluster):
        self.cluster = cluster
        self.connection = cluster.connect()
        self.execute(KEEP_REPLIES)

    def execute(self, query, parameters=None):
        try:
            return self.connection.execute(query, parameters)
        except psycopg.OperationalError:
            self.connection = self.cluster.connect()
            return self.connection.execute(query, parameters)

    def clear(self):
        self.execute("DELETE FROM hitl.outbox")
        self.execute("DELETE FROM hitl.messages")
        self.execute("DELETE FROM public.replies")
        self.execute("DELETE FROM hitl.channel_configurations")

    def put(self, url, connection=None, **columns):
        """Queue a request; gives its id."""
        row = {"id": uuid.uuid4(), "purpose": "inference", "url": url, "body": "{}", **columns}
        row.setdefault("idempotency_key", f"key-{row['id']}")
        if row["purpose"] == "inference":
            row.setdefault("workflow_id", uuid.uuid4())
            row.setdefault("token", 7)
        for name, value in row.items():
            if isinstance(value, (dict, list)):
                row[name] = Jsonb(value)
        names = ", ".join(row)
        marks = ", ".join(["%s"] * len(row))
        (connection or self).execute(f"INSERT INTO hitl.outbox ({names}) VALUES ({marks})",
                                     list(row.values()))
        return row["id"]

    def row(self, request):
        cursor = self.execute("SELECT * FROM hitl.outbox WHERE id = %s", [request])
        values = cursor.fetchone()
        return values and dict(zip([column.name for column in cursor.description], values))

    def body(self, request):
        return self.execute("SELECT hitl.request_body(%s)", [request]).fetchone()[0]

    def until(self, request, *statuses):
        """The row when its status is one of these."""
        def reached():
            row = self.row(request)
            return row if row["status"] in statuses else None
        return wait_until(reached, describe=lambda: self.row(request))

    def finished(self, request):
        return self.until(request, "delivered", "failed")

    def failed_once(self, request):
        """The row when an attempt has failed and another is to follow."""
        wait_until(lambda: self.row(request)["error_kind"], describe=lambda: self.row(request))
        return self.row(request)

    def replies(self, request):
        return [body for body, in self.execute(
            "SELECT r.body FROM public.replies r JOIN hitl.outbox o USING (workflow_id)"
            " WHERE o.id = %s AND r.body -> 'token' = to_jsonb(o.token)", [request])]

    def reply(self, request):
        """The only reply to a finished request."""
        self.finished(request)
        replies = self.replies(request)
        assert len(replies) == 1
        return replies[0]

    def now(self):
        return self.execute("SELECT clock_timestamp()").fetchone()[0]
