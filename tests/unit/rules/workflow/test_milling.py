"""The milling example decides what is known about readings that others and we have measured."""

import csv
import importlib.util
import io
import sys
from collections import Counter
from types import ModuleType

import pytest

from rules.ruling import rule_outcome
from rules.workflow.cells import convert_row
from tests.support.workflows import MILLING, ROOT, read_milling

AI4I = ROOT.parent / "shared" / "data" / "ai4i2020.csv"
GENERATOR = MILLING.with_name("readings.py")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("milling_readings", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not AI4I.is_file(), reason=f"the public data set is not at {AI4I}")
def test_the_public_data_set_is_judged_as_known() -> None:
    milling = read_milling().compile()
    by_rule: Counter[str] = Counter()
    by_status: Counter[str] = Counter()
    by_verdict: Counter[str | None] = Counter()
    real_failures = 0

    with AI4I.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            outcome = rule_outcome(milling.find(convert_row(milling, row)), milling.method)
            by_rule[outcome.rule or "otherwise"] += 1
            by_status[outcome.status] += 1
            by_verdict[outcome.verdict] += 1
            real_failures += outcome.verdict == "fail" and row["Machine failure"] == "1"

    assert by_rule == {"HDF": 115, "PWF": 92, "OSF": 80, "WEAR": 721, "otherwise": 8_992}
    assert by_status == {"decided": 9_279, "undetermined": 721}
    assert by_verdict == {"fail": 287, "ok": 8_992, None: 721}
    assert real_failures == 287


@pytest.mark.parametrize("seed", [0, 7, 12345])
def test_the_generator_knows_which_rule_fires_on_each_reading(
    generator: ModuleType, seed: int
) -> None:
    milling = read_milling().compile()
    readings = list(generator.generate_readings(3_000, seed))

    for reading in readings:
        outcome = rule_outcome(milling.find(reading.row), milling.method)
        assert (outcome.rule or "otherwise", outcome.verdict) == (reading.rule, reading.verdict), (
            reading
        )

    failing = sum(reading.verdict == "fail" for reading in readings)
    assert 0.02 < failing / len(readings) < 0.04
    assert {reading.rule for reading in readings} == {"HDF", "PWF", "OSF", "WEAR", "otherwise"}


def test_the_same_seed_gives_the_same_readings(generator: ModuleType) -> None:
    first, again = (list(generator.generate_readings(50, 3)) for _ in range(2))

    assert first == again
    assert first != list(generator.generate_readings(50, 4))


def test_written_readings_are_read_back_as_they_were(generator: ModuleType) -> None:
    readings = list(generator.generate_readings(200, 11))
    stream = io.StringIO()

    generator.write_csv(readings, stream)

    stream.seek(0)
    milling = read_milling().compile()
    rows = [convert_row(milling, row) for row in csv.DictReader(stream)]
    assert list(rows[0]) == list(generator.COLUMNS)
    for row, reading in zip(rows, readings, strict=True):
        # A producer of CSV has no types: what no field reads arrives as text.
        assert row == {**reading.row, "UDI": str(reading.row["UDI"])}
