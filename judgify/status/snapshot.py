"""A snapshot of the whole system: what every process, Kafka, PostgreSQL and the disk said of it.

What comes from a process is what its `/status` sends; unknown members are ignored, so that old and
new versions of a process can be looked at by one command.
"""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

TEXTS_MAX: Final = 100
PARTITIONS_MAX: Final = 10_000


class Seen(BaseModel):
    """Something seen at one moment."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Held(Seen):
    """Why a partition does not move."""

    kind: str
    """`dependency`: it is waited for. `record`: that record has killed the process."""
    name: str = ""
    """The dependency, or the record: `topic/partition/offset`."""
    reason: str = ""
    since_s: float | None = None


class PartitionView(Seen):
    """How far a process is in one partition."""

    topic: str
    partition: int
    first_unfinished: int | None = None
    log_end: int | None = None
    in_flight: int = 0
    oldest_unfinished_s: float | None = None
    held: Held | None = None

    @property
    def lag_records(self) -> int | None:
        """Records not finished; None while one of the two ends is unknown."""
        if self.first_unfinished is None or self.log_end is None:
            return None
        return max(0, self.log_end - self.first_unfinished)


class WorkflowView(Seen):
    """Which version of a workflow is in force, since when, by whom."""

    workflow_id: str
    tenant: str = "default"
    version: str | None = None
    number: int | None = None
    since: str | None = None
    author: str | None = None


class SwitchView(Seen):
    """What a switch is set to, and who says so."""

    value: Any = None
    source: str = "default"
    author: str | None = None
    note: str | None = None
    since: str | None = None


class LlmView(Seen):
    """How llm-agent stands with the endpoint that it asks."""

    model: str
    endpoint: str
    circuit: str = "closed"
    """closed, half_open or open."""
    failure: str | None = None
    """Why the endpoint did not answer when it was asked last."""
    endings: dict[str, int] = {}
    """How its questions ended since its start: answered, cached, failed, …"""
    limits_shared: bool = False
    """False: Redis is away, each copy keeps to its share of the limits."""
    spent_usd_today: float = 0.0
    usd_per_day: float | None = None
    """None: no limit."""


class ProcessStatus(Seen):
    """What a process answers on `/status`."""

    process: str
    version: str = ""
    pid: int | None = None
    started_at: str | None = None
    ready: bool = False
    problems: list[str] = Field(default=[], max_length=TEXTS_MAX)
    group: str | None = None
    partitions: list[PartitionView] = Field(default=[], max_length=PARTITIONS_MAX)
    dead_letters: dict[str, int] = {}
    """Buried since its start, by reason."""
    workflows: list[WorkflowView] = []
    switches: dict[str, SwitchView] = {}
    llm: LlmView | None = None
    """Of llm-agent alone."""


class ProcessView(Seen):
    """One process as seen from outside."""

    name: str
    host: str
    port: int
    status: ProcessStatus | None = None
    """None: nobody answered as a process of ours should; `error` says how."""
    error: str | None = None
    last_exit: str | None = None
    """How it ended last, when the local stack watches it."""
    restarts_total: int = 0
    behind: list[PartitionView] = []
    """Of a process that is down: its committed offsets against the ends of the log."""

    @property
    def up(self) -> bool:
        return self.status is not None

    @property
    def partitions(self) -> list[PartitionView]:
        return self.status.partitions if self.status else self.behind

    @property
    def lag_records(self) -> int | None:
        """Records not finished over all partitions; None when no partition is known."""
        lags = [view.lag_records for view in self.partitions]
        known = [lag for lag in lags if lag is not None]
        return sum(known) if known else None

    @property
    def oldest_unfinished_s(self) -> float | None:
        ages = [view.oldest_unfinished_s for view in self.partitions]
        return max((age for age in ages if age is not None), default=None)


Trouble = Literal["away", "mute", "refuses"]
"""away: nobody answers. mute: connections are accepted, nothing is said. refuses: it says no."""


class DependencyView(Seen):
    """Kafka or PostgreSQL, asked by us."""

    name: str
    """As in `dependency_up{name}`: kafka, postgres."""
    address: str
    """Without a password."""
    error: str | None = None
    """None: it answered."""
    trouble: Trouble | None = None
    """What kind of error that is; None: not known, or none."""


class ErrorCount(Seen):
    """Judgments of the last hour with one error."""

    workflow_id: str
    code: str
    records: int


class ConflictCount(Seen):
    """Requests of the last hour that used an id again, with another input or verdict."""

    workflow_id: str
    records: int


class RestartView(Seen):
    """A child of the local stack that was started again."""

    name: str
    restarts_total: int
    last_exit: str | None = None


class DeadLetterCount(Seen):
    """Dead letters of the last hour with one reason."""

    agent: str
    kind: str
    code: str
    records: int
    sent_again: int = 0
    """Of these, by `judgify dead-letters redrive`."""


class DiskView(Seen):
    """The disk that holds the local stack's data."""

    path: str
    free_bytes: int
    total_bytes: int
    floor_bytes: int = 0
    """`disk_free_min_mb`: below it nothing is sent and the sink waits."""


class Snapshot(Seen):
    """Everything that `judgify status` knows."""

    data_dir: str
    topic_prefix: str = "judgify."
    stack_missing: bool = False
    """No local stack runs, and no Kafka is set."""
    local: bool = False
    """The services are those of the local stack, whose supervisor starts them again."""
    processes: list[ProcessView] = []
    dependencies: list[DependencyView] = []
    topics_missing: list[str] = []
    dead_letters: list[DeadLetterCount] | None = None
    """Of the last hour; None when PostgreSQL could not be asked. So are the next two."""
    errors: list[ErrorCount] | None = None
    conflicts: list[ConflictCount] | None = None
    restarts: list[RestartView] = []
    """Of the local stack's children, since it was started."""
    disk: DiskView | None = None
