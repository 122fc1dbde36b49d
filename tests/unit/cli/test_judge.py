"""`judgify judge` counts, compares and explains without any service."""

import json
from pathlib import Path
from typing import Any

import pytest

from judgify.cli.judge import watch_file
from rules.workflow.problems import Problem, WorkflowErrors
from schemas.errors import FatalError
from tests.support.commands import Commands
from tests.support.workflows import MILLING, make_document

COOL = {
    "Type": "M",
    "Air temperature [K]": 298,
    "Process temperature [K]": 306,
    "Rotational speed [rpm]": 1300,
}


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    return Commands(monkeypatch, capsys)


def write(path: Path, content: str | dict[str, Any]) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return str(path)


@pytest.fixture
def workflow(tmp_path: Path) -> str:
    return write(tmp_path / "w.json", make_document(subject="s"))


@pytest.fixture
def rows(tmp_path: Path) -> str:
    """Three are decided, one of them by the rule, one lacks its value, one has a word for it."""
    return write(tmp_path / "rows.csv", "x,s\n11,a\n10,b\n,c\nhot,d\n1,e\n")


def test_rows_are_counted_by_status_verdict_and_rule(
    commands: Commands, workflow: str, rows: str
) -> None:
    summary = commands.read("judge", "--workflow", workflow, "--input", rows)

    assert summary["requests"] == 5
    assert summary["by_status"] == {"decided": 3, "undetermined": 2}
    assert summary["by_verdict"] == {"ok": 2, "fail": 1}
    assert summary["by_rule"] == {"otherwise": 2, "HIGH": 1}
    assert (summary["flips"], summary["explained"]) == (None, [])


def test_invalid_input_is_an_error_and_counts_for_no_rule(
    commands: Commands, tmp_path: Path, rows: str
) -> None:
    strict = make_document(input={"x": {"type": "number", "required": True}})

    summary = commands.read("judge", "-w", write(tmp_path / "s.json", strict), "-i", rows)

    assert summary["by_status"] == {"decided": 3, "error": 2}
    assert sum(summary["by_rule"].values()) == 3


def test_the_first_ten_flips_are_told_and_all_are_counted(
    commands: Commands, tmp_path: Path, workflow: str
) -> None:
    other = write(
        tmp_path / "other.json",
        make_document(rules=[{"id": "LOW", "when": "x > 5", "verdict": "fail"}]),
    )
    rows = write(
        tmp_path / "many.csv",
        "x,s\n" + "".join(f"{number},m{number}\n" for number in range(30)) + "7,z\n" * 20,
    )

    flips = commands.read("judge", "-w", workflow, "-i", rows, "--against", other)["flips"]

    assert flips["count"] == 5 + 20
    assert [flip["line"] for flip in flips["first"]] == [8, 9, 10, 11, 12, *range(32, 37)]
    assert flips["first"][0] == {
        "line": 8,
        "subject": "m6",
        "before": "fail",
        "before_rule": "LOW",
        "after": "ok",
        "after_rule": None,
    }


def test_the_summary_is_told_in_words(
    commands: Commands, tmp_path: Path, workflow: str, rows: str
) -> None:
    other = write(tmp_path / "other.json", make_document(otherwise={"verdict": "fail"}))

    said = commands.run_well("judge", "-w", workflow, "-i", rows, "--against", other)

    assert "5 judged by w" in said
    assert "4 of 5 are judged otherwise than by w" in said


def test_one_event_is_explained_in_plain_words(commands: Commands) -> None:
    said = commands.run_well("judge", "-w", str(MILLING), "-i", json.dumps(COOL), "--explain")

    assert "rule HDF (fail) is true" in said
    assert "rpm < 1380 is true (rpm is 1300)" in said


def test_only_the_first_few_events_are_explained(
    commands: Commands, workflow: str, rows: str
) -> None:
    summary = commands.read("judge", "-w", workflow, "-i", rows, "--explain")

    assert [each["line"] for each in summary["explained"]] == [2, 3, 4]


@pytest.mark.parametrize("name", ["r.ndjson", "r.jsonl", "r.json"])
def test_json_rows_are_judged_with_the_types_they_have(
    commands: Commands, tmp_path: Path, workflow: str, name: str
) -> None:
    events = [{"x": 11}, {"x": "11"}, {"x": None}]
    text = json.dumps(events) if name == "r.json" else "\n".join(map(json.dumps, events)) + "\n\n"

    summary = commands.read("judge", "-w", workflow, "-i", write(tmp_path / name, text))

    assert summary["by_status"] == {"undetermined": 2, "decided": 1}


def test_a_bad_workflow_is_told_with_its_place(
    commands: Commands, tmp_path: Path, rows: str
) -> None:
    bad = write(
        tmp_path / "bad.yaml",
        "judgify: 1\nid: w\nverdicts: {ok: {}}\nrules:\n  - {id: A, when: x >, verdict: ok}\n",
    )

    ended = commands.run("judge", "-w", bad, "-i", rows)

    assert ended.code == 1
    assert f"{bad}:5:" in ended.stderr
    assert "1 error" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-w", "nowhere.yaml", "-i", "{}"), "nowhere.yaml: No such file"),
        (("-w", str(MILLING), "-i", "nowhere.csv"), "no file nowhere.csv"),
        (("-w", str(MILLING), "-i", str(MILLING)), "must end with one of .csv"),
        (("-w", "milling@active", "-i", "{}", "--data-dir", "/nonexistent"), "no stack is running"),
        (("-w", "milling@active", "-i", "{}", "--watch"), "--watch needs a workflow file"),
    ],
)
def test_misuse_ends_with_two_and_one_line(
    commands: Commands, arguments: tuple[str, ...], said: str
) -> None:
    ended = commands.run("judge", *arguments)

    assert ended.code == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_watched_file_is_judged_again_after_each_change_until_interrupted(tmp_path: Path) -> None:
    path, judged, waits = tmp_path / "w.yaml", list[str](), list[int]()
    path.write_text("one", "utf-8")

    def judge_once() -> None:
        text = path.read_text("utf-8")
        judged.append(text)
        if text == "bad":
            raise WorkflowErrors([Problem("w.yaml", "", "a problem")])
        if text == "gone":
            raise FatalError("no rows")

    def wait() -> None:
        waits.append(1)
        changes = {2: "bad", 3: "gone", 4: "fixed again"}
        if len(waits) in changes:
            path.write_text(changes[len(waits)], "utf-8")
        if len(waits) == 5:
            raise KeyboardInterrupt

    watch_file(path, judge_once, wait)

    assert judged == ["one", "bad", "gone", "fixed again"]
