"""Packing fills batches as aiokafka's own `append` would, and keeps every output in order."""

from collections import defaultdict
from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from stream.batch import Output, make_output
from stream.packing import pack

BATCH_BYTES = 400

blobs = st.none() | st.binary(max_size=150)
headers = st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=2)
shared = st.sampled_from([(), (("content-type", b"application/json"),)])
outputs = st.lists(
    st.builds(Output, st.sampled_from(["a", "b"]), blobs, blobs, headers | shared), max_size=30
)


def create_batch() -> BatchBuilder:
    return BatchBuilder(BATCH_BYTES, 0)


def read(builder: BatchBuilder) -> list[tuple[Any, ...]]:
    records = list(MemoryRecords(bytes(builder._build())).next_batch())
    assert [it.offset for it in records] == list(range(builder.record_count()))
    return [(it.key, it.value, list(it.headers)) for it in records]


def pack_plainly(given_outputs: list[Output]) -> dict[str, list[list[tuple[Any, ...]]]]:
    """Return the records of each batch by topic, by way of aiokafka's public `append`."""
    batches: dict[str, list[BatchBuilder]] = defaultdict(list)
    for topic, key, value, its_headers in given_outputs:
        fields = {"timestamp": None, "key": key, "value": value, "headers": list(its_headers)}
        if not batches[topic] or batches[topic][-1].append(**fields) is None:
            batches[topic].append(create_batch())
            assert batches[topic][-1].append(**fields) is not None
    return {topic: [read(it) for it in builders] for topic, builders in batches.items()}


@given(outputs)
def test_packed_batches_are_those_that_the_public_way_fills(made: list[Output]) -> None:
    packed: dict[str, list[list[tuple[Any, ...]]]] = defaultdict(list)
    for topic, builder in pack(create_batch, made):
        assert builder.closed()
        packed[topic].append(read(builder))

    assert packed == pack_plainly(made)


def test_an_output_larger_than_a_batch_travels_alone() -> None:
    made = [Output("a", None, value) for value in (b"1", b"x" * (BATCH_BYTES + 1), b"2")]

    values = [[value for _, value, _ in read(it)] for _, it in pack(create_batch, made)]

    assert values == [[b"1"], [b"x" * (BATCH_BYTES + 1)], [b"2"]]


def test_an_output_made_quickly_is_an_output() -> None:
    made = make_output(("a", b"k", b"v", ()))

    assert type(made) is Output
    assert made == Output("a", b"k", b"v")
