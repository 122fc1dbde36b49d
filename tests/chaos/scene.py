"""The scene: services, agents, load and observer of a run, and the time that passes while they play."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException

from judgify.stack.fake_llm import lead_to
from schemas.errors import DependencyError
from tests.chaos.fleet import PROGRAM, make_fleet
from tests.chaos.history import History
from tests.chaos.load import Load
from tests.chaos.observer import PREFIX, Observer, Progress
from tests.chaos.schedule import AGENTS
from tests.chaos.stage import Stage
from tests.chaos.workload import Workload
from tests.support.lane import Lane
from tests.support.workflows import MILLING, TRIAL
from topics.registry import REQUESTS, full_name

TICK_S: Final = 0.05
READY_TIMEOUT_S: Final = 90.0
STOP_TIMEOUT_S: Final = 30.0
QUIET_POLLS: Final = 5
"""Looks in a row that find nothing to do: a lane may be between two steps at one of them."""
POLL_S: Final = 0.3
PARTITIONS: Final = 12
LETTER_PARTITIONS: Final = 6


class Scene:
    """Everything that plays in a run; open it, and close it whatever happens."""

    def __init__(
        self,
        directory: Path,
        workload: Workload,
        rate_per_s: int,
        program: tuple[str, ...] = PROGRAM,
    ) -> None:
        self.history = History(directory / "history.jsonl")
        self.stage = Stage(directory)
        bootstrap = self.stage.bootstrap
        self.load = Load(bootstrap, full_name(REQUESTS, PREFIX), workload, rate_per_s)
        environment = {"JUDGIFY_TOPIC_PREFIX": PREFIX, "KAFKA_BOOTSTRAP_SERVERS": bootstrap}
        ports = self.stage.ports
        self.fleet = make_fleet(ports, directory, environment, self.history, program)
        self.progress = Progress(bootstrap, PARTITIONS, LETTER_PARTITIONS)
        self.observer = Observer(self.progress, self.fleet, self.history)
        self.directory = directory

    def open(self, copies: int) -> Lane:
        """Start the services and `copies` of each agent, and observe; the load is not started.

        Raises:
            DependencyError: something did not start.
        """
        self.stage.open()
        lane = Lane(self.stage.bootstrap, PREFIX, self.directory, self.stage.database_url)
        if self.stage.redis_url:
            lane.environment["REDIS_URL"] = self.stage.redis_url
        lane.environment |= {
            "ENABLE_LLM_ENGINE": "true",
            **lead_to(self.stage.llm_base_url),
        }
        self.fleet.environment.update(lane.environment)
        for slot in self.fleet.members:
            if int(slot.partition("/")[2]) < copies:
                self.fleet.start(slot)
        for path in (MILLING, TRIAL):
            lane.publish_workflow(path)
        if not self.wait(self.fleet.are_ready, READY_TIMEOUT_S):
            raise DependencyError("chaos", f"the agents did not start, see {self.directory}/logs")
        self.observer.start()
        return lane

    def tick(self) -> None:
        """Let a moment pass."""
        self.fleet.tend()
        time.sleep(TICK_S)

    def wait(self, predicate: Callable[[], bool], timeout_s: float, poll_s: float = 0.0) -> bool:
        """Let time pass until `predicate` holds; say whether it did within `timeout_s`."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            if predicate():
                return True
            self.tick()
            time.sleep(poll_s)
        return False

    def wait_progress(self, since_s: float, timeout_s: float) -> bool:
        """Wait until every lane has committed more than it had at `since_s`."""

        def has_progressed() -> bool:
            events = self.history.read("offsets")
            before = [event for event in events if event["t"] <= since_s]
            after = [event for event in events if event["t"] > since_s]
            if not before or not after:
                return False
            return all(sum(after[-1][lane]) > sum(before[-1][lane]) for lane in AGENTS)

        return self.wait(has_progressed, timeout_s, POLL_S)

    def drain(self, timeout_s: float) -> int:
        """Wait until nothing is left to do; return how many records are, -1 when nobody knows."""
        counts: list[int] = []

        def is_drained() -> bool:
            try:
                counts.append(self.progress.count_left())
            except KafkaException:
                counts.append(-1)
            return len(counts) >= QUIET_POLLS and not any(counts[-QUIET_POLLS:])

        self.wait(is_drained, timeout_s, POLL_S)
        return counts[-1]

    def stop_fleet(self) -> None:
        """Ask every process to end, and wait until all have."""
        self.fleet.stop()
        self.wait(self.fleet.is_empty, STOP_TIMEOUT_S)
        self.observer.stop()

    def close(self) -> None:
        self.observer.stop()
        self.fleet.close()
        self.progress.close()
        self.stage.close()
        self.history.close()
