"""A certificate authority of a test's own, and what it certifies.

    with authority() as directory:      # has ca.pem, and server.pem and server.key of localhost
"""
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path


def openssl(directory, *words):
    subprocess.run(["openssl", *words], cwd=directory, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def authority():
    # Not pytest's directories: the server's user reads these files, too, and
    # each pytest that starts takes them away from all others.
    with tempfile.TemporaryDirectory(prefix="hitl-authority-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        openssl(directory, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key",
                "-out", "ca.pem", "-days", "2", "-subj", "/CN=an authority")
        openssl(directory, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key",
                "-out", "server.csr", "-subj", "/CN=localhost")
        (directory / "names").write_text("subjectAltName = DNS:localhost\n")
        openssl(directory, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey",
                "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names",
                "-out", "server.pem")
        yield directory
