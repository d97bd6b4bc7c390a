"""All that is around an agent that plays a vector: a database, models, servers, programs, people.

What is asked for is noted by triggers, in its order.  Functions give what the vector says, and servers
what they are told to; a server keeps whoever asks waiting until then.
"""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import DEADLINE, wait_until
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

LOCK = 5  # class of the advisory locks that keep functions waiting, each by the number of its call

# What is asked for, and with what each call of a function is to be answered.
RECORDER = """
    CREATE SCHEMA script;
    CREATE TABLE script.asked (n bigint GENERATED ALWAYS AS IDENTITY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        workflow_id uuid, kind text NOT NULL, row jsonb NOT NULL);
    CREATE TABLE script.answers (call integer PRIMARY KEY, held boolean NOT NULL, answer jsonb NOT NULL);

    CREATE FUNCTION script.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO script.asked (workflow_id, kind, row)
        VALUES ((to_jsonb(NEW) ->> TG_ARGV[1])::uuid, TG_ARGV[0], to_jsonb(NEW));
        RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER INSERT ON hitl.statements FOR EACH ROW EXECUTE FUNCTION script.note('sql', 'workflow_id');
    CREATE TRIGGER note_model AFTER INSERT ON hitl.outbox FOR EACH ROW WHEN (NEW.purpose = 'inference')
        EXECUTE FUNCTION script.note('model', 'workflow_id');
    CREATE TRIGGER note_http AFTER INSERT ON hitl.outbox FOR EACH ROW WHEN (NEW.purpose = 'http')
        EXECUTE FUNCTION script.note('http', 'workflow_id');
    CREATE TRIGGER note AFTER INSERT ON hitl.external_tasks FOR EACH ROW EXECUTE FUNCTION script.note('external', 'workflow_id');
    CREATE TRIGGER note AFTER INSERT ON hitl.workflows FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL)
        EXECUTE FUNCTION script.note('child', 'parent_id');
    CREATE TRIGGER note AFTER INSERT ON hitl.approval_requests FOR EACH ROW EXECUTE FUNCTION script.note('approval', 'workflow_id');
    CREATE TRIGGER note AFTER INSERT ON hitl.workflow_checkpoints FOR EACH ROW
        EXECUTE FUNCTION script.note('checkpoint', 'workflow_id');
    CREATE TRIGGER note_rollback AFTER INSERT ON hitl.workflow_events FOR EACH ROW WHEN (NEW.event_type = 'rolled_back')
        EXECUTE FUNCTION script.note('rollback', 'workflow_id');
    CREATE TRIGGER note_rerouted AFTER INSERT ON hitl.workflow_events FOR EACH ROW WHEN (NEW.event_type = 'task_rerouted')
        EXECUTE FUNCTION script.note('rerouted', 'workflow_id');
    CREATE TRIGGER note_waits AFTER INSERT ON hitl.workflow_events FOR EACH ROW WHEN (NEW.event_type = 'budget_awaited')
        EXECUTE FUNCTION script.note('waits', 'workflow_id');

    -- The rows that the present call gives.
    CREATE FUNCTION script.rows() RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        present script.answers;
        error jsonb;
    BEGIN
        SELECT * INTO STRICT present FROM script.answers
        WHERE call = (SELECT count(*) FROM script.asked WHERE kind = 'sql');
        IF present.held THEN
            PERFORM pg_advisory_xact_lock(%(lock)s, present.call);
        END IF;
        error := present.answer -> 'error';
        IF error IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = coalesce(error ->> 'sqlstate', 'P0001'), MESSAGE = error ->> 'message';
        END IF;
        RETURN present.answer #> '{result,rows}';
    END $$;

    CREATE ROLE clerk;
    SELECT hitl.grant_access('clerk', 'operator');
    CREATE SCHEMA shop;
    GRANT USAGE ON SCHEMA shop, script TO clerk;
    CREATE ROLE hitl_agent_1;
    CREATE SCHEMA hitl_agent_1;
    GRANT USAGE ON SCHEMA hitl_agent_1 TO hitl_agent_1;
    CREATE TABLE hitl_agent_1.orders (id integer);
    CREATE TABLE hitl_agent_1.drafts (id integer);
    GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA hitl_agent_1 TO hitl_agent_1;

    SELECT hitl.create_principal(n) FROM unnest('{ann,bob,boss,chief}'::text[]) AS n;
    SELECT hitl.create_group('finance', members => '{ann,bob}'), hitl.create_group('sales', members => '{ann}');
    SELECT hitl.delegate_approvals('ann', now() + interval '1 day', delegator => 'boss')
""" % {"lock": LOCK}

