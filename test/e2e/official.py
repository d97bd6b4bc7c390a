"""Libraries of others, from PyPI, against which hitl is tested; Node and npm are among them."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from harness import dev

REQUIREMENTS = Path(__file__).resolve().parent / "official-requirements.txt"


def official_python():
    """A Python that has the libraries; a test without a way to PyPI is skipped."""
    home = Path(dev('"$HITL_HOME"')) / "official"
    installed = home / "requirements.txt"
    if not installed.exists() or installed.read_text() != REQUIREMENTS.read_text():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run(["/usr/bin/python3", "-m", "venv", home], check=True)
        pip = subprocess.run([home / "bin/pip", "install", "-q", "--disable-pip-version-check",
                              "--only-binary", ":all:", "-r", REQUIREMENTS],
                             stderr=subprocess.PIPE, text=True, check=False)
        if pip.returncode != 0:
            pytest.skip("PyPI does not give the libraries: " + pip.stderr.strip().splitlines()[-1])
        shutil.copyfile(REQUIREMENTS, installed)
    return home / "bin/python"


def run_node(*command, cwd):
    """What npm or npx did, as PyPI has them: Debian's npm cannot be installed beside the Node of others."""
    home = official_python().parent
    return subprocess.run([home / command[0], *command[1:]], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, env={**os.environ, "PATH": f"{home}:{os.environ['PATH']}"}, check=False)


def run_official(script, *arguments):
    """The lines that a script prints which uses the libraries."""
    return subprocess.run([official_python(), "-c", script, *arguments], check=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True).stdout.splitlines()
