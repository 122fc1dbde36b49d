"""Laws of the demo's example: found where it is installed, the same readings each time."""

from pathlib import Path

import pytest

from judgify.cli.inputs import open_rows
from judgify.demo import milling
from judgify.demo.milling import load_example
from schemas.errors import FatalError


def test_two_demos_make_the_same_readings() -> None:
    first, again = load_example(50), load_example(50)

    assert [reading.row for reading in first.readings] == [row.row for row in again.readings]
    assert first.known_rules().total() == 50


def test_the_written_file_holds_the_readings_as_they_are_sent(tmp_path: Path) -> None:
    example = load_example(50)

    path = example.write_readings(tmp_path)

    rows = list(open_rows(path, example.document.compile()))
    # What no field reads stays text in a CSV file.
    assert [row.data | {"UDI": int(row.data["UDI"])} for row in rows] == [
        reading.row for reading in example.readings
    ]


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match=str(tmp_path / "nowhere")):
        load_example(1).write_readings(tmp_path / "nowhere")


def test_without_the_examples_the_demo_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(milling, "find_example_dir", lambda: tmp_path)

    with pytest.raises(FatalError, match="the examples are not installed"):
        load_example(1)
