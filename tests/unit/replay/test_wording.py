"""Laws of a judgment in words: the verdict or why there is none, the reason, what was unknown."""

from judgify.replay.following import Wanted, parse_judgment
from judgify.replay.wording import describe_judgment, describe_why
from tests.support.builders import make_judgment


def test_a_verdict_comes_with_rule_reason_and_confidence() -> None:
    lines = list(describe_judgment(make_judgment(reason="heat").model_dump()))

    assert lines[0] == "fail: HDF: heat, confidence 0.99"
    assert "milling 000000000000" in lines[1]


def test_what_was_unknown_and_possible_is_named() -> None:
    judgment = make_judgment(
        status="undetermined",
        verdict=None,
        confidence=None,
        rule=None,
        reason="",
        unknown=["rpm"],
        possible=["ok", "fail"],
    )

    text = "\n".join(describe_judgment(judgment.model_dump()))

    assert text.startswith("undetermined: no rule held")
    assert "unknown: rpm" in text
    assert "possible: ok, fail" in text


def test_an_error_says_its_code_and_what_to_do() -> None:
    judgment = make_judgment(
        status="error",
        verdict=None,
        confidence=None,
        rule=None,
        workflow_version=None,
        error={"code": "workflow_not_found", "message": "no workflow x; publish it"},
    ).model_dump()

    assert describe_why(judgment) == "workflow_not_found: no workflow x; publish it"
    assert "judged by milling in" in "\n".join(describe_judgment(judgment))


def test_only_what_is_wanted_matches() -> None:
    judgment = make_judgment(verdict="fail").model_dump()

    assert Wanted().matches(judgment)
    assert Wanted("milling", "fail", "decided").matches(judgment)
    assert not Wanted(verdict="ok").matches(judgment)
    assert not Wanted(status="error").matches(judgment)
    assert not Wanted(workflow_id="other").matches(judgment)


def test_a_strangers_record_on_the_results_topic_is_passed_over() -> None:
    assert parse_judgment(None) is None
    assert parse_judgment(b"not json") is None
    assert parse_judgment(b'{"judgment_id": "j"}') is None
    assert parse_judgment(make_judgment().model_dump_json().encode()) is not None
