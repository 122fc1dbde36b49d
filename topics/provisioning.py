"""Creating the topics of the registry, and saying where those that exist differ from it."""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported without `__all__`
    ConfigResource,
    NewTopic,
    ResourceType,
)

from schemas.errors import DependencyError, FatalError
from topics.clients import DEPENDENCY, ask, open_admin, refused
from topics.registry import SAME_PARTITIONS, TOPICS, Profile, TopicSpec, full_name

ADMIN_TIMEOUT_S: Final = 15.0
"""Longest wait for one answer of the broker about topics, and for a new topic to be seen."""
GRACE_S: Final = 5.0
"""How much longer than that we wait for the client to say that there was none."""
POLL_S: Final = 0.1
REPLICAS: Final[dict[Profile, int]] = {"local": 1, "production": 3}


def create_topics(bootstrap: str, prefix: str, profile: Profile) -> list[str]:
    """Create what is missing of the registry, and nothing else; return the names created.

    Does nothing when all exist as they must.

    Raises:
        FatalError: a topic exists with other partitions or settings; names each, with what was
            expected and what was found. Nothing was created then.
        DependencyError: Kafka refused or did not answer.
    """
    broker = _Broker(bootstrap)
    specs = {full_name(spec, prefix): spec for spec in TOPICS}
    found = broker.fetch_topics(specs)
    _refuse(_differences(found, prefix, profile))
    missing = [name for name in specs if name not in found]
    if missing:
        broker.create(missing, specs, profile)
        found = broker.await_topics(specs)
        _refuse(_differences(found, prefix, profile))  # another `create` may have been quicker
    return missing


def check_topics(bootstrap: str, prefix: str, profile: Profile) -> list[str]:
    """Return how the topics differ from the registry, one line each; empty when they do not.

    Raises:
        DependencyError: Kafka did not answer.
    """
    specs = {full_name(spec, prefix): spec for spec in TOPICS}
    found = _Broker(bootstrap).fetch_topics(specs)
    absent = [f"{name} does not exist" for name in specs if name not in found]
    return absent + _differences(found, prefix, profile)


def fetch_settings(bootstrap: str, names: Iterable[str]) -> dict[str, Mapping[str, str]]:
    """Return the settings in force of those of `names` that exist, as Kafka spells them.

    Raises:
        DependencyError: Kafka did not answer.
    """
    found = _Broker(bootstrap).fetch_topics(names)
    return {name: topic.settings for name, topic in found.items()}


def _refuse(problems: list[str]) -> None:
    if problems:
        raise FatalError("; ".join(problems))


@dataclass(frozen=True, slots=True)
class _Found:
    """A topic as it stands on the broker."""

    partitions: int
    replicas: int
    """The fewest of any partition."""
    settings: Mapping[str, str]


def _differences(found: Mapping[str, _Found], prefix: str, profile: Profile) -> list[str]:
    """Return how the topics in `found` differ from the registry, and from each other."""
    lines = []
    for spec in TOPICS:
        name = full_name(spec, prefix)
        topic = found.get(name)
        if topic is not None:
            lines += [
                f"{name}: {what} expected {expected}, found {there}"
                for what, expected, there in _compare(spec, topic, profile)
                if expected != there
            ]
    return lines + _unequal(found, prefix)


def _compare(spec: TopicSpec, found: _Found, profile: Profile) -> list[tuple[str, Any, Any]]:
    """Return what is compared: its name, what is expected, what stands on the broker."""
    replicas = max(REPLICAS[profile], found.replicas)  # more of them are welcome
    return [
        ("partitions", spec.partitions(profile), found.partitions),
        ("replication factor", replicas, found.replicas),
        *(
            (setting, value, found.settings.get(setting))
            for setting, value in spec.config(profile).items()
        ),
    ]


def _unequal(found: Mapping[str, _Found], prefix: str) -> list[str]:
    """Return the line that says that a request's outcome would find no partition of its number."""
    names = [full_name(spec, prefix) for spec in SAME_PARTITIONS]
    counts = {name: found[name].partitions for name in names if name in found}
    if len(set(counts.values())) <= 1:
        return []
    listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
    return [f"these must have equally many partitions: {listed}"]


class _Broker:
    """What is asked of the broker about topics, and told."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = open_admin(bootstrap)

    def fetch_topics(self, names: Iterable[str]) -> dict[str, _Found]:
        """Return those of `names` that exist."""
        asked = TopicCollection(list(names))
        answers = ask(
            self._bootstrap,
            "describing topics",
            lambda: self._admin.describe_topics(asked, request_timeout=ADMIN_TIMEOUT_S),
        )
        described = self._collect(answers, KafkaError.UNKNOWN_TOPIC_OR_PART)
        settings = self._fetch_settings(described)
        return {
            name: _Found(
                partitions=len(topic.partitions),
                replicas=min(len(partition.replicas) for partition in topic.partitions),
                settings=settings[name],
            )
            for name, topic in described.items()
        }

    def _fetch_settings(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        resources = {ConfigResource(ResourceType.TOPIC, name): name for name in names}
        if not resources:
            return {}
        answers = ask(
            self._bootstrap,
            "reading topic settings",
            lambda: self._admin.describe_configs(list(resources), request_timeout=ADMIN_TIMEOUT_S),
        )
        entries = self._collect({resources[key]: answer for key, answer in answers.items()})
        return {
            name: {setting: entry.value for setting, entry in found.items()}
            for name, found in entries.items()
        }

    def create(self, names: list[str], specs: Mapping[str, TopicSpec], profile: Profile) -> None:
        """Create `names`; one that exists by now is left as it is."""
        wanted = [
            NewTopic(
                name,
                num_partitions=specs[name].partitions(profile),
                replication_factor=REPLICAS[profile],
                config=specs[name].config(profile),
            )
            for name in names
        ]
        answers = ask(
            self._bootstrap,
            "creating topics",
            lambda: self._admin.create_topics(wanted, request_timeout=ADMIN_TIMEOUT_S),
        )
        self._collect(answers, KafkaError.TOPIC_ALREADY_EXISTS)

    def await_topics(self, names: Collection[str]) -> dict[str, _Found]:
        """Return `names` as they stand, once the broker that answers has heard of all of them.

        Raises:
            DependencyError: it had not after `ADMIN_TIMEOUT_S`.
        """
        deadline_s = time.monotonic() + ADMIN_TIMEOUT_S
        while len(found := self.fetch_topics(names)) < len(names):
            if time.monotonic() > deadline_s:
                unseen = ", ".join(sorted(set(names) - set(found)))
                raise DependencyError(DEPENDENCY, f"{unseen}: created, but not seen; try again")
            time.sleep(POLL_S)
        return found

    def _collect(self, answers: Mapping[str, Any], tolerated: int | None = None) -> dict[str, Any]:
        """Return the answers by topic, without those that failed with the `tolerated` code."""
        results = {}
        for name, answer in answers.items():
            try:
                results[name] = answer.result(ADMIN_TIMEOUT_S + GRACE_S)
            except KafkaException as error:
                if error.args[0].code() != tolerated:
                    raise refused(self._bootstrap, f"topic {name}", error.args[0]) from error
        return results
