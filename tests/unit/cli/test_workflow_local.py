"""`judgify workflow check | test | schema | new` work on files alone."""

import csv
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from judgify.cli.columns import name_columns, survey
from judgify.cli.draft import draft_from_csv, draft_template
from rules.language.names import name_problem
from rules.workflow.reader import read_workflow
from rules.workflow.trials import run_tests, unfired_rules
from rules.workflow.yaml_reader import read_tree
from schemas.errors import FatalError, MessageError
from tests.support.commands import Commands
from tests.support.workflows import MILLING, make_document

CSV = "Air temperature [K],Type,Rotational speed (rpm),on,온도,note\n300.5,L,1500,true,20,a\n298,M,1400,false,21,b\n299,L,1450,true,,c\n300,L,1450,true,22,d\n299,M,1450,true,23,e\n299,M,1450,true,24,f\n"


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(monkeypatch, capsys)


def write_document(path: Path, **parts: object) -> str:
    path.write_text(json.dumps(make_document(**parts), indent=1), "utf-8")
    return str(path)


def test_a_sound_workflow_is_described(commands: Commands) -> None:
    said = commands.run_well("workflow", "check", str(MILLING))

    assert "ok, milling 1041e4c96a91: 7 fields, 4 rules, 6 tests" in said
    assert "no test fires" not in said


def test_rules_that_no_test_fires_are_named(commands: Commands, tmp_path: Path) -> None:
    file = write_document(tmp_path / "w.json")

    assert "no test fires HIGH" in commands.run_well("workflow", "check", file)
    assert commands.read("workflow", "check", file)["unfired_rules"] == ["HIGH"]


def test_warnings_are_told_and_stop_nothing(commands: Commands, tmp_path: Path) -> None:
    file = write_document(tmp_path / "w.json", derive={"d": "x + 1"})

    ended = commands.run("workflow", "check", file)

    assert ended.code == 0
    assert "warning: nothing uses `d`" in ended.stderr
    assert [each["path"] for each in commands.read("workflow", "check", file)["warnings"]] == [
        "derive.d"
    ]


