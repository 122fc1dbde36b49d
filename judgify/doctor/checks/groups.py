"""Consumer groups: committed offsets that mean nothing any more, and groups that nobody is in."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka import admin as kafka_admin
from confluent_kafka.admin import AdminClient

from judgify.doctor.finding import Finding, ok, warn
from judgify.doctor.subject import Subject
from judgify.status.gather import READS
from judgify.status.words import count_of
from topics.clients import LEADER_RETRY_S, NO_LEADER_YET, open_admin

TIMEOUT_S: Final = 3.0
"""Longest wait for one answer."""
GROWS_S: Final = 1.0
"""Between two looks at the log's end behind which nobody reads."""
GROUPS_MAX: Final = 50
ATTEMPTS: Final = 10
"""A partition made a moment ago may have no leader yet."""
_OffsetSpec: Final[Any] = vars(kafka_admin)["OffsetSpec"]  # its stub does not export it


class Place(NamedTuple):
    """A partition."""

    topic: str
    partition: int


class Bounds(NamedTuple):
    """Where a log begins and ends."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group of ours as Kafka knows it."""

    name: str
    members: int
    committed: Mapping[Place, int]


def look(subject: Subject) -> Iterator[Finding]:
    """Look at every group under our prefix."""
    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            findings = _look_once(str(subject.kafka), subject.settings.topic_prefix)
        except KafkaException as error:
            refusal = error.args[0]
            if refusal.code() not in NO_LEADER_YET or not attempts_left:
                yield warn(f"not read: {refusal.str()}", "ask again")
                return
            time.sleep(LEADER_RETRY_S)
        else:
            yield from findings
            return


def _look_once(bootstrap: str, prefix: str) -> list[Finding]:
    known = {f"{prefix}{process}" for process in READS}
    broker = _Broker(bootstrap)
    groups = broker.fetch_groups(prefix)
    places = sorted({place for group in groups for place in group.committed})
    bounds = broker.fetch_bounds(places)
    growing = _find_growing(broker, groups, bounds)
    problems = [it for group in groups for it in judge(group, bounds, growing, known)]
    names = ", ".join(f"{it.name} ({count_of(it.members, 'member')})" for it in groups)
    return problems or [ok(names or "none has committed yet")]


def judge(
    group: Group, bounds: Mapping[Place, Bounds], growing: set[Place], known: set[str]
) -> Iterator[Finding]:
    """Yield what is wrong with `group`; a partition without bounds does not exist."""
    gone = [place for place in group.committed if place not in bounds]
    if gone:
        yield warn(
            f"{group.name} has committed in {_list(gone)}, which does not exist any more",
            "nothing, if that was deleted on purpose; else `judgify topics check`",
        )
    beyond = [
        at for at, offset in group.committed.items() if at in bounds and offset > bounds[at].end
    ]
    if beyond:
        yield warn(
            f"{group.name} has committed beyond the end of {_list(beyond)}: the topic is a new one",
            f"restart {_find_process(group)}: it begins where the log does",
        )
    if group.members:
        return
    below = [
        at for at, offset in group.committed.items() if at in bounds and offset < bounds[at].first
    ]
    if below:
        yield warn(
            f"retention has taken records of {_list(below)} that {group.name} had not read",
            f"start {_find_process(group)} now; `judgify audit` names what is lost",
        )
    waiting = sum(
        max(0, bounds[at].end - max(offset, bounds[at].first))
        for at, offset in group.committed.items()
        if at in bounds
    )
    if waiting:
        grows = ", and more by the second" if growing & group.committed.keys() else ""
        yield warn(
            f"{count_of(waiting, 'record')} wait for {group.name}{grows}, and nobody is in it",
            f"`judgify run {_find_process(group)}`"
            if group.name in known
            else "if nothing of that name is to run any more, delete the group",
        )


def _find_process(group: Group) -> str:
    return group.name.rpartition(".")[2]


def _list(places: Sequence[Place]) -> str:
    """Return places by topic: `results.v1/0,3,7`."""
    topics = dict.fromkeys(place.topic for place in places)
    told = []
    for topic in topics:
        numbers = sorted(place.partition for place in places if place.topic == topic)
        told.append(f"{topic}/{','.join(map(str, numbers))}")
    return " ".join(told)


def _find_growing(
    broker: "_Broker", groups: Sequence[Group], before: Mapping[Place, Bounds]
) -> set[Place]:
    """Return partitions that nobody reads and that grew within a moment."""
    deserted = sorted(
        {
            place
            for group in groups
            if not group.members
            for place, offset in group.committed.items()
            if place in before and offset < before[place].end
        }
    )
    if not deserted:
        return set()
    time.sleep(GROWS_S)
    after = broker.fetch_bounds(deserted)
    return {place for place, bounds in after.items() if bounds.end > before[place].end}


class _Broker:
    """What is asked about groups."""

    def __init__(self, bootstrap: str) -> None:
        self._admin: AdminClient = open_admin(bootstrap)

    def fetch_groups(self, prefix: str) -> list[Group]:
        """Return the groups whose names begin with `prefix`; of very many, the first ones."""
        listed = self._admin.list_consumer_groups(request_timeout=TIMEOUT_S).result(TIMEOUT_S)
        names = sorted(it.group_id for it in listed.valid if it.group_id.startswith(prefix))
        names = names[:GROUPS_MAX]
        if not names:
            return []
        described = self._admin.describe_consumer_groups(names, request_timeout=TIMEOUT_S)
        return [
            Group(name, len(described[name].result(TIMEOUT_S).members), self._fetch_committed(name))
            for name in names
        ]

    def _fetch_committed(self, group: str) -> dict[Place, int]:
        asked = [ConsumerGroupTopicPartitions(group)]
        answers = self._admin.list_consumer_group_offsets(asked, request_timeout=TIMEOUT_S)
        reply = answers[group].result(TIMEOUT_S)
        return {
            Place(it.topic, it.partition): it.offset
            for it in reply.topic_partitions or ()
            if it.offset >= 0
        }

    def fetch_bounds(self, places: Sequence[Place]) -> dict[Place, Bounds]:
        """Return where each of `places` begins and ends; those that do not exist are left out."""
        topics = self._admin.list_topics(timeout=TIMEOUT_S).topics
        there = [
            it
            for it in places
            if it.topic in topics and it.partition in topics[it.topic].partitions
        ]
        firsts = self._list_offsets(there, _OffsetSpec.earliest())
        ends = self._list_offsets(there, _OffsetSpec.latest())
        return {place: Bounds(firsts[place], ends[place]) for place in there}

    def _list_offsets(self, places: Sequence[Place], spec: Any) -> dict[Place, int]:
        if not places:
            return {}
        wanted = {TopicPartition(*place): spec for place in places}
        answers = self._admin.list_offsets(wanted, request_timeout=TIMEOUT_S)
        return {
            Place(tp.topic, tp.partition): future.result(TIMEOUT_S).offset
            for tp, future in answers.items()
        }
