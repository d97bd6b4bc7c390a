"""What servers for tests have in common: a port that is free, and listeners with threads."""
import random
import socket
import threading
from http.server import ThreadingHTTPServer

PORTS = range(20000, 32000)  # below the ephemeral ports


def on_free_port(listen, port=None):
    """What listen(port) gives for a port that is free, or for this one."""
    for attempt in [port] if port else random.sample(PORTS, 50):
        try:
            return listen(attempt)
        except OSError:
            if port:
                raise
    raise OSError("no free port")


class Listener:
    """Serves each connection in a thread of its own, until the block ends.

    What is said on one is up to converse(connection, stream, number): stream is
    what comes in, number that of the connection, from 1.  Whoever wants to stay
    silent waits for stopping.
    """

    def __init__(self, family=socket.AF_INET, host="127.0.0.1", port=None):
        self.lock = threading.Condition()
        self.connections = 0
        self.open = set()
        self.stopping = threading.Event()
        self.listener = on_free_port(lambda attempt: socket.create_server(
            (host, attempt), family=family, backlog=512), port)
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.drop_all()

    def drop_all(self):
        """Close all connections, as a server does that is restarted."""
        with self.lock:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _accept(self):
        while not self.stopping.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections += 1
                self.open.add(connection)
                number = self.connections
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection, number):
        stream = connection.makefile("rb")
        try:
            self.converse(connection, stream, number)
        except OSError:
            pass
        finally:
            with self.lock:
                self.open.discard(connection)
            stream.close()
            connection.close()


class HttpServer(ThreadingHTTPServer):
    """Serves HTTP by a handler of http.server until the block ends."""
    daemon_threads = True
    # A connection too many is not refused: TCP repeats itself, later each time, for minutes.
    request_queue_size = 1000

    def __init__(self, handler, port=None):
        listen = super().__init__
        on_free_port(lambda attempt: listen(("127.0.0.1", attempt), handler), port)
        self.lock = threading.Lock()
        self.open = set()

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
        with self.lock:  # or they would answer for a later server on the same port
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def process_request(self, request, client_address):
        with self.lock:
            self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        with self.lock:
            self.open.discard(request)
        super().shutdown_request(request)