def test_every_problem_is_told_with_line_caret_and_fix(commands: Commands, tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(
        "judgify: 1\nid: w\nverdicts: {ok: {}}\nrules:\n  - id: A\n    wen: x > 1\n    verdict: no\n",
        "utf-8",
    )

    ended = commands.run("workflow", "check", str(path))

    assert ended.code == 1
    assert (
        f"{path}:6:5: error: unknown key `wen`\n        wen: x > 1\n        ^^^\n    fix: did you mean `when`?"
        in ended.stderr
    )
    assert ended.stderr.rstrip().endswith("2 errors")


def test_problems_are_told_as_json_too(commands: Commands, tmp_path: Path) -> None:
    file = write_document(tmp_path / "w.json", titel="x")

    ended = commands.run("workflow", "check", file, "--json")

    told = json.loads(ended.stdout)
    assert (ended.code, told["ok"], told["version"]) == (1, False, None)
    assert [(each["path"], each["line"] > 0) for each in told["problems"]] == [("titel", True)]


def failing(tmp_path: Path) -> str:
    tests = [
        {"name": "right", "input": {"x": 11}, "expect": {"rule": "HIGH"}},
        {"name": "wrong", "input": {"x": 11}, "expect": {"verdict": "ok"}},
    ]
    return write_document(tmp_path / "w.json", tests=tests)


@pytest.mark.parametrize("command", ["check", "test"])
def test_a_test_that_fails_is_a_problem_at_what_it_expects(
    commands: Commands, tmp_path: Path, command: str
) -> None:
    file = failing(tmp_path)

    ended = commands.run("workflow", command, file)

    assert ended.code == 1
    assert "error: the test 'wrong' fails: verdict is fail, expected ok" in ended.stderr
    assert '"verdict": "ok"' in ended.stderr


def test_each_test_is_told(commands: Commands, tmp_path: Path) -> None:
    ended = commands.run("workflow", "test", failing(tmp_path))

    assert ended.stdout.splitlines() == ["ok   right", "FAIL wrong", "1 of 2 tests pass"]


def test_tests_are_told_as_json(commands: Commands, tmp_path: Path) -> None:
    ended = commands.run("workflow", "test", failing(tmp_path), "--json")

    told = json.loads(ended.stdout)
    assert ended.code == 1
    assert [(test["name"], test["passed"]) for test in told["tests"]] == [
        ("right", True),
        ("wrong", False),
    ]
    assert told["tests"][1]["differences"] == [
        {"key": "verdict", "expected": "ok", "actual": "fail"}
    ]
    assert told["tests"][1]["outcome"]["rule"] == "HIGH"


def test_a_file_that_is_no_text_or_not_there_is_misuse(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_bytes(b"judgify: 1\nid: \xff\n")

    for file, said in (("w.yaml", "w.yaml:2: not UTF-8"), ("gone.yaml", "No such file")):
        ended = commands.run("workflow", "check", str(tmp_path / file))
        assert ended.code == 2
        assert said in ended.stderr


def test_the_schema_is_printed(commands: Commands) -> None:
    schema = json.loads(commands.run_well("workflow", "schema"))

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == "Judgify workflow"


def test_a_draft_has_the_types_and_ranges_seen_and_passes_check(
    commands: Commands, tmp_path: Path
) -> None:
    source, target = tmp_path / "Machine readings.csv", tmp_path / "w.yaml"
    source.write_text(CSV, "utf-8")

    commands.run_well("workflow", "new", "--from", str(source), "--output", str(target))

    assert "0 problems" not in commands.run_well("workflow", "check", str(target))
    document = read_workflow(target.read_text("utf-8"))
    assert document.id == "machine-readings"
    assert document.data["input"] == {
        "air_temperature": {
            "type": "number",
            "from": "Air temperature [K]",
            "unit": "K",
            "range": [298, 300.5],
        },
        "type": {"type": "string", "from": "Type", "one_of": ["L", "M"]},
        "rotational_speed": {
            "type": "number",
            "from": "Rotational speed (rpm)",
            "unit": "rpm",
            "range": [1400, 1500],
        },
        "on": {"type": "boolean"},
        "온도": {"type": "number", "range": [20, 24]},
        "note": {"type": "string"},
    }
    assert unfired_rules(document.compile()) == []


def test_a_draft_never_overwrites(commands: Commands, tmp_path: Path) -> None:
    target = tmp_path / "w.yaml"
    target.write_text("mine", "utf-8")

    ended = commands.run("workflow", "new", "--output", str(target))

    assert (ended.code, target.read_text("utf-8")) == (2, "mine")


def test_the_template_passes_its_own_test(commands: Commands) -> None:
    document = read_workflow(commands.run_well("workflow", "new", "--id", "mine"))

    assert document.id == "mine"
    assert [result.passed for result in run_tests(document.compile())] == [True]
    assert read_workflow(draft_template(None)).id == "example"


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "empty"), ("a,b\n", "no row behind the header"), ("a,b\n,\n", "every cell is empty")],
)
def test_a_draft_of_nothing_says_so(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "r.csv"
    path.write_text(content, "utf-8")

    with pytest.raises((FatalError, MessageError), match=said):
        draft_from_csv(path, None)


def test_a_draft_shows_what_would_drive_a_terminal_and_means_the_same(tmp_path: Path) -> None:
    hostile = "\x9b31m\x7f\u202eC\u200b\U000e0041 \x1b[2J"
    path = tmp_path / "hostile.csv"
    path.write_text(f"{hostile} [{hostile}],mode\n" + f"{hostile},a\n{hostile},b\n" * 4)

    text = draft_from_csv(path, None)

    assert not set(text) & set(hostile) - set("31mC 2J[")
    document = read_tree(text, "<text>").data
    assert f"{hostile} [{hostile}]" in [part.get("from") for part in document["input"].values()]
    assert next(iter(document["tests"][0]["input"].values())) == hostile


def test_a_bad_name_for_a_draft_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MessageError, match="cannot be an id"):
        draft_template("My Workflow")
    with pytest.raises(FatalError, match="No such file"):
        draft_from_csv(tmp_path / "gone.csv", None)


def test_columns_beyond_what_a_workflow_may_have_are_left_out_and_that_is_said(
    tmp_path: Path,
) -> None:
    path = tmp_path / "r.csv"
    path.write_text(
        ",".join(f"c{n}" for n in range(300)) + "\n" + ",".join("1" * 300) + "\n", "utf-8"
    )

    text = draft_from_csv(path, None)

    assert "# 44 columns were left out." in text
    assert len(read_workflow(text).parts.input) == 256


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=8, unique=True))
def test_every_column_gets_a_name_of_its_own_that_expressions_can_use(headers: list[str]) -> None:
    columns, _ = survey([dict.fromkeys(headers, "1")])

    names = [each.name for each in name_columns(columns)]

    assert len(set(names)) == len(headers)
    assert [name for name in names if name_problem(name)] == []


_CELLS = st.sampled_from(["", "1", "2.5", "-7", "true", "x", "null", "- a", "#5", "a: b", "it's", '"', "{", "é", "1e9", " "]) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), max_size=6
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    headers=st.lists(_CELLS.filter(str.strip), min_size=1, max_size=4, unique=True), data=st.data()
)
def test_whatever_a_file_holds_its_draft_is_sound(
    tmp_path: Path, headers: list[str], data: st.DataObject
) -> None:
    rows = data.draw(
        st.lists(
            st.lists(_CELLS, min_size=len(headers), max_size=len(headers)), min_size=1, max_size=8
        )
    )
    path = tmp_path / "r.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([headers, *rows])

    try:
        text = draft_from_csv(path, None)
    except (FatalError, MessageError):
        return
    document = read_workflow(text)

    assert [result.differences for result in run_tests(document.compile())] == [()]
