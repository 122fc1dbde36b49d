"""Fixtures of every test: services from the environment, names of one's own, random tests."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.services import (
    create_database,
    delete_topics,
    drop_database,
    make_name,
    require_url,
)

pytest_plugins = ("tests.support.skips",)

# Random on purpose: each run tries something new, on a laptop and in CI alike. A failure prints its
# example and the `@reproduce_failure` line that repeats it. No deadline: a busy machine is no bug.
settings.register_profile(
    "judgify",
    deadline=None,
    derandomize=False,
    print_blob=True,
    max_examples=50,  # each run draws anew; `make check` is to stay below two minutes
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("judgify")


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start: a shell's background jobs, and all below, ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let named examples alone count as coverage.

    What random ones reach differs from run to run, and tracing their many lines would take as long
    as all other tests together. Random tests without Hypothesis carry the mark themselves.
    """
    for item in items:
        if item.get_closest_marker("hypothesis"):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(scope="session")
def kafka_bootstrap() -> str:
    """Address of a real Kafka: `host:port`."""
    return require_url("KAFKA_BOOTSTRAP_SERVERS")


@pytest.fixture(scope="session")
def database_server_url() -> str:
    """URL of a real PostgreSQL server; tests take `database_url`, a database of their own."""
    return require_url("DATABASE_URL")


@pytest.fixture(scope="module")
def database_url(database_server_url: str) -> Iterator[str]:
    """URL of an empty database that this module has alone; dropped afterwards."""
    url = create_database(database_server_url)
    yield url
    drop_database(database_server_url, url)


@pytest.fixture
def topic_prefix(kafka_bootstrap: str) -> Iterator[str]:
    """Topic prefix that this test has alone; its topics are deleted afterwards."""
    prefix = f"{make_name('test-')}."
    yield prefix
    delete_topics(kafka_bootstrap, prefix)


@pytest.fixture
def provisioned_topics(kafka_bootstrap: str, topic_prefix: str) -> str:
    """Prefix under which every topic of the registry exists, as `judgify topics create` makes it."""
    from topics.provisioning import create_topics

    create_topics(kafka_bootstrap, topic_prefix, "local")
    return topic_prefix