# Nothing of a workflow goes on by itself any more, but for what waits outside: of these the ids are given.
IDLE = """
    SELECT NOT EXISTS (SELECT FROM hitl.messages WHERE due_at <= clock_timestamp())
       AND NOT EXISTS (SELECT FROM hitl.statements WHERE token <> ALL (%s))
       AND NOT EXISTS (SELECT FROM hitl.outbox WHERE status IN ('queued', 'sending') AND id::text <> ALL (%s))
"""


class Request:
    """What a server was asked; it is answered later."""

    def __init__(self, handler, body):
        self.method = handler.command
        self.path = handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = body
        self.reply = None  # status and text; False: none, the connection is closed
        self.replied = threading.Event()

    def answer(self, reply):
        self.reply = reply
        self.replied.set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        request = Request(self, self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        self.server.add(self.headers["Idempotency-Key"], request)
        request.replied.wait()
        if not request.reply:
            self.close_connection = True
            return
        status, text = request.reply
        body = text.encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", "application/json" if text.startswith("{") else "text/plain")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_DELETE = do_POST

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    """A server of models and of everything else, at which requests wait to be answered."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.changed = threading.Condition()
        self.requests = {}  # by idempotency key
        self.repeated = []  # what was asked once more

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.forget()
        self.shutdown()
        self.server_close()

    def handle_error(self, *_):
        """Whoever does not wait for an answer any more is no error."""

    def add(self, key, request):
        with self.changed:
            before = self.requests.get(key)
            if before and before.reply is False:  # a connection that was used before ends: that may be for its age
                request.answer(False)
            elif before:
                self.repeated.append(request.path)
            self.requests[key] = request
            self.changed.notify_all()

    def get(self, key):
        """A request, once it is there."""
        with self.changed:
            assert self.changed.wait_for(lambda: key in self.requests, DEADLINE), "the request does not come"
            return self.requests[key]

    def waiting(self):
        """The keys of requests that are not answered."""
        with self.changed:
            return [key for key, request in self.requests.items() if not request.replied.is_set()]

    def forget(self):
        """Answer what nobody waits for any more."""
        with self.changed:
            for request in self.requests.values():
                request.answer(False)
            self.requests.clear()
            self.repeated.clear()


class World:
    def __init__(self, cluster, server):
        self.server = server
        self.connection = cluster.connect(row_factory=dict_row)
        self.connection.execute(RECORDER)
        self.connection.execute("SELECT hitl.set_secret('weather_key', 'sunny', allowed_hosts => '{127.0.0.1}')")

    def sql(self, query, parameters=None):
        cursor = self.connection.execute(query, parameters)
        return cursor.fetchall() if cursor.description else []

    def value(self, query, parameters=None):
        row, = self.sql(query, parameters)
        return next(iter(row.values()))

    # What a vector needs

    def begin(self, statements):
        """Forget the vector before; statements: (held, answer) of each that will run."""
        self.sql("SELECT pg_advisory_unlock_all()")
        self.server.forget()
        with self.connection.transaction():
            self.sql("TRUNCATE script.asked, script.answers")
            self.sql("SET LOCAL client_min_messages = warning; DROP SCHEMA shop CASCADE")
            self.sql("CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO clerk")
            self.sql("DELETE FROM hitl.agents")
            self.sql("TRUNCATE hitl.budgets, hitl.budget_usage")
            self.sql("DELETE FROM hitl.models")
            self.sql("TRUNCATE hitl_agent_1.orders, hitl_agent_1.drafts")
            self.sql("INSERT INTO hitl_agent_1.orders VALUES (1), (2), (3)")
            self.sql("INSERT INTO hitl_agent_1.drafts VALUES (1)")
            for call, (held, answer) in enumerate(statements, 1):
                self.sql("INSERT INTO script.answers VALUES (%s, %s, %s)", [call, held, Jsonb(answer)])
        for call, (held, _) in enumerate(statements, 1):
            if held:
                self.sql("SELECT pg_advisory_lock(%s, %s)", [LOCK, call])

    def create_model(self, name, provider, fallbacks=(), replies=None):
        """A model that is the server, or with replies a built-in one."""
        if replies:
            self.sql("SELECT hitl.create_model(%s, provider => 'builtin', is_default => true, parameters => %s)",
                     [name, Jsonb({"replies": replies})])
        else:
            self.sql("SELECT hitl.create_model(%s, %s, %s, %s, is_default => %s, fallbacks => %s,"
                     " headers => '{\"x-api-key\": \"k\"}')",
                     [name, self.server.url, f"{name}-1", provider, name == "default", list(fallbacks)])

    def create_agent(self, settings, version):
        """An agent of just these settings, which are without fault."""
        faults = self.sql("SELECT * FROM hitl.validate_agent(%s)", [Jsonb(settings)])
        assert faults == []
        self.sql("INSERT INTO hitl.agent_versions (version, agent, settings) VALUES (%s, %s, %s)",
                 [version, settings["name"], Jsonb(settings)])
        self.sql("INSERT INTO hitl.agents (name, kind, tools, tool_approval, max_steps, on_limit, answer_checks,"
                 " max_observation, version, created_by) VALUES (%s, %s, '{}', '{}', 20, 'stop', '{}', 20000, %s, 'ann')",
                 [settings["name"], settings["kind"], version])

    def set_budget(self, agent, budget):
        self.sql("SELECT hitl.set_agent_budget(%s, %s, %s, %s::numeric, %s)", [
            agent, budget["period"], budget.get("tokens"), budget.get("cost"), budget["on_limit"]])

    def create_function(self, name, arguments, columns=None):
        """A function that gives what is scripted: a value, or rows with these columns."""
        inputs = ", ".join(f"{argument} DEFAULT NULL" for argument in arguments)
        if columns is None:
            self.sql(f"CREATE FUNCTION {name}({inputs}) RETURNS jsonb LANGUAGE sql AS"
                     " $$ SELECT script.rows() #> '{0,result}' $$")
        else:
            outputs = ", ".join(f"{column} jsonb" for column in columns)
            values = ", ".join(f"r -> '{column}'" for column in columns)
            self.sql(f"CREATE FUNCTION {name}({inputs}) RETURNS TABLE ({outputs}) LANGUAGE sql AS"
                     f" $$ SELECT {values} FROM jsonb_array_elements(script.rows()) AS r $$")

    def let_pass(self, workflow, seconds):
        """Make it so much later for a workflow, by making all else earlier."""
        def earlier(value):
            if isinstance(value, dict):
                return {key: member - int(seconds * 1e6) if key.endswith("_us") and member else earlier(member)
                        for key, member in value.items()}
            return [earlier(element) for element in value] if isinstance(value, list) else value
        with self.connection.transaction():
            control = self.value("SELECT control FROM hitl.workflows WHERE id = %s FOR UPDATE", [workflow])
            self.sql("UPDATE hitl.workflows SET control = %s WHERE id = %s", [Jsonb(earlier(control)), workflow])
            self.sql("UPDATE hitl.messages SET due_at = due_at - make_interval(secs => %s) WHERE workflow_id = %s"
                     " AND kind = 'timer'", [seconds, workflow])
            self.sql("UPDATE hitl.budget_usage SET begins_at = begins_at - make_interval(secs => %s)", [seconds])
            self.sql("NOTIFY hitl")

    # What goes on in it

    def asked_after(self, n):
        return self.sql("SELECT * FROM script.asked WHERE n > %s ORDER BY n", [n])

    def settle(self, held):
        """Wait until nothing goes on by itself any more, but for statements with these tokens."""
        wait_until(lambda: self.value(IDLE, [held, self.server.waiting()]), describe=self.describe)

    def describe(self):
        return json.dumps([self.sql(query) for query in (
            "SELECT id, status, error, control -> 'active' AS active FROM hitl.workflows ORDER BY created_at DESC LIMIT 2",
            "SELECT kind, row FROM script.asked ORDER BY n DESC LIMIT 3",
            "SELECT purpose, status, error_message FROM hitl.outbox WHERE status <> 'delivered'",
            "SELECT token, body FROM hitl.statements")], default=str, indent=1)
