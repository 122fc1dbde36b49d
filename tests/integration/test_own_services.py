"""The fixtures themselves: what a test makes is its own, and gone afterwards."""

import asyncpg
import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported without `__all__`
    AdminClient,
    NewTopic,
)

from tests.support.services import create_database, delete_topics, drop_database, make_name
from tests.support.waiting import wait_until

pytestmark = pytest.mark.services


def test_deleting_by_prefix_leaves_the_topics_of_others(kafka_bootstrap: str) -> None:
    ours, others = f"{make_name('test-')}.", f"{make_name('test-')}."
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    for answer in admin.create_topics(
        [NewTopic(f"{prefix}x", 1) for prefix in (ours, others)]
    ).values():
        answer.result()
    # A topic that was created is listed a little later.
    created = {f"{ours}x", f"{others}x"}
    wait_until(lambda: created <= set(admin.list_topics(timeout=10).topics), what="the topics")

    deleted = delete_topics(kafka_bootstrap, ours)

    assert deleted == [f"{ours}x"]
    wait_until(lambda: f"{ours}x" not in admin.list_topics(timeout=10).topics, what="its end")
    assert f"{others}x" in admin.list_topics(timeout=10).topics
    assert delete_topics(kafka_bootstrap, others) == [f"{others}x"]


def test_provisioned_topics_are_those_of_the_registry(
    kafka_bootstrap: str, provisioned_topics: str
) -> None:
    from topics.registry import TOPICS

    names = AdminClient({"bootstrap.servers": kafka_bootstrap}).list_topics(timeout=10).topics

    found = {name for name in names if name.startswith(provisioned_topics)}
    assert found == {f"{provisioned_topics}{spec.name}" for spec in TOPICS}


async def test_a_module_has_a_database_of_its_own(
    database_url: str, database_server_url: str
) -> None:
    assert database_url != database_server_url

    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetch("select 1 from pg_tables where schemaname = 'public'")
    finally:
        await connection.close()
    assert tables == []


async def test_a_dropped_database_is_gone_even_with_somebody_in_it(
    database_server_url: str,
) -> None:
    url = create_database(database_server_url)
    left_open = await asyncpg.connect(url)

    drop_database(database_server_url, url)

    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(url)
    left_open.terminate()
