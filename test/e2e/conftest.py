"""Fixtures of the end-to-end tests."""
import subprocess

import pytest
from harness import ROOT, Cluster


@pytest.fixture(scope="session", autouse=True)
def installation():
    """hitl as this checkout has it, in the private installation."""
    subprocess.run([ROOT / "dev/cluster", "install"], check=True, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def cluster(request):
    """A running cluster for the module, with hitl in the database "hitl".

    The module's SETTINGS, if it has any, go into postgresql.conf.
    """
    name = request.module.__name__.removeprefix("test_")
    settings = getattr(request.module, "SETTINGS", {})
    made = Cluster(name, settings)
    try:
        made.start()
        made.create_database()
        made.wait_for_workers(engines=settings.get("hitl__engine_workers", 1),
                              executors=settings.get("hitl__sql_workers", 2))
        yield made
    finally:
        made.destroy()


@pytest.fixture
def new_cluster(request):
    """A function that makes clusters of the test's own: new_cluster(name, settings, source)."""
    made = []

    def make(name, settings=None, source=None):
        made.append(Cluster(f"{request.node.name}-{name}", settings, source))
        return made[-1]

    yield make
    for one in made:
        one.destroy()
