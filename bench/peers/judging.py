"""What every peer shares: its arguments, and the very functions by which rule-agent judges."""

import argparse
import gc
from dataclasses import dataclass
from pathlib import Path

from agents.rule import RuleAgent, Topics
from judgify.processes.host import ENGINE
from rules.workflow.book import WorkflowBook
from rules.workflow.reader import read_workflow
from runtime.clock import BrokerClock, SystemClock
from schemas.workflow_record import Activation
from stream.process import GC_THRESHOLDS

POLL_RECORDS = 2_000
"""Records of one fetch: as many as rule-agent takes."""
COMMIT_INTERVAL_S = 0.5
"""As rule-agent commits."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer reads and writes."""

    bootstrap: str
    group: str
    requests: str
    results: str
    dead_letters: str
    workflow: Path


def read_place() -> Place:
    """Return what the command line says."""
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "group", "requests", "results", "dead-letters"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--workflow", required=True, type=Path)
    return Place(**vars(parser.parse_args()))


@dataclass(frozen=True, slots=True)
class _Known:
    """What the agent must know besides the requests: here it never changes."""

    book: WorkflowBook
    llm_enabled: bool = False
    cluster_id: str = "bench"

    def confirmed_age_s(self) -> float:
        return 0.0


def open_agent(workflow: Path, results: str) -> RuleAgent:
    """Return the judge of rule-agent, with the one workflow in force since ever."""
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
    topics = Topics(results, f"{results}.escalations")  # the LLM is off: nothing goes there
    return RuleAgent(topics, _Known(book), BrokerClock(SystemClock()), ENGINE)


def tune_collector() -> None:
    """Spare the garbage collector as rule-agent does: a loop gets every trick that we know."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
