"""The parts of the benchmark: what each measures, how much of it, and under which conditions."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from bench import llm
from bench.conditions import describe_conditions, describe_noise
from bench.contenders import (
    AIOKAFKA_LOOP,
    CONFLUENT_LOOP,
    CONFLUENT_LOOP_EAGER,
    CONTENDERS,
    RULE_AGENT,
    Contender,
)
from bench.cores import Cores, choose_cores, find_broker, pinned, staying_on
from bench.guarantee import measure_guarantee
from bench.latency import measure_latency
from bench.memory import measure_memory
from bench.rules_in_process import measure_rules
from bench.running import Ground, listen_before
from bench.scaling import measure_scaling
from bench.sink_copy import compare
from bench.track import Track
from bench.whole import measure_whole

CLEAR_LINE: Final = "\r\x1b[K"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    requests: int
    requests_few: int
    rates: tuple[int, ...]
    seconds: float
    """Of each rate of latency."""
    kills: int
    minutes: float
    """Of memory."""
    rows: int
    """Of the sink."""
    llm: llm.Amounts
    only: tuple[str, ...] = ()
    pin: bool = True
    """Whether the broker and a contender get a core each."""


FULL: Final = Plan(
    rounds=3,
    requests=200_000,
    requests_few=15_000,
    rates=(1_000, 5_000),
    seconds=6.0,
    kills=2,
    minutes=10.0,
    rows=200_000,
    llm=llm.FULL,
)
QUICK: Final = Plan(
    rounds=1,
    requests=3_000,
    requests_few=500,
    rates=(500,),
    seconds=1.0,
    kills=1,
    minutes=0.1,
    rows=3_000,
    llm=llm.QUICK,
    only=(RULE_AGENT.name, CONFLUENT_LOOP.name),
    pin=False,
)
"""Shows that everything runs, beside whatever else runs; its figures mean nothing."""


def _choose(plan: Plan, *contenders: Contender) -> list[Contender]:
    return [it for it in contenders if not plan.only or it.name in plan.only]


def _whole(ground: Ground, plan: Plan) -> dict[str, Any]:
    chosen = _choose(plan, *CONTENDERS)
    return measure_whole(ground, chosen, plan.rounds, plan.requests, plan.requests_few)


def _latency(ground: Ground, plan: Plan) -> dict[str, Any]:
    chosen = _choose(plan, RULE_AGENT, CONFLUENT_LOOP, CONFLUENT_LOOP_EAGER, AIOKAFKA_LOOP)
    return measure_latency(ground, chosen, plan.rounds, plan.rates, plan.seconds)


def _guarantee(ground: Ground, plan: Plan) -> dict[str, Any]:
    chosen = _choose(plan, *CONTENDERS)
    return measure_guarantee(ground, chosen, plan.kills, plan.requests, plan.requests_few)


def _scaling(ground: Ground, plan: Plan) -> dict[str, Any]:
    chosen = _choose(plan, RULE_AGENT, CONFLUENT_LOOP)
    return measure_scaling(ground, chosen, plan.rounds, plan.requests)


def _memory(ground: Ground, plan: Plan) -> dict[str, Any]:
    return measure_memory(ground, need("DATABASE_URL"), plan.minutes)


def _llm(ground: Ground, plan: Plan) -> dict[str, Any]:
    return llm.measure_llm(ground, plan.llm, plan.rounds)


def _rules(plan: Plan) -> dict[str, Any]:
    del plan  # seconds either way
    measured = measure_rules()
    what = "rules in process: events per second by processor time, one thread"
    return {"what": what, "settings": measured.pop("conditions"), **measured}


def _sink(plan: Plan) -> dict[str, Any]:
    bootstrap, url = need("KAFKA_BOOTSTRAP_SERVERS"), need("DATABASE_URL")
    what = "postgres-sink, Kafka to stored rows, beside one COPY of the same rows, rows per second"
    return {"what": what, **asyncio.run(compare(bootstrap, url, plan.rows, plan.rounds))}


ON_GROUND: Final[dict[str, Callable[[Ground, Plan], dict[str, Any]]]] = {
    "whole": _whole,
    "latency": _latency,
    "guarantee": _guarantee,
    "scaling": _scaling,
    "memory": _memory,
    "llm": _llm,
}
APART: Final[dict[str, Callable[[Plan], dict[str, Any]]]] = {"rules": _rules, "sink": _sink}
PARTS: Final = ("whole", "latency", "guarantee", "rules", "sink", "scaling", "memory", "llm")


def need(name: str) -> str:
    """Return an address that `make bench` sets."""
    value = os.environ.get(name)
    if not value:
        raise SystemExit(f"{name} is not set: type `make bench`")
    return value


def measure(part: str, plan: Plan) -> dict[str, Any]:
    """Return the report of one part.

    Raises:
        BenchError: a contender did not do its work.
    """
    broker = find_broker(os.environ.get("KAFKA_BOOTSTRAP_SERVERS", ""))
    conditions, before = describe_conditions(broker), listen_before(broker)
    if part in APART:
        report, noise = APART[part](plan), [before]
    else:
        with open_ground(plan, broker) as ground:
            conditions["contender_and_broker_have_a_core_each"] = ground.alone
            report, noise = ON_GROUND[part](ground, plan), ground.noise
    conditions |= {"others_cores_before": before, **describe_noise(noise)}
    return {"part": part, **report, "conditions": conditions}


@contextmanager
def open_ground(plan: Plan, broker: psutil.Process | None) -> Iterator[Ground]:
    """Yield topics of its own, the broker on its core and this process beside it."""
    bootstrap = need("KAFKA_BOOTSTRAP_SERVERS")
    cores = choose_cores() if plan.pin else Cores(None, None)
    track = Track(bootstrap)
    with (
        tempfile.TemporaryDirectory(prefix="judgify-bench.") as logs,
        pinned(broker, cores.broker) as is_pinned,
        staying_on(cores.broker),
    ):
        alone = cores.contender is not None and is_pinned
        try:
            track.open()
            yield Ground(track, cores, broker, alone, Path(logs), show, say)
        finally:
            track.close()


def show(progress: str) -> None:
    """Show how far a run is, where somebody watches."""
    if sys.stdout.isatty():
        print(f"{CLEAR_LINE}  {progress}", end="", flush=True)


def say(line: str) -> None:
    """Print a line that stays."""
    print(f"{CLEAR_LINE if sys.stdout.isatty() else ''}{line}", flush=True)
