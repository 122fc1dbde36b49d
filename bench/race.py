"""One run of one contender: start it on its core, watch it to the end, check its answers."""

import os
import time
from dataclasses import dataclass
from typing import Final

from bench.contenders import Contender
from bench.figures import Run, Sample, cpu_us_per_request, summarize_answers
from bench.observing import Observer, committed_in_store
from bench.running import BenchError, Ground, Running, listening_for_noise, start_contender
from bench.track import Load

LOOK_INTERVAL_S: Final = 0.1
SILENCE_S_MAX: Final = 45.0
"""Longest time without a new result before a contender counts as stuck."""
COMMIT_WAIT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Race:
    """Runs contenders over a load that lies in the requests topic."""

    ground: Ground

    def run(self, contender: Contender, number: int, load: Load) -> Run:
        """Return the figures of one run.

        Raises:
            BenchError: it ended, got stuck or answered wrongly.
        """
        ground, track, total = self.ground, self.ground.track, len(load.requests)
        name = f"{contender.name}-{number}"
        observer = Observer(track.bootstrap, track.results, track.partitions)
        track.forget(contender.group(track, name))
        starts, load_average = observer.ends(), os.getloadavg()[0]
        running = start_contender(ground, contender, name, ground.cores.contender)
        try:
            with listening_for_noise(ground, [running.process]):
                samples, rss_mib = self.watch(running, observer, sum(starts), total)
            committed = self._await_commit(contender, name, observer, total)
        finally:
            running.stop()
        answers = summarize_answers(observer.read(starts))
        if answers.distinct != total or answers.records != total or answers.counts != load.known:
            raise BenchError(f"it answered wrongly: {dict(answers.counts)}")
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

    def watch(
        self, running: Running, observer: Observer, before: int, total: int
    ) -> tuple[list[Sample], float]:
        """Return looks at the run until `total` results have come, and the most MiB it took.

        Raises:
            BenchError: it ended or got stuck.
        """
        samples, rss_mib = [Sample(0, 0.0)], 0.0
        moved_at_s = time.monotonic()
        while samples[-1].results < total:
            time.sleep(LOOK_INTERVAL_S)
            running.require_alive()
            rss_mib = max(rss_mib, running.rss_mib())
            sample = Sample(sum(observer.ends()) - before, running.cpu_s())
            if sample.results > samples[-1].results:
                moved_at_s = time.monotonic()
            elif time.monotonic() - moved_at_s > SILENCE_S_MAX:
                raise BenchError(f"stuck at {sample.results} of {total}", running.told())
            samples.append(sample)
            self.ground.show(f"{sample.results:>9,} of {total:,}")
        return samples, rss_mib

    def _await_commit(
        self, contender: Contender, name: str, observer: Observer, total: int
    ) -> bool:
        """Return whether everything is committed, some seconds after the last result."""
        deadline_s = time.monotonic() + COMMIT_WAIT_S
        while True:
            committed = sum(read_positions(self.ground, contender, name, observer))
            if committed >= total or time.monotonic() > deadline_s:
                return committed >= total
            time.sleep(LOOK_INTERVAL_S)


def read_positions(
    ground: Ground, contender: Contender, name: str, observer: Observer
) -> list[int]:
    """Return from which offset of each partition the contender would go on."""
    if contender.keeps_positions_itself:
        return committed_in_store(ground.logs / f"{name}.state")
    topic = contender.requests_topic(ground.track)
    return observer.committed(contender.group(ground.track, name), topic)
