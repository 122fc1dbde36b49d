"""`judgify workflow diff` shows what differs, which verdicts flip, and says so by its exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Commands
from tests.support.workflows import make_document


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    return Commands(monkeypatch, capsys)


def write(path: Path, document: dict[str, Any]) -> str:
    path.write_text(json.dumps(document), "utf-8")
    return str(path)


@pytest.fixture
def low(tmp_path: Path) -> str:
    rules = [{"id": "HIGH", "when": "x > 5", "verdict": "fail"}]
    return write(tmp_path / "low.json", make_document(rules=rules, subject="s"))


@pytest.fixture
def high(tmp_path: Path) -> str:
    return write(tmp_path / "high.json", make_document(subject="s"))


@pytest.fixture
def rows(tmp_path: Path) -> str:
    path = tmp_path / "rows.csv"
    path.write_text("x,s\n1,a\n6,b\n11,c\n7,d\n,e\n", "utf-8")
    return str(path)


def test_equal_documents_end_with_0_and_others_with_1(
    commands: Commands, low: str, high: str
) -> None:
    assert commands.run("workflow", "diff", low, low).code == 0
    ended = commands.run("workflow", "diff", high, low)
    assert ended.code == 1
    assert ended.stderr == ""


def test_the_spelling_of_a_file_is_no_difference(
    commands: Commands, tmp_path: Path, high: str
) -> None:
    spelled = tmp_path / "same.yaml"
    spelled.write_text("# the same\n" + json.dumps(make_document(subject="s"), indent=3), "utf-8")

    ended = commands.run("workflow", "diff", high, str(spelled))

    assert ended.code == 0
    assert "the same document" in ended.stdout


def test_old_and_new_text_stand_side_by_side(commands: Commands, low: str, high: str) -> None:
    said = commands.run("workflow", "diff", high, low).stdout

    (line,) = [each for each in said.splitlines() if each.startswith("HIGH")]
    assert line.split() == ["HIGH", "when", "x", ">", "10", "x", ">", "5"]


def test_flips_are_counted_by_kind_and_told_with_the_rules_of_both_sides(
    commands: Commands, low: str, high: str, rows: str
) -> None:
    ended = commands.run("workflow", "diff", high, low, "--input", rows, "--json")

    told = json.loads(ended.stdout)
    assert ended.code == 1
    assert (told["equal"], told["requests"], told["flips"]["count"]) == (False, 5, 2)
    assert told["flips"]["by"] == [{"before": "ok", "after": "fail", "count": 2}]
    assert told["flips"]["first"][0] == {
        "line": 3,
        "subject": "b",
        "before": "ok",
        "before_rule": None,
        "after": "fail",
        "after_rule": "HIGH",
    }
    said = commands.run("workflow", "diff", high, low, "--input", rows).stdout
    assert "2 of 5 are judged otherwise than by w" in said


def test_cells_are_read_by_each_side_with_its_own_types(
    commands: Commands, tmp_path: Path, high: str
) -> None:
    """The new one reads no `x`: that must not make the old one's numbers text."""
    constant = [{"id": "ALWAYS", "when": "s == 'a'", "verdict": "ok"}]
    after = write(
        tmp_path / "new.json",
        make_document(input={"s": {"type": "string"}}, rules=constant, subject="s"),
    )
    (tmp_path / "rows.csv").write_text("x,s\n1,a\n11,b\n", "utf-8")

    ended = commands.run(
        "workflow", "diff", high, after, "-i", str(tmp_path / "rows.csv"), "--json"
    )

    assert json.loads(ended.stdout)["flips"]["by"] == [
        {"before": "fail", "after": "ok", "count": 1}
    ]


@pytest.mark.parametrize("rows_name", ["rows.txt", "missing.csv"])
def test_trouble_ends_with_2_and_is_no_difference(
    commands: Commands, tmp_path: Path, low: str, rows_name: str
) -> None:
    (tmp_path / "rows.txt").write_text("x\n1\n", "utf-8")
    (tmp_path / "broken.json").write_text('{"judgify": 1}', "utf-8")

    for arguments in (
        (low, str(tmp_path / "missing.yaml")),
        (str(tmp_path / "broken.json"), low),
        (low, low, "--input", str(tmp_path / rows_name)),
    ):
        ended = commands.run("workflow", "diff", *arguments)
        assert ended.code == 2
        assert ended.stderr
