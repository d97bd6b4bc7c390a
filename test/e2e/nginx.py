"""An nginx for tests, without anything of the system's."""
import shutil
import subprocess
from contextlib import contextmanager

import pytest
from harness import wait_until

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {dir}/pid;
error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
{sites}
}}
"""


@contextmanager
def running_nginx(directory, sites):
    """It runs, with these servers, and what else its http block is to have; its files are in a directory."""
    if not shutil.which("nginx"):
        pytest.fail("nginx is not installed (dev/setup test)")
    (directory / "nginx.conf").write_text(CONFIGURATION.format(dir=directory, sites=sites))
    process = subprocess.Popen(["nginx", "-c", directory / "nginx.conf", "-e", directory / "error.log"],
                               stdin=subprocess.DEVNULL)
    try:
        wait_until((directory / "pid").exists, describe=lambda: (directory / "error.log").read_text())
        yield
    finally:
        process.terminate()
        process.wait(30)
