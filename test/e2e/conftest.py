"""Fixtures of the end-to-end tests."""
import pytest
from harness import Cluster, install, running_cluster
from house import PROVIDERS, SHOP, open_house
from outbox import Outbox


@pytest.fixture(scope="session", autouse=True)
def installation():
    """hitl as this checkout has it, in the private installation."""
    install()


@pytest.fixture(scope="module")
def cluster(request):
    """A running cluster for the module, with hitl in the database "hitl".

    The module's SETTINGS, if it has any, go into postgresql.conf.
    """
    name = request.module.__name__.removeprefix("test_")
    with running_cluster(name, getattr(request.module, "SETTINGS", {})) as made:
        yield made


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


@pytest.fixture
def outbox(cluster):
    """An Outbox, emptied afterwards; the cluster must be as it was found."""
    box = Outbox(cluster)
    yield box
    box.clear()


@pytest.fixture(scope="module")
def shop(cluster):
    """What the agents of a house work with (house.py)."""
    cluster.psql(SHOP)


@pytest.fixture(params=PROVIDERS)
def house(cluster, shop, request):
    """Agents, their model and people (house.py), once with each format of requests."""
    with open_house(cluster, request.param) as made:
        yield made
