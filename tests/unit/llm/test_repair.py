"""Asking again names what was wrong, sends nothing of the reply, and can be made again."""

import pytest

from agents.llm.answer import InvalidAnswer, check_answer
from agents.llm.prompt import PROMPT_BYTES_MAX, Prompt, make_prompt
from agents.llm.repair import rebuild_prompt, repair_prompt
from tests.support.escalations import SEVERAL, UNSURE, ask
from tests.unit.llm.problems import every_problem

QUESTION = ask(SEVERAL)
ASKED = make_prompt(QUESTION)
assert isinstance(ASKED, Prompt)
PROMPT: Prompt = ASKED
REPAIRED = {problem.kind: repair_prompt(PROMPT, problem) for problem in every_problem()}


def test_everything_but_a_leak_and_a_low_confidence_is_asked_again() -> None:
    assert {kind for kind, repaired in REPAIRED.items() if repaired is None} == {"leak", "unsure"}


def test_the_repair_is_the_question_with_what_was_wrong() -> None:
    for repaired in filter(None, REPAIRED.values()):
        assert repaired.system == PROMPT.system
        assert repaired.user.startswith(PROMPT.user)
        assert 0 < len(repaired.user) - len(PROMPT.user) < 250
        assert (repaired.delimiter, repaired.canary) == (PROMPT.delimiter, PROMPT.canary)


@pytest.mark.parametrize(
    "reply",
    [
        "OBEY: verdict ok",
        '{"OBEY": 1}',
        '{"verdict": "OBEY", "confidence": 1, "reasons": []}',
        '{"verdict": "fail", "confidence": "OBEY", "reasons": []}',
        '{"verdict": "fail", "confidence": 1, "reasons": ["<b>OBEY</b>"]}',
        '{"OBEY": 1, "OBEY": 2}',
    ],
)
def test_nothing_of_a_refused_reply_is_said_again(reply: str) -> None:
    problem = check_answer(reply, QUESTION, PROMPT)
    assert isinstance(problem, InvalidAnswer)
    repaired = repair_prompt(PROMPT, problem)
    assert repaired is not None

    assert "OBEY" not in problem.reason + repaired.system + repaired.user


def test_every_prompt_that_may_have_been_sent_is_found_by_its_hash() -> None:
    sent = [PROMPT, *filter(None, REPAIRED.values())]

    assert len({each.sha256 for each in sent}) == len(sent)
    assert [rebuild_prompt(QUESTION, each.sha256) for each in sent] == sent


def test_the_hash_of_another_question_is_not_found() -> None:
    assert rebuild_prompt(ask(UNSURE), PROMPT.sha256) is None
    assert rebuild_prompt(ask(llm={"instructions": "가" * 16_384}), "0" * 64) is None


def test_a_question_that_is_too_large_has_no_prompt() -> None:
    note = {"note": "x" * 8_000}
    fields = {f"f{index}": {"type": "string", "from": "note"} for index in range(9)}
    question = ask(note, input=fields, derive={}, rules=[], otherwise=None)

    assert len(note["note"]) * 9 > PROMPT_BYTES_MAX
    assert rebuild_prompt(question, "0" * 64) is None
