"""Laws of the demo's words: a wrong count shows, and printed commands name their data."""

import pytest

from judgify.demo.milling import Example, load_example
from judgify.demo.story import (
    Runs,
    describe_failure,
    describe_llm,
    describe_next,
    describe_runs,
    describe_stored,
)
from judgify.replay.outcomes import Judged, Position
from judgify.replay.run import Run
from rules.ruling import rule_outcome
from sinks.postgres.run_counts import LlmPart

PACED = 100


@pytest.fixture(scope="module")
def example() -> Example:
    return load_example(400)


def judge_all(example: Example, *, spoil: bool = False, llm: str | None = None) -> Runs:
    """Return the runs that the workflow gives, or such with the first judgment gone wrong.

    With `llm` that is the verdict of whatever the rules leave open.
    """
    workflow = example.document.compile()
    runs = Runs(Run(seconds=2.0), Run(seconds=0.5), 50)
    for offset, reading in enumerate(example.readings):
        outcome = rule_outcome(workflow.find(reading.row), workflow.method)
        verdict = "fail" if spoil and offset == 0 else outcome.verdict
        status, method = outcome.status, "rule"
        if verdict is None and llm is not None:
            verdict, status, method = llm, "decided", "hybrid"
        place = Position(0, offset)
        tally = (runs.paced if offset < PACED else runs.burst).tally
        tally.add_sent(place, 0)
        tally.add_outcome(
            Judged(place, f"j-{offset}", status, verdict, outcome.rule, 9, b"", 0, offset, method)
        )
    return runs


def test_the_rules_give_the_known_answers(example: Example) -> None:
    runs = judge_all(example)

    text = "\n".join(describe_runs(runs, example))

    assert runs.are_as_known(example)
    assert "differs" not in text
    assert "400 judged in 2.5 s" in text
    assert "100 at 50 per second: p50 9 ms · p99 9 ms" in text
    assert "300 all at once: 600 per second" in text


def test_one_wrong_verdict_shows(example: Example) -> None:
    runs = judge_all(example, spoil=True)

    text = "\n".join(describe_runs(runs, example))

    assert not runs.are_as_known(example)
    assert text.count("differs") == 2


@pytest.mark.parametrize("verdict", ["ok", "fail"])
def test_whatever_an_llm_says_the_counts_of_the_rules_are_as_known(
    example: Example, verdict: str
) -> None:
    runs = judge_all(example, llm=verdict)

    assert runs.are_as_known(example)
    assert "differs" not in "\n".join(describe_runs(runs, example))


def test_what_a_stand_in_answered_is_told_as_such_with_what_a_model_would_cost() -> None:
    text = "\n".join(describe_llm(LlmPart(600, 3, "judgify-fake", 0.0, 600_000, 60_000)))

    assert "603 left open by the rules: 600 answered by judgify-fake, a stand-in" in text
    assert ", 3 not answered\n" in text
    assert "660,000 tokens: about 0.27 US dollars with gpt-5-mini" in text
    assert "set OPENAI_API_KEY and OPENAI_MODEL" in text


def test_what_a_model_answered_is_told_with_what_it_cost() -> None:
    text = "\n".join(describe_llm(LlmPart(600, 0, "m-1", 1.234, 600_000, 60_000)))

    assert "answered by m-1\n" in text
    assert "1.23 US dollars" in text
    assert "set OPENAI" not in text


def test_where_nobody_answered_that_is_said_and_nothing_open_is_nothing_said() -> None:
    assert "no LLM answered" in "".join(describe_llm(LlmPart(0, 5, None, 0.0, 0, 0)))
    assert list(describe_llm(LlmPart(0, 0, None, 0.0, 0, 0))) == []


def test_a_few_readings_make_no_burst(example: Example) -> None:
    few = Runs(judge_all(example).paced, Run(), 50)

    assert "all at once" not in "\n".join(describe_runs(few, example))


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
