"""Laws of the demo's words: a wrong count shows, and printed commands name their data."""

import pytest

from judgify.demo.milling import Example, load_example
from judgify.demo.story import (
    describe_failure,
    describe_next,
    describe_run,
    describe_stored,
    is_as_known,
)
from judgify.replay.outcomes import Judged, Position
from judgify.replay.run import Run
from rules.ruling import rule_outcome


@pytest.fixture(scope="module")
def example() -> Example:
    return load_example(400)


def judge_all(example: Example, *, spoil: bool = False) -> Run:
    """Return the run that the workflow gives, or one with its first judgment gone wrong."""
    workflow = example.document.compile()
    run = Run(seconds=2.0, sending_s=1.0)
    for offset, reading in enumerate(example.readings):
        outcome = rule_outcome(workflow.find(reading.row), workflow.method)
        verdict = "fail" if spoil and offset == 0 else outcome.verdict
        place = Position(0, offset)
        run.tally.add_sent(place, 0)
        run.tally.add_outcome(
            Judged(place, f"j-{offset}", outcome.status, verdict, outcome.rule, 9, b"", 0, offset)
        )
    return run


def test_the_rules_give_the_known_answers(example: Example) -> None:
    run = judge_all(example)

    text = "\n".join(describe_run(run, example))

    assert is_as_known(run, example)
    assert "differs" not in text
    assert "400 judged in 2.0 s, 200 per second" in text
    assert "p50 9 ms · p99 9 ms" in text


def test_one_wrong_verdict_shows(example: Example) -> None:
    run = judge_all(example, spoil=True)

    text = "\n".join(describe_run(run, example))

    assert not is_as_known(run, example)
    assert text.count("differs") == 2


def test_a_failure_is_explained_with_its_values(example: Example) -> None:
    failure = example.find_failure()
    assert failure is not None

    text = "\n".join(describe_failure(failure[1], example.document.compile()))

    assert failure[1]["Product ID"] in text
    assert "rule HDF: heat dissipation" in text
    assert f"rpm is {failure[1]['Rotational speed [rpm]']}" in text


def test_a_handful_of_readings_may_hold_no_failure() -> None:
    assert load_example(1).find_failure() is None


def test_what_sql_counts_is_summed() -> None:
    assert describe_stored({"ok": 90, "fail": 10}) == (
        "100 stored in PostgreSQL; SQL counts ok 90 · fail 10"
    )


def test_printed_commands_name_a_data_directory_that_is_not_the_default(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    data_dir = tmp_path_factory.mktemp("data")

    [line] = describe_next([("replay", "a file.csv")], data_dir)

    assert line.endswith(f"replay 'a file.csv' --data-dir {data_dir}")
