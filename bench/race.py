"""One run of one contender: start it on its core, watch it to the end, check its answers."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from bench.cores import Cores, staying_on
from bench.figures import Run, Sample, cpu_us_per_request, summarize_answers
from bench.observing import Observer
from bench.track import Load, Track

LOOK_INTERVAL_S: Final = 0.1
SILENCE_S_MAX: Final = 45.0
"""Longest time without a new result before a contender counts as stuck."""
COMMIT_WAIT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 15.0
LOG_CHARS: Final = 2_000


class BenchError(RuntimeError):
    """A contender that did not do its work; its figure would be worth nothing."""


@dataclass(frozen=True, slots=True)
class Contender:
    """What is measured: how it is started and what it reads."""

    name: str
    module: str | None
    """Its module; None for rule-agent itself."""
    few: bool = False
    """Too slow for the whole load: it gets a shorter one."""

    def requests_topic(self, track: Track) -> str:
        return track.requests_few if self.few else track.requests

    def group(self, track: Track, number: int) -> str:
        return f"{track.prefix}rule-agent" if self.module is None else f"{self.name}-{number}"

    def command(self, track: Track, number: int) -> list[str]:
        """Return what starts it for round `number`."""
        if self.module is None:
            return [sys.executable, "-m", "judgify", "run", "rule-agent", "--port", "0"]
        places = {
            "bootstrap": track.bootstrap,
            "group": self.group(track, number),
            "requests": self.requests_topic(track),
            "results": track.results,
            "dead-letters": track.dead_letters,
            "workflow": str(track.workflow),
        }
        arguments = [part for name, value in places.items() for part in (f"--{name}", value)]
        return [sys.executable, "-m", self.module, *arguments]


@dataclass(frozen=True, slots=True)
class Race:
    """What all runs share."""

    track: Track
    cores: Cores
    logs: Path
    show: Callable[[int, int], None]
    """Told how many results there are, of how many."""

    def run(self, contender: Contender, number: int, load: Load) -> Run:
        """Return the figures of one run.

        Raises:
            BenchError: it ended, got stuck or answered wrongly.
        """
        track, total = self.track, len(load.requests)
        observer = Observer(track.bootstrap, track.results, track.partitions)
        group, topic = contender.group(track, number), contender.requests_topic(track)
        track.forget(group)
        starts, load_average = observer.ends(), os.getloadavg()[0]
        log = self.logs / f"{contender.name}-{number}.log"
        process = self._start(contender.command(track, number), log)
        try:
            samples, rss_mib = self._watch(process, observer, sum(starts), total, log)
            committed = _await_commit(observer, group, topic, total)
        finally:
            _stop(process)
        answers = summarize_answers(observer.read(starts))
        if answers.distinct != total or answers.records != total or answers.counts != load.known:
            raise BenchError(f"{contender.name} answered wrongly: {dict(answers.counts)}")
        return Run(
            contender=contender.name,
            round=number,
            requests=total,
            per_second=answers.per_second,
            cpu_us_per_request=cpu_us_per_request(samples, total),
            rss_mib_max=rss_mib,
            committed=committed,
            load_average=load_average,
        )

    def _start(self, command: list[str], log: Path) -> psutil.Popen:
        environment: Mapping[str, str] = os.environ | {
            "KAFKA_BOOTSTRAP_SERVERS": self.track.bootstrap,
            "JUDGIFY_TOPIC_PREFIX": self.track.prefix,
            "JUDGIFY_DATA_DIR": str(self.logs / "no-stack"),
        }
        with log.open("wb") as out, staying_on(self.cores.contender):
            return psutil.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)

    def _watch(
        self, process: psutil.Popen, observer: Observer, before: int, total: int, log: Path
    ) -> tuple[list[Sample], float]:
        samples, rss_bytes = [Sample(0, 0.0)], 0
        moved_at_s = time.monotonic()
        while samples[-1].results < total:
            time.sleep(LOOK_INTERVAL_S)
            if process.poll() is not None:
                raise BenchError(f"it ended with {process.returncode}: {_tail(log)}")
            with process.oneshot():
                times, rss_bytes = process.cpu_times(), max(rss_bytes, process.memory_info().rss)
            sample = Sample(sum(observer.ends()) - before, times.user + times.system)
            if sample.results > samples[-1].results:
                moved_at_s = time.monotonic()
            elif time.monotonic() - moved_at_s > SILENCE_S_MAX:
                raise BenchError(f"stuck at {sample.results} of {total}: {_tail(log)}")
            samples.append(sample)
            self.show(sample.results, total)
        return samples, rss_bytes / 2**20


def _await_commit(observer: Observer, group: str, topic: str, total: int) -> bool:
    """Return whether everything is committed, some seconds after the last result."""
    deadline_s = time.monotonic() + COMMIT_WAIT_S
    while observer.committed(group, topic) < total:
        if time.monotonic() > deadline_s:
            return False
        time.sleep(LOOK_INTERVAL_S)
    return True


def _stop(process: psutil.Popen) -> None:
    with suppress(psutil.NoSuchProcess):  # it has ended by itself
        process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-LOG_CHARS:].strip()
