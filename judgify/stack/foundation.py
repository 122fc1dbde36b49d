"""What agents stand on: the topics, the tables, and the workflow `test`."""

import asyncio

from judgify.stack.plan import Addresses
from judgify.stack.reporter import Reporter
from runtime.settings import Settings


def lay_foundation(addresses: Addresses, settings: Settings, reporter: Reporter) -> None:
    """Create the topics and tables that are missing; publish the workflow `test` once.

    Raises:
        FatalError: a topic or a table is other than it must be.
        DependencyError: Kafka or PostgreSQL did not answer.
    """
    from judgify.stack.starter import publish_starter  # noqa: PLC0415 -- as below
    from sinks.postgres.migrate import upgrade  # noqa: PLC0415 -- `--services-only` needs neither
    from topics.provisioning import create_topics  # noqa: PLC0415 -- as above

    kafka = addresses.kafka_bootstrap_servers
    created = create_topics(kafka, settings.topic_prefix, settings.profile)
    if created:
        reporter.remark(f"created {len(created)} topics")
    asyncio.run(upgrade(addresses.database_url))
    if publish_starter(kafka, settings.topic_prefix):
        reporter.remark("published the workflow `test`")
