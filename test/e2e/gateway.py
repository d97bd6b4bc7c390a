"""A gateway for tests: a role, routes with functions of the tests' own, and raw clients."""
import http.client
import json
import socket

from harness import free_port, wait_until

FUNCTIONS = """
    CREATE FUNCTION public.echo(request jsonb) RETURNS jsonb LANGUAGE sql SECURITY DEFINER
    RETURN jsonb_build_object('json', request || jsonb_build_object('session', session_user));
    CREATE FUNCTION public.answer(request jsonb) RETURNS jsonb LANGUAGE sql
    RETURN (request ->> 'body')::jsonb;
    CREATE FUNCTION public.fail(request jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING ERRCODE = request #>> '{args,code}', MESSAGE = 'told',
            DETAIL = 'this is wrong', HINT = 'Try harder.';
    END $$;
    CREATE FUNCTION public.slow(request jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep((request #>> '{query,s}')::float8);
        RETURN '{"body": "at last"}';
    END $$;
    -- what a function may not do, whatever it contrives
    CREATE FUNCTION public.become(request jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
    BEGIN
        EXECUTE request ->> 'body';
        RETURN jsonb_build_object('json', jsonb_build_object('user', current_user, 'session', session_user));
    EXCEPTION WHEN OTHERS THEN
        RETURN jsonb_build_object('status', 403, 'json', jsonb_build_object('error', SQLERRM));
    END $$;
    CREATE SEQUENCE public.conflicts;
    CREATE TABLE public.done (n bigint);
    CREATE FUNCTION public.conflict(request jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        n bigint := nextval('public.conflicts');
    BEGIN
        INSERT INTO public.done VALUES (n);
        IF n % (request #>> '{query,every}')::bigint <> 0 THEN
            RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE = 'again';
        END IF;
        RETURN jsonb_build_object('json', n);
    END $$;
    CREATE TABLE public.deferred (n int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);
    CREATE FUNCTION public.defer(request jsonb) RETURNS jsonb LANGUAGE sql SECURITY DEFINER AS $$
        INSERT INTO public.deferred VALUES (1);
        SELECT '{"status": 201, "body": ""}'::jsonb;
    $$;
    CREATE FUNCTION public.on_deferred() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        SET SESSION AUTHORIZATION postgres;
        RETURN NULL;
    END $$;
    INSERT INTO hitl.http_routes (method, path, function, description) VALUES
        ('GET', '/echo', 'public.echo(jsonb)', 'test'), ('POST', '/echo', 'public.echo(jsonb)', 'test'),
        ('GET', '/echo/{name}', 'public.echo(jsonb)', 'test'),
        ('GET', '/echo/{name}/of/{other}', 'public.echo(jsonb)', 'test'),
        ('GET', '/echo/exactly', 'public.echo(jsonb)', 'test'),
        ('POST', '/answer', 'public.answer(jsonb)', 'test'),
        ('GET', '/fail/{code}', 'public.fail(jsonb)', 'test'),
        ('GET', '/slow', 'public.slow(jsonb)', 'test'),
        ('POST', '/become', 'public.become(jsonb)', 'test'),
        ('POST', '/conflict', 'public.conflict(jsonb)', 'test'),
        ('POST', '/defer', 'public.defer(jsonb)', 'test');
"""

ROLE = """
    DO $$ BEGIN
        IF to_regrole('hitl_gateway') IS NULL THEN CREATE ROLE hitl_gateway NOLOGIN; END IF;
    END $$;
    SELECT hitl.grant_access('hitl_gateway', 'gateway'), hitl.grant_acting('hitl_gateway', '*');
"""


class Gateway:
    """The gateway of a database of a cluster."""

    def __init__(self, cluster, dbname="hitl", port=None, **settings):
        self.cluster, self.dbname, self.port = cluster, dbname, port or free_port()
        cluster.sql(ROLE, dbname=dbname)
        self.set(listen_addresses="127.0.0.1", port=self.port, gateway_role="hitl_gateway",
                 gateway_rate=0, gateway_max_connections_per_address=10000, **settings)

    def set(self, serving=True, **settings):
        """Change settings of the database, and begin anew."""
        before = self.pid()
        for name, value in settings.items():
            self.cluster.sql(f"ALTER DATABASE \"{self.dbname}\" SET hitl.{name} = '{value}'",
                             dbname=self.dbname)
        self.cluster.sql("SELECT hitl.start_workers()", dbname=self.dbname)
        if serving:
            wait_until(lambda: self.pid() not in (None, before) and self.alive(),
                       describe=lambda: self.row())

    def row(self):
        return self.cluster.worker("gateway", dbname=self.dbname)

    def pid(self):
        row = self.row()
        return row and row["pid"]

    def alive(self, path="/healthz", port=None):
        try:
            return self.request("GET", path, port=port).status == 200
        except OSError:
            return False

    def request(self, method, path, body=None, headers=None, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            response.text = response.read().decode()
            return response
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers={name.replace("_", "-"): value
                                                  for name, value in headers.items()})

    def post(self, path, body="", **headers):
        return self.request("POST", path, body, headers)

    def connect(self, address=None):
        return socket.create_connection(("127.0.0.1", self.port), 30,
                                        source_address=address and (address, 0))

    def raw(self, data):
        """Send bytes; everything that comes back until the connection ends, and its answers."""
        with self.connect() as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it was refused, and the connection closed, before all had come
            return read_all(connection)

    def statuses(self, data):
        return [int(part.split(b" ", 1)[0]) for part in self.raw(data).split(b"HTTP/1.1 ")[1:]]


def read_all(connection):
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


def echoed(response):
    assert response.status == 200, response.text
    return json.loads(response.text)
