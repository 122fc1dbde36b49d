"""Escalations that lie in Kafka, judged by one llm-agent: how many per second, and at what cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench.figures import cpu_us_per_request, summarize_answers
from bench.llm_lane import Surroundings, open_surroundings, start_agent
from bench.llm_load import make_escalations
from bench.observing import Observer
from bench.race import Race
from bench.running import BenchError, Ground, listening_for_noise
from topics.registry import ESCALATIONS, full_name

AGENT: Final = "llm-agent"
WANTED: Final = ("decided", "hybrid", "asked")


@dataclass(frozen=True, slots=True)
class Setup:
    """One way to run llm-agent."""

    latency_ms: int
    """Of the stand-in, added to what it takes itself."""
    concurrency: int

    @property
    def name(self) -> str:
        return f"{self.concurrency} at a time, stand-in waits {self.latency_ms} ms"


SETUPS: Final = tuple(Setup(ms, at_a_time) for ms in (0, 200) for at_a_time in (16, 64))


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one setup."""

    per_second: float
    cpu_ms: float | None
    """Per escalation; None when the run was too short to say."""
    rss_mib_max: float


def measure_end_to_end(
    ground: Ground, setups: Sequence[Setup], escalations: int, rounds: int
) -> dict[str, Any]:
    """Return rates, processor time and memory of every setup.

    Raises:
        BenchError: an escalation had no answer, or two.
    """
    runs: dict[str, list[Run]] = {setup.name: [] for setup in setups}
    with open_surroundings(ground.cores.broker) as around:
        for number in range(rounds):
            shift = number % len(setups)
            for setup in (*setups[shift:], *setups[:shift]):
                run = _run(ground, around, setup, number, escalations)
                runs[setup.name].append(run)
                ground.say(f"end to end, round {number + 1}  {setup.name:<40}{_tell(run)}")
    return {name: summarize(of_setup) for name, of_setup in runs.items()}


def _run(ground: Ground, around: Surroundings, setup: Setup, number: int, escalations: int) -> Run:
    track, topic = ground.track, full_name(ESCALATIONS, ground.track.prefix)
    name = f"end-{setup.latency_ms}-{setup.concurrency}-{number}"
    track.skip_to_end(f"{track.prefix}{AGENT}", topic)
    pairs = make_escalations(track.workflow, f"{track.prefix}{name}", escalations)
    track.lay_out(topic, pairs)
    around.stand_in.follow(latency={"fixed_ms": setup.latency_ms})
    observer = Observer(track.bootstrap, track.results, track.partitions)
    starts = observer.ends()
    settings = around.settings(
        JUDGIFY_LLM_CONCURRENCY=str(setup.concurrency), JUDGIFY_LLM_TOTAL_TIMEOUT_S="600"
    )
    running = start_agent(ground, AGENT, name, ground.cores.contender, settings)
    try:
        with listening_for_noise(ground, [running.process, *around.processes()]):
            samples, rss_mib = Race(ground).watch(running, observer, sum(starts), len(pairs))
    finally:
        running.stop()
    cpu_us = cpu_us_per_request(samples, len(pairs))
    rate = _check(observer, starts, len(pairs))
    return Run(rate, None if cpu_us is None else cpu_us / 1_000, rss_mib)


def _check(observer: Observer, starts: list[int], count: int) -> float:
    """Return escalations per second by the broker's clock, each answered once by the stand-in."""

    def pick(message: Any, it: Any) -> tuple[int, str, tuple[str, str | None, str | None]]:
        asked = "asked" if it["llm"] and not it["llm"]["cached"] else None
        return message.timestamp()[1], it["judgment_id"], (it["status"], it["method"], asked)

    answers = summarize_answers(observer.read_as(starts, pick))
    if answers.records != count or answers.counts != {WANTED: count}:
        raise BenchError(f"it answered wrongly: {dict(answers.counts)} of {count}")
    return answers.per_second


def summarize(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the medians of one setup's runs, and each run's rate."""
    cpu_ms = [run.cpu_ms for run in runs if run.cpu_ms is not None]
    shares = [run.cpu_ms * run.per_second / 1_000 for run in runs if run.cpu_ms is not None]
    return {
        "per_second_median": round(median(run.per_second for run in runs)),
        "per_second": [round(run.per_second) for run in runs],
        "cpu_ms_median": round(median(cpu_ms), 2) if cpu_ms else None,
        "cpu_share_median": round(median(shares), 3) if shares else None,
        "rss_mib_max": round(max(run.rss_mib_max for run in runs), 1),
    }


def _tell(run: Run) -> str:
    cpu = "" if run.cpu_ms is None else f"{run.cpu_ms:7.2f} ms CPU"
    return f"{run.per_second:>7,.0f}/s{cpu}  {run.rss_mib_max:.0f} MiB"
