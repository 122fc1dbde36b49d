"""The registry of topics: names, keys, partitions and settings; nothing else creates a topic."""

from dataclasses import dataclass, field
from typing import Final, Literal, get_args

DAY_MS: Final = 86_400_000
REQUEST_BYTES_MAX: Final = 1_048_576
"""Largest record of `requests.v1`, bytes, as the broker bounds it."""
RECORD_BYTES_MAX: Final = 2_097_152
"""Largest record of every other topic, bytes."""

Profile = Literal["local", "production"]
Process = Literal[
    "ingest", "workflow", "rule-agent", "llm-agent", "action-agent", "postgres-sink", "push-sink",
    "log-agent", "dashboard",
]  # fmt: skip
"""Every process that Judgify is made of; `judgify run` names those that exist."""
Outsider = Literal["producers", "subscribers", "CLI"]
"""Programs of others, and our own command line."""
Party = Literal[Process, Outsider]


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What a topic must be; `judgify topics check` fails on any other."""

    name: str
    """Without the prefix: `requests.v1`."""
    record_key: str
    """What the record key holds, in words."""
    partitions_local: int
    partitions_production: int
    retention_ms: int | None
    """None: compacted, kept for ever."""
    writers: tuple[Party, ...]
    readers: tuple[Party, ...] = ()
    """Who reads as a group: its copies share the partitions."""
    followers: tuple[Party, ...] = ()
    """Who reads all of it from the start in every copy, without a group."""
    record_bytes_max: int = RECORD_BYTES_MAX
    compression: str = "zstd"
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """Return from whom to whom: `rule-agent → llm-agent`."""
        return f"{_name_all(self.writers)} → {_name_all(self.readers, self.followers)}"

    def partitions(self, profile: Profile) -> int:
        return self.partitions_local if profile == "local" else self.partitions_production

    def config(self, profile: Profile) -> dict[str, str]:
        """Return the broker's settings of this topic, as Kafka spells them."""
        config = {
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(self.record_bytes_max),
            "compression.type": self.compression,
            "min.insync.replicas": "1" if profile == "local" else "2",
            "retention.bytes": "-1",  # no byte cap: when disk is short, ingest and replay refuse
        }
        if self.retention_ms is None:
            config |= {"cleanup.policy": "compact", "retention.ms": "-1"}
        else:
            config |= {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}
        return config | self.settings


EVERY_PROCESS: Final[tuple[Party, ...]] = get_args(Process)
EVERY_AGENT: Final[tuple[Party, ...]] = (
    "rule-agent", "llm-agent", "action-agent", "postgres-sink", "push-sink", "log-agent",
)  # fmt: skip
"""Whoever takes records in, and so may have to bury one."""

REQUESTS: Final = TopicSpec(
    "requests.v1", "the producer's: the entity, order is kept per key", 12, 24, 7 * DAY_MS,
    ("producers", "ingest", "CLI"), ("rule-agent",),
    record_bytes_max=REQUEST_BYTES_MAX, compression="uncompressed",
)  # fmt: skip
ESCALATIONS: Final = TopicSpec(
    "escalations.v1", "as the request", 12, 24, 7 * DAY_MS, ("rule-agent",), ("llm-agent",)
)
RESULTS: Final = TopicSpec(
    "results.v1", "as the request", 12, 24, 7 * DAY_MS,
    ("rule-agent", "llm-agent"),
    ("postgres-sink", "push-sink", "log-agent", "action-agent", "subscribers"),
)  # fmt: skip
ACTIONS: Final = TopicSpec(
    "actions.v1", "action_id", 6, 12, 7 * DAY_MS, ("action-agent",), ("action-agent", "subscribers")
)
ACTION_OUTCOMES: Final = TopicSpec(
    "action-outcomes.v1", "action_id", 6, 12, 7 * DAY_MS,
    ("action-agent",), ("push-sink", "subscribers"),
)  # fmt: skip
LOGS: Final = TopicSpec("logs.v1", "source", 3, 12, 3 * DAY_MS, EVERY_PROCESS, ("log-agent",))
WORKFLOWS: Final = TopicSpec(
    "workflows.v1", "version/… or activation/…", 1, 1, None,
    ("CLI", "ingest", "workflow"), ("postgres-sink",), ("rule-agent", "llm-agent", "action-agent"),
)  # fmt: skip
CONTROL: Final = TopicSpec(
    "control.v1", "the switch's name", 1, 1, None, ("CLI", "ingest"), followers=EVERY_PROCESS
)
DEAD_LETTERS: Final = TopicSpec(
    "dead-letters.v1", "as the failed record", 6, 6, 30 * DAY_MS, EVERY_AGENT, ("postgres-sink",)
)

TOPICS: Final = (
    REQUESTS, ESCALATIONS, RESULTS, ACTIONS, ACTION_OUTCOMES, LOGS, WORKFLOWS, CONTROL,
    DEAD_LETTERS,
)  # fmt: skip
FOREIGN: Final = frozenset({REQUESTS.name})
"""Outsiders write here. confluent-kafka's `Message.headers()` must not be called on such a record:
a header key that is not UTF-8 leaves an exception behind that surfaces anywhere, or crashes."""
SAME_PARTITIONS: Final = (REQUESTS, ESCALATIONS, RESULTS)
"""A request's outcome goes to its own partition number, so these must have equally many."""


def full_name(spec: TopicSpec, prefix: str) -> str:
    """Return the topic's name on the broker: `judgify.requests.v1`."""
    return f"{prefix}{spec.name}"


def _name_all(*groups: tuple[Party, ...]) -> str:
    """Return the parties in words: `rule-agent, llm-agent`, or `every process`."""
    named = {EVERY_PROCESS: "every process", EVERY_AGENT: "every agent"}
    return ", ".join(named.get(group) or ", ".join(group) for group in groups if group)
