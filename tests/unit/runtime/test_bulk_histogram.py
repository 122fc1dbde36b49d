"""Observing many at once is observing each: the exporter cannot tell them apart."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from runtime.bulk_histogram import BulkHistogram

BOUNDS = (0.1, 1.0, 10.0)
amounts = st.sampled_from([0.0, 0.1, 0.11, 1.0, 9.5, 10.0, 10.1, 1e9, math.inf])


def make_histogram(registry: CollectorRegistry) -> BulkHistogram:
    return BulkHistogram("seconds", "How long.", ["lane"], buckets=BOUNDS, registry=registry)


@given(st.lists(st.tuples(amounts, st.integers(0, 50)), max_size=8))
def test_observing_n_at_once_is_observing_n_times(observed: list[tuple[float, int]]) -> None:
    at_once, one_by_one = CollectorRegistry(), CollectorRegistry()
    bulk, single = (make_histogram(it).labels("a") for it in (at_once, one_by_one))

    for amount, count in observed:
        if math.isinf(amount) and not count:
            continue  # nothing times infinity has no sum
        bulk.observe_many(amount, count)
        for _ in range(count):
            single.observe(amount)

    for suffix, labels in [("_count", {}), *(("_bucket", {"le": it}) for it in bounds())]:
        names = (f"seconds{suffix}", {"lane": "a", **labels})
        assert at_once.get_sample_value(*names) == one_by_one.get_sample_value(*names)
    total = at_once.get_sample_value("seconds_sum", {"lane": "a"})
    assert total == pytest.approx(one_by_one.get_sample_value("seconds_sum", {"lane": "a"}))


def bounds() -> list[str]:
    return [*(str(it) for it in BOUNDS), "+Inf"]


def test_it_is_exported_as_any_histogram() -> None:
    registry = CollectorRegistry()

    make_histogram(registry).labels("a").observe_many(0.5, 3)

    text = generate_latest(registry).decode()
    assert "# TYPE seconds histogram" in text
    assert 'seconds_bucket{lane="a",le="0.1"} 0.0' in text
    assert 'seconds_bucket{lane="a",le="1.0"} 3.0' in text
    assert 'seconds_bucket{lane="a",le="+Inf"} 3.0' in text
    assert 'seconds_sum{lane="a"} 1.5' in text


def test_without_its_labels_it_refuses() -> None:
    with pytest.raises(ValueError, match="label"):
        make_histogram(CollectorRegistry()).observe_many(1.0, 2)
