"""Mail servers: a real one, aiosmtpd, and one that is scripted down to the bytes.

    with MailServer(tls=directory, users={"u": "p"}) as server:     # STARTTLS; implicit=True: smtps
        ... server.url ...
        server.mails        # what arrived: sender, recipients, connection, message

    with ScriptedMailServer({"RCPT": ["450 later"], "BODY": [DROP]}) as server:
        server.commands     # (connection, line) of all

The scripted server takes the replies to a command in order, and then says what
a server says that accepts everything.  A reply is a line without its end, or
DROP (close the connection) or HANG (say nothing).  Beside the commands there are
CONNECT, the greeting, and BODY, when the message has come.
"""
import asyncio
import email
import email.policy
import socket
import ssl
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from listener import Listener, on_free_port

DROP = object()
HANG = object()


class Mail:
    def __init__(self, connection, envelope, tls, user):
        self.connection = connection  # number of the connection, from 1
        self.sender = envelope.mail_from
        self.recipients = envelope.rcpt_tos
        self.content = envelope.content
        self.tls = tls
        self.user = user
        self.message = email.message_from_bytes(envelope.content, policy=email.policy.default)

    @property
    def id(self):
        return self.message["Message-ID"]


class MailServer:
    def __init__(self, tls=None, users=None, implicit=False):
        self.lock = threading.Condition()
        self.mails = []
        self.sessions = []
        self.users = users
        self.holding = False  # messages are kept without a reply meanwhile
        self.held = 0
        self.under_way = self.most_under_way = 0
        context = None
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(tls / "server.pem", tls / "server.key")
        options = {"auth_require_tls": False} if implicit else {"tls_context": context}
        if tls and not implicit:
            options["require_starttls"] = True
        if users:
            options.update(authenticator=self.authenticate, auth_required=True)
        server = self

        class Counted(SMTP):
            """aiosmtpd's, but it forgets nobody whom it has greeted."""

            def connection_made(self, transport):
                super().connection_made(transport)
                server.connected(self)

            def connection_lost(self, error):
                super().connection_lost(error)
                server.disconnected(self)

        class Controlled(Controller):
            def factory(self):
                return Counted(self.handler, hostname="mail.example.org", **options)

        def start(port):
            controller = Controlled(self, hostname="127.0.0.1", port=port,
                                    ssl_context=context if implicit else None)
            controller.start()
            return controller

        self.controller = on_free_port(start)
        # The controller has tried whether it answers.
        with self.lock:
            self.lock.wait_for(lambda: self.under_way == 0, 30)
            self.sessions.clear()
            self.most_under_way = 0
        self.port = self.controller.port
        self.url = f"{'smtps' if implicit else 'smtp'}://localhost:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.holding = False
        self.controller.stop()

    def connected(self, smtp):
        with self.lock:
            if smtp not in self.sessions:  # STARTTLS connects it once more
                self.sessions.append(smtp)
                self.under_way += 1
                self.most_under_way = max(self.most_under_way, self.under_way)

    def disconnected(self, smtp):
        with self.lock:
            self.under_way -= 1
            self.lock.notify_all()

    def authenticate(self, _server, _session, _envelope, mechanism, data):
        user, password = data.login.decode(), data.password.decode()
        success = self.users.get(user) == password
        return AuthResult(success=success, handled=success, auth_data=(user, mechanism))

    async def handle_DATA(self, smtp, session, envelope):
        if self.holding:
            self.held += 1
        while self.holding:
            await asyncio.sleep(0.01)
        with self.lock:
            self.mails.append(Mail(self.sessions.index(smtp) + 1, envelope,
                                   smtp.transport.get_extra_info("sslcontext") is not None,
                                   session.auth_data))
            self.lock.notify_all()
        return "250 2.0.0 Ok: queued as 4F2A"


class ScriptedMailServer(Listener):
    def __init__(self, replies=None, extensions=("SIZE 1000000",)):
        super().__init__()
        self.replies = {verb: list(lines) for verb, lines in (replies or {}).items()}
        self.extensions = extensions
        self.commands = []
        self.messages = []
        self.url = f"smtp://localhost:{self.port}"

    def verbs(self, connection=None):
        with self.lock:
            return [line.split(" ")[0].split(":")[0].upper() for number, line in self.commands
                    if connection in (None, number)]

    def wait_for(self, verb, count=1, seconds=30):
        """Wait until so many of a command have come."""
        with self.lock:
            if not self.lock.wait_for(lambda: sum(line.upper().startswith(verb) for _, line in self.commands) >= count,
                                      seconds):
                raise AssertionError(f"fewer than {count} {verb} in {seconds} s")

    def converse(self, connection, stream, number):
        if self.reply(connection, "CONNECT", "220 scripted"):
            while self.serve_command(connection, stream, number):
                pass

    def serve_command(self, connection, stream, number):
        """Read and answer a command; false when the connection is to end."""
        line = stream.readline()
        if not line.endswith(b"\n"):
            return False
        line = line.decode("latin-1").rstrip("\r\n")
        with self.lock:
            self.commands.append((number, line))
            self.lock.notify_all()
        verb = line.split(" ")[0].split(":")[0].upper()
        if verb == "EHLO":
            names = ["scripted", *self.extensions]
            usual = "\r\n".join(f"250{'-' if name is not names[-1] else ' '}{name}"
                                for name in names)
            return self.reply(connection, verb, usual)
        if verb == "DATA":
            answer = self.reply(connection, verb, "354 go on")
            return self.serve_message(connection, stream) if answer == "354 go on" else answer
        if verb == "QUIT":
            self.reply(connection, verb, "221 bye")
            return False
        return self.reply(connection, verb, "250 ok")

    def serve_message(self, connection, stream):
        if self.replies.get("EARLY"):
            return self.reply(connection, "EARLY", "")
        message = b""
        while (line := stream.readline()) != b".\r\n":
            if not line:
                return False
            message += line[1:] if line.startswith(b".") else line
        with self.lock:
            self.messages.append(message)
            self.lock.notify_all()
        return self.reply(connection, "BODY", "250 2.0.0 queued")

    def reply(self, connection, verb, usual):
        """Answer a command; gives the answer, or None when the connection is to end."""
        with self.lock:
            planned = self.replies.get(verb)
            line = planned.pop(0) if planned else usual
        if line is DROP:
            connection.shutdown(socket.SHUT_RDWR)
            return None
        if line is HANG:
            self.stopping.wait()
            return None
        connection.sendall(line.encode("latin-1") + b"\r\n")
        return line
