"""A dead letter carries the record as it was, and says why, for whom and by whom."""

import hashlib

import pytest

from runtime.clock import format_ms
from runtime.metrics import REGISTRY
from schemas.dead_letter import DeadLetter
from schemas.errors import MessageError, PipelineError
from stream import burial
from stream.batch import Output
from stream.ledger import TopicPartition
from stream.salvage import UnreadableRecord
from tests.support.builders import TIMESTAMP_MS, FakeRecord
from tests.support.seams import DEAD_LETTERS, REQUESTS, SeamBench
from topics.headers import CUT_BYTES, VALUE_BYTES_MAX, parse_dead_letter

SOURCE = TopicPartition(REQUESTS, 3)
BAD = MessageError("bad_value", "it says so itself")


@pytest.fixture
def bench() -> SeamBench:
    return SeamBench()


def read(output: Output) -> DeadLetter:
    assert output.topic == DEAD_LETTERS
    return parse_dead_letter(output.headers, output.key, output.value)


def test_key_value_and_headers_are_kept_byte_for_byte_and_in_order(bench: SeamBench) -> None:
    headers = [("b", b"\xff\x00"), ("a", b""), ("b", b"2"), ("judgify-dl-topic", b"forged")]
    record = FakeRecord(7, key=b"\x00k", value=b"\xfev", headers=headers)

    letter = read(bench.undertaker.bury(SOURCE, record, BAD))

    assert (letter.key, letter.value) == (b"\x00k", b"\xfev")
    assert list(letter.headers or ()) == headers
    assert letter.value_length is None


def test_it_says_where_when_why_and_by_whom(bench: SeamBench) -> None:
    letter = read(bench.undertaker.bury(SOURCE, FakeRecord(7, value=b"v"), BAD))

    assert (letter.topic, letter.partition, letter.offset) == (*SOURCE, 7)
    assert letter.timestamp == TIMESTAMP_MS
    assert (letter.kind, letter.code) == ("message", "bad_value")
    assert letter.reason == "it says so itself"
    assert (letter.agent, letter.version) == ("echo", "1.2.3")
    assert letter.at == format_ms(bench.seam.clock.now_ms())


def test_a_long_value_is_cut_and_its_length_and_hash_are_told(bench: SeamBench) -> None:
    value = bytes(range(256)) * (VALUE_BYTES_MAX // 256) + b"!"

    letter = read(bench.undertaker.bury(SOURCE, FakeRecord(7, value=value), BAD))

    assert letter.value == value[:CUT_BYTES]
    assert letter.value_length == len(value)
    assert letter.value_sha256 == hashlib.sha256(value).hexdigest()


def test_the_longest_whole_value_is_kept_whole(bench: SeamBench) -> None:
    value = b"x" * VALUE_BYTES_MAX

    letter = read(bench.undertaker.bury(SOURCE, FakeRecord(7, value=value), BAD))

    assert letter.value == value
    assert letter.value_sha256 is None


def test_a_tombstone_can_be_buried(bench: SeamBench) -> None:
    assert read(bench.undertaker.bury(SOURCE, FakeRecord(7, key=None), BAD)).value is None


def test_a_bug_is_called_a_bug_and_its_text_stays_in_the_log(bench: SeamBench) -> None:
    letter = read(bench.undertaker.bury(SOURCE, FakeRecord(7), KeyError("a secret of the payload")))

    assert (letter.kind, letter.code) == ("bug", "internal_error")
    assert "KeyError" in letter.reason
    assert "secret" not in letter.reason


def test_an_error_of_another_kind_keeps_its_kind(bench: SeamBench) -> None:
    letter = read(bench.undertaker.bury(SOURCE, FakeRecord(7), PipelineError("odd")))

    assert (letter.kind, letter.code, letter.reason) == ("bug", "internal_error", "odd")


def test_an_operators_order_is_its_own_kind(bench: SeamBench) -> None:
    order = MessageError("skipped", "it crashes the press")

    letter = read(bench.undertaker.bury(SOURCE, FakeRecord(7), order))

    assert (letter.kind, letter.code) == ("skip", "skipped")
    assert letter.reason == "it crashes the press"


@pytest.mark.parametrize(
    ("topic", "told", "origin"),
    [
        (REQUESTS, None, f"{REQUESTS}/3/7/{TIMESTAMP_MS}"),
        (REQUESTS, "a/0/1/2", "a/0/1/2"),
        ("judgify.results.v1", None, None),
        ("judgify.results.v1", "a/0/1/2", "a/0/1/2"),
    ],
)
def test_a_request_is_its_own_origin_and_others_have_one_only_where_it_is_known(
    bench: SeamBench, topic: str, told: str | None, origin: str | None
) -> None:
    output = bench.undertaker.bury(TopicPartition(topic, 3), FakeRecord(7), BAD, told)

    assert read(output).request_origin == origin


def test_headers_that_nobody_could_read_are_left_out_and_that_is_said(bench: SeamBench) -> None:
    record = UnreadableRecord(7, TIMESTAMP_MS, b"k", b"v", "a header key is not UTF-8")

    [output] = bench.undertaker.bury_unreadable(SOURCE, [record])

    letter = read(output)
    assert letter.headers is None
    assert (letter.key, letter.value, letter.offset) == (b"k", b"v", 7)
    assert (letter.kind, letter.code) == ("message", "unreadable_record")
    assert letter.reason == "a header key is not UTF-8"


def test_what_is_buried_is_counted_by_code(bench: SeamBench) -> None:
    labels = {"agent": "echo", "reason": "bad_value"}
    before = REGISTRY.get_sample_value("dead_letters_total", labels) or 0.0

    letters = [
        bench.undertaker.bury(SOURCE, FakeRecord(7), BAD),
        bench.undertaker.bury(SOURCE, FakeRecord(8), BAD),
        bench.undertaker.bury(SOURCE, FakeRecord(9), KeyError()),
    ]
    bench.undertaker.count(letters)

    assert dict(bench.undertaker.counts) == {"bad_value": 2, "internal_error": 1}
    assert REGISTRY.get_sample_value("dead_letters_total", labels) == before + 2


@pytest.mark.parametrize("forged", [b"anything", b"\xff", b""])
def test_what_a_client_writes_into_our_headers_is_never_counted(
    bench: SeamBench, forged: bytes
) -> None:
    record = FakeRecord(0, value=b"x", headers=[("judgify-dl-code", forged)])

    bench.undertaker.count([bench.undertaker.bury(SOURCE, record, BAD)])

    assert dict(bench.undertaker.counts) == {"bad_value": 1}


def test_a_bug_is_told_once_however_often_its_batch_is_tried_again(
    bench: SeamBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(burial.log, "error", lambda _event, **it: told.append(it["offset"]))

    for _ in range(3):
        for offset in (4, 5):
            bench.undertaker.bury(SOURCE, FakeRecord(offset, value=b"x"), KeyError("ours"))

    assert told == [4, 5]
