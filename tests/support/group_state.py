"""A consumer group from outside: dead members put out at once, commits with their metadata.

Through aiokafka: librdkafka's metadata of a commit are not what was written.
"""

import asyncio

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as Place
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.protocol.group import LeaveGroupRequest
from confluent_kafka.admin import AdminClient

TIMEOUT_S = 10.0


def evict_members(bootstrap: str, group: str) -> None:
    """Send for each member of `group` the request with which it would leave by itself.

    Otherwise the group waits for a dead member until its session times out.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap})
    found = admin.describe_consumer_groups([group])[group].result(TIMEOUT_S)
    members = [member.member_id for member in found.members]
    asyncio.run(_evict(bootstrap, group, members))


async def _evict(bootstrap: str, group: str, members: list[str]) -> None:
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        node = await client.coordinator_lookup(CoordinationType.GROUP, group)
        await client.ready(node, group=ConnectionGroup.COORDINATION)
        for member in members:
            request = LeaveGroupRequest(group, member)
            await client.send(node, request, group=ConnectionGroup.COORDINATION)
    finally:
        await client.close()


def _outsider(bootstrap: str, group: str) -> AIOKafkaConsumer:
    """Return a consumer that commits nothing by itself: it would wipe out the metadata."""
    return AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)


def commit_for(bootstrap: str, group: str, place: tuple[str, int, int], metadata: str) -> None:
    """Commit topic, partition and offset for a group without members."""
    topic, partition, offset = place

    async def commit() -> None:
        async with _outsider(bootstrap, group) as consumer:
            consumer.assign([Place(topic, partition)])
            await consumer.commit({Place(topic, partition): (offset, metadata)})

    asyncio.run(commit())


def fetch_metadata(bootstrap: str, group: str, topic: str, partition: int) -> str:
    """Return what was committed with the offset; empty without a commit."""

    async def fetch() -> str:
        async with _outsider(bootstrap, group) as consumer:
            place = Place(topic, partition)
            found = await consumer._coordinator.fetch_committed_offsets([place])
            return str(found[place].metadata) if place in found else ""

    return asyncio.run(fetch())
