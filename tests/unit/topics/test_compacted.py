"""What a reader of a compacted topic may claim, from what the broker answered and when."""

from math import inf
from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tests.support.clock import FakeClock
from topics.compacted import CompactedReader


class Answers:
    """Stands for the consumer: answers where the log ends, after the time that takes."""

    def __init__(self, clock: FakeClock, seconds: float = 0.0) -> None:
        self._clock = clock
        self._seconds = seconds
        self.end: int | None = 0
        self.error: KafkaError | None = None

    def get_watermark_offsets(
        self, _partition: TopicPartition, timeout: float
    ) -> tuple[int, int] | None:
        self._clock.advance(min(self._seconds, timeout))
        if self.error is not None:
            raise KafkaException(self.error)
        return None if self.end is None else (0, self.end)


def make_reader(clock: FakeClock) -> CompactedReader:
    return CompactedReader("127.0.0.1:1", "t", lambda *_: None, clock=clock)


def ask(reader: CompactedReader, answers: Answers, clock: FakeClock) -> None:
    reader._ask_end(cast("Consumer", answers), clock.monotonic_s())
    reader._reach_goal()


def test_it_is_as_fresh_as_the_moment_before_the_question() -> None:
    clock = FakeClock()
    reader, answers = make_reader(clock), Answers(clock, seconds=0.4)

    ask(reader, answers, clock)

    assert reader.confirmed_age_s() == pytest.approx(0.4)


def test_an_end_that_is_reached_later_confirms_the_moment_of_its_question() -> None:
    clock = FakeClock()
    reader, answers = make_reader(clock), Answers(clock)
    answers.end = 5
    ask(reader, answers, clock)
    assert reader.confirmed_age_s() == inf

    clock.advance(0.3)
    reader._position = 5
    reader._reach_goal()

    assert reader.confirmed_age_s() == pytest.approx(0.3)


def test_a_log_that_keeps_growing_is_confirmed_all_the_same() -> None:
    clock = FakeClock()
    reader, answers = make_reader(clock), Answers(clock)
    for end in range(10, 100, 10):
        answers.end = end
        ask(reader, answers, clock)
        clock.advance(0.2)
        reader._position = end - 5

    reader._reach_goal()

    assert reader.confirmed_age_s() < 1


def test_a_log_that_shrank_is_never_confirmed_again() -> None:
    clock = FakeClock()
    reader, answers = make_reader(clock), Answers(clock)
    reader._position, answers.end = 5, 3
    ask(reader, answers, clock)

    answers.end = 5
    ask(reader, answers, clock)

    assert reader.torn
    assert reader.confirmed_age_s() == inf
    assert "restart" in str(reader.failure)


@pytest.mark.parametrize("error", [None, KafkaError(KafkaError._TRANSPORT)])
def test_without_an_answer_the_age_grows_and_the_reason_is_told(error: KafkaError | None) -> None:
    clock = FakeClock()
    reader, answers = make_reader(clock), Answers(clock, seconds=60)
    ask(reader, Answers(clock), clock)
    answers.end, answers.error = None, error

    ask(reader, answers, clock)

    assert reader.confirmed_age_s() == pytest.approx(1.0)
    assert "127.0.0.1:1" in str(reader.failure)
