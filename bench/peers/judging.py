"""What every peer shares: its arguments, and the very functions by which rule-agent judges.

A peer runs in an environment of its own, so nothing here imports Faust or Kafka.
"""

import argparse
import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from agents.rule import RuleAgent, Topics
from rules.workflow.book import WorkflowBook
from rules.workflow.reader import read_workflow
from runtime.clock import BrokerClock, SystemClock
from schemas.errors import MessageError
from schemas.workflow_record import Activation
from stream.batch import Batch, Output

POLL_RECORDS = 2_000
"""Records of one fetch: as many as rule-agent takes."""
COMMIT_INTERVAL_S = 0.5
"""As rule-agent commits."""
GC_THRESHOLDS = (50_000, 20, 50)
"""Those of rule-agent; a test holds them equal."""
KEEP_S = 0.05
"""How long a peer that gets single records may use what a slice makes once."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer reads and writes."""

    bootstrap: str
    group: str
    requests: str
    results: str
    dead_letters: str
    workflow: Path
    engine: str
    """Our version, as judgments carry it."""
    state: Path
    """A fresh directory for what the peer keeps on disk."""
    linger_ms: int
    """How long the producer may wait for more, where it can be told."""


def read_place() -> Place:
    """Return what the command line says."""
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "group", "requests", "results", "dead-letters", "engine"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--workflow", required=True, type=Path)
    parser.add_argument("--state", required=True, type=Path)
    parser.add_argument("--linger-ms", required=True, type=int)
    return Place(**vars(parser.parse_args()))


class Record(NamedTuple):
    """A record as the judge reads it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Any


class Judge:
    """Makes outputs of records, exactly as rule-agent does."""

    def __init__(self, place: Place) -> None:
        self._agent = open_agent(place.workflow, place.results, place.engine)
        self._requests = place.requests
        self._dead_letters = place.dead_letters
        self._deciders: dict[int, Any] = {}
        self._keep_until_s = 0.0

    def judge(self, partition: int, records: Sequence[Any]) -> list[Output]:
        """Return the outcome of each record of a slice."""
        decide = self._open(partition, records).decide
        outputs = []
        for record in records:
            try:
                outputs.append(decide(record))
            except MessageError:
                outputs.append(self._bury(record))
        return outputs

    def judge_one(self, partition: int, record: Any) -> Output:
        """Return the outcome of one record.

        What rule-agent makes once per slice is made once per partition and 50 ms here: a peer
        that gets single records shall not pay for that.
        """
        now_s = time.monotonic()
        if now_s > self._keep_until_s:
            self._deciders.clear()
            self._keep_until_s = now_s + KEEP_S
        decider = self._deciders.get(partition)
        if decider is None:
            decider = self._deciders[partition] = self._open(partition, (record,))
        try:
            output: Output = decider.decide(record)
        except MessageError:
            return self._bury(record)
        return output

    def _open(self, partition: int, records: Sequence[Any]) -> Any:
        return self._agent.open_batch(Batch(self._requests, partition, records))

    def _bury(self, record: Any) -> Output:
        return Output(self._dead_letters, record.key, record.value)


@dataclass(frozen=True, slots=True)
class Known:
    """What an agent must know besides its records: here it never changes."""

    book: WorkflowBook
    llm_enabled: bool = False
    cluster_id: str = "bench"

    def confirmed_age_s(self) -> float:
        return 0.0


def open_agent(workflow: Path, results: str, engine: str) -> RuleAgent:
    """Return the judge of rule-agent, with the one workflow in force since ever."""
    topics = Topics(results, f"{results}.escalations")  # the LLM is off: nothing goes there
    known = Known(open_book(workflow))
    return RuleAgent(topics, known, BrokerClock(SystemClock()), engine)


def open_book(workflow: Path) -> WorkflowBook:
    """Return a book in which one workflow is in force since ever."""
    document = read_workflow(workflow.read_text(encoding="utf-8"), workflow.name)
    book = WorkflowBook()
    book.add_version(
        "default",
        document.id,
        document.version,
        document.data,
        author="bench",
        note="",
        at_ms=0,
        offset=0,
    )
    activation = Activation(
        tenant="default", workflow_id=document.id, version=document.version, author="bench"
    )
    book.add_activation(activation, at_ms=0, offset=1)
    return book


def tune_collector() -> None:
    """Spare the garbage collector as rule-agent does: a peer gets every trick that we know."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
