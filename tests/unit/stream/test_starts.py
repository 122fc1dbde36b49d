"""Where a partition begins, what is said of the records that are gone, and whether we may begin."""

import pytest

from schemas.errors import FatalError
from stream.ledger import TopicPartition
from stream.starts import Lost, Start, check_topics, find_start
from tests.support.seams import DEAD_LETTERS, SeamBench
from topics.headers import parse_dead_letter

TP = TopicPartition("judgify.requests.v1", 3)


@pytest.mark.parametrize(
    ("committed", "begins"),
    [
        pytest.param(None, 10, id="never committed: at the log's start"),
        pytest.param(10, 10, id="at the log's start"),
        pytest.param(15, 15, id="inside the log"),
        pytest.param(20, 20, id="at its end"),
        pytest.param(21, 10, id="beyond its end: the topic is another one"),
    ],
)
def test_reading_begins_where_it_ended_and_nothing_is_lost(
    committed: int | None, begins: int
) -> None:
    assert find_start(TP, committed, log_start=10, log_end=20) == Start(begins, None, 20)


def test_what_retention_took_before_we_read_it_is_lost_and_named_with_its_range() -> None:
    start = find_start(TP, 4, log_start=10, log_end=20)

    assert start == Start(10, Lost(TP.topic, 3, first=4, end=10), 20)


def test_an_emptied_log_loses_what_was_in_it() -> None:
    assert find_start(TP, 4, log_start=20, log_end=20).lost == Lost(TP.topic, 3, 4, 20)


def test_one_dead_letter_stands_for_a_lost_range_and_can_be_read_back() -> None:
    bench = SeamBench()

    output = Lost(TP.topic, 3, first=4, end=10).make_letter(bench.seam)

    letter = parse_dead_letter(output.headers, output.key, output.value)
    assert output.topic == DEAD_LETTERS
    assert (letter.kind, letter.code, letter.agent, letter.version) == (
        *("lost", "lost"),
        *("echo", "1.2.3"),
    )
    assert (letter.topic, letter.partition, letter.offset) == (TP.topic, 3, 4)
    assert "offsets 4 to 9" in letter.reason
    assert letter.timestamp == -1


def test_topics_that_are_missing_are_all_named_and_what_to_do() -> None:
    with pytest.raises(FatalError, match=r"a, b\. Do: judgify topics create"):
        check_topics({"b": None, "a": None, "c": 12}, ["c"])


def test_topics_must_have_equally_many_partitions_where_numbers_carry_over() -> None:
    with pytest.raises(FatalError, match=r"a has 12, b has 6\. Do: judgify topics check"):
        check_topics({"a": 12, "b": 6}, ["b", "a"])


def test_other_topics_may_have_as_many_partitions_as_they_like() -> None:
    check_topics({"a": 12, "b": 12, "dead": 6, "control": 1}, ["a", "b"])
    check_topics({"dead": 6}, [])
