"""The observer: looks on from outside, in threads of its own, and writes down what it sees.

Of the groups: how far they have committed, then how far the topics behind them reached; so what is
behind a commit can be held against what was there at that moment. Of the processes: memory and open
files, once a second.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Final

import psutil
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tests.chaos.fleet import Fleet
from tests.chaos.history import History
from topics.registry import DEAD_LETTERS, ESCALATIONS, REQUESTS, RESULTS, full_name

OFFSETS_INTERVAL_S: Final = 0.5
VITALS_INTERVAL_S: Final = 1.0
ANSWER_TIMEOUT_S: Final = 2.0
PREFIX: Final = "judgify."
MIB: Final = 1_048_576


class GroupView:
    """What a group has committed of a topic; a view, it never joins."""

    def __init__(self, bootstrap: str, agent: str, topic: str) -> None:
        self.agent = agent
        self.topic = topic
        settings = {"bootstrap.servers": bootstrap, "group.id": f"{PREFIX}{agent}"}
        self._consumer = Consumer({**settings, "enable.auto.commit": False, "log_level": 0})

    def fetch_committed(self, partitions: Iterable[int]) -> dict[int, int]:
        """Return the committed offset of each partition; 0 where there is none.

        Raises:
            KafkaException: the broker does not answer.
        """
        wanted = [TopicPartition(self.topic, number) for number in partitions]
        told = self._consumer.committed(wanted, timeout=ANSWER_TIMEOUT_S)
        return {place.partition: max(0, place.offset) for place in told}

    def fetch_ends(self, partitions: Iterable[int], topic: str | None = None) -> dict[int, int]:
        """Return the end of each partition of `topic`, by default the group's own.

        Raises:
            KafkaException: the broker does not answer.
        """
        ends = {}
        for number in partitions:
            place = TopicPartition(topic or self.topic, number)
            bounds = self._consumer.get_watermark_offsets(place, ANSWER_TIMEOUT_S)
            if bounds is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
            ends[number] = bounds[1]
        return ends

    def close(self) -> None:
        self._consumer.close()


class Progress:
    """The lanes from outside: how far each has come, and what is left of it."""

    def __init__(self, bootstrap: str, partitions: int, letter_partitions: int) -> None:
        self._partitions = range(partitions)
        self._letter_partitions = range(letter_partitions)
        requests, escalations, results, letters = (
            full_name(spec, PREFIX) for spec in (REQUESTS, ESCALATIONS, RESULTS, DEAD_LETTERS)
        )
        self.rules = GroupView(bootstrap, "rule-agent", requests)
        self.escalations = GroupView(bootstrap, "llm-agent", escalations)
        self.results = GroupView(bootstrap, "postgres-sink", results)
        self.letters = GroupView(bootstrap, "postgres-sink", letters)

    def sample(self) -> dict[str, dict[int, int]]:
        """Return committed offsets, and the ends of what lies behind them, asked afterwards.

        Raises:
            KafkaException: the broker does not answer.
        """
        committed = {
            "rule-agent": self.rules.fetch_committed(self._partitions),
            "llm-agent": self.escalations.fetch_committed(self._partitions),
            "postgres-sink": self.results.fetch_committed(self._partitions),
        }
        ends = {
            "results": self.results.fetch_ends(self._partitions),
            "letters": self.letters.fetch_ends(self._letter_partitions),
            "escalations": self.escalations.fetch_ends(self._partitions),
        }
        return committed | ends

    def count_left(self) -> int:
        """Return how many records wait for an agent, over all lanes.

        Raises:
            KafkaException: the broker does not answer.
        """
        lanes = (
            (self.rules, self._partitions),
            (self.escalations, self._partitions),
            (self.results, self._partitions),
            (self.letters, self._letter_partitions),
        )
        return sum(
            sum(view.fetch_ends(numbers).values()) - sum(view.fetch_committed(numbers).values())
            for view, numbers in lanes
        )

    def close(self) -> None:
        for view in (self.rules, self.escalations, self.results, self.letters):
            view.close()


class Observer:
    """Runs the looks until stopped."""

    def __init__(self, progress: Progress, fleet: Fleet, history: History) -> None:
        self._progress = progress
        self._fleet = fleet
        self._history = history
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(look, interval_s), daemon=True)
            for look, interval_s in (
                (self._look_at_offsets, OFFSETS_INTERVAL_S),
                (self._look_at_vitals, VITALS_INTERVAL_S),
            )
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop looking; stopping twice, or before the start, is fine."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _repeat(self, look: Callable[[], None], interval_s: float) -> None:
        while not self._stopping.wait(interval_s):
            look()

    def _look_at_offsets(self) -> None:
        try:
            sample = self._progress.sample()
        except KafkaException:
            return  # a broker that is broken on purpose
        told = {name: [numbers[key] for key in sorted(numbers)] for name, numbers in sample.items()}
        self._history.add("offsets", **told)

    def _look_at_vitals(self) -> None:
        for member, process in self._fleet.alive():
            member.was_ready = member.was_ready or member.agent.is_ready()
            try:
                rss_mib = round(process.memory_info().rss / MIB, 1)
                files = process.num_fds()
            except psutil.Error:
                continue  # it has just ended
            self._history.add(
                "vitals",
                slot=member.slot,
                pid=process.pid,
                rss_mib=rss_mib,
                files=files,
                ready=member.was_ready,
            )
