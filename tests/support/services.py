"""Kafka and PostgreSQL for tests: where they are, and names that no other test has."""

import asyncio
import os
import secrets
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from confluent_kafka.admin import AdminClient

ANSWER_TIMEOUT_S: Final = 15.0
"""Longest wait for one answer of a service; a fresh one may still be starting."""


def require_url(name: str) -> str:
    """Return the address in the environment variable `name`.

    Without it the test is skipped on a laptop, and fails where `CI` is set, or in a run that was to
    bring its services: one that silently tests nothing is worse than a red one.
    """
    url = os.environ.get(name, "")
    if not url:
        reason = f"{name} is not set; `make test` starts the services, or see `judgify env`"
        if os.environ.get("CI") or os.environ.get("WITH_STACK"):
            pytest.fail(reason)
        pytest.skip(reason)
    return url


def make_name(kind: str) -> str:
    """Return a name that no other test uses: `kind` and eight hex digits."""
    return f"{kind}{secrets.token_hex(4)}"


def delete_topics(bootstrap: str, prefix: str) -> list[str]:
    """Delete every topic whose name starts with `prefix`; return their names."""
    if not prefix:
        message = "an empty prefix would delete every topic of the cluster"
        raise ValueError(message)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    listed = admin.list_topics(timeout=ANSWER_TIMEOUT_S).topics
    names = sorted(name for name in listed if name.startswith(prefix))
    if names:
        for answer in admin.delete_topics(names, request_timeout=ANSWER_TIMEOUT_S).values():
            answer.result()
    return names


def create_database(server_url: str) -> str:
    """Create an empty database on the server of `server_url`; return its own URL."""
    name = make_name("judgify_test_")
    _execute(server_url, f'create database "{name}"')
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def drop_database(server_url: str, url: str) -> None:
    """Drop the database of `url`, cutting off whoever still uses it."""
    name = urlsplit(url).path.removeprefix("/")
    _execute(server_url, f'drop database if exists "{name}" with (force)')


def _execute(url: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url, timeout=ANSWER_TIMEOUT_S)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    run_apart(run)


def run_apart(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine to its end on a thread of its own, whatever loop the test has."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(lambda: asyncio.run(work())).result()
