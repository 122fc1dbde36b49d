"""Which topic a name stands for: a topic that is deleted and created again is another one."""

import asyncio
from collections.abc import Collection
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection

from schemas.errors import DependencyError
from topics.clients import DEPENDENCY, open_admin, refused

TIMEOUT_S: Final = 10.0
GRACE_S: Final = 5.0
"""The client gives up first, and says why."""


async def fetch_topic_ids(bootstrap: str, topics: Collection[str]) -> dict[str, str]:
    """Return the id that Kafka gave each topic when it was created; a missing one is left out.

    Raises:
        DependencyError: Kafka does not answer.
    """
    return await asyncio.to_thread(_fetch, bootstrap, topics)


def _fetch(bootstrap: str, topics: Collection[str]) -> dict[str, str]:
    admin = open_admin(bootstrap)  # its answers come as long as it lives
    asked = admin.describe_topics(TopicCollection(list(topics)), request_timeout=TIMEOUT_S)
    found = {}
    for topic, answer in asked.items():
        try:
            found[topic] = str(answer.result(TIMEOUT_S + GRACE_S).topic_id)
        except TimeoutError as error:
            raise DependencyError(DEPENDENCY, f"{bootstrap} does not describe {topic}") from error
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise refused(bootstrap, "describing topics", error.args[0]) from error
    return found
