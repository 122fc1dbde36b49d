"""The one repair: the same question again, with what was wrong with the reply.

The reply itself is not sent back. It may hold what an event has put into it, and none of that is to
be read as a turn of the conversation.
"""

from collections.abc import Iterator
from typing import Final

from agents.llm.answer import InvalidAnswer, Invalidity
from agents.llm.prompt import Prompt, make_prompt, seal
from agents.llm.question import Question, Unanswerable

_SAID: Final[dict[Invalidity, str]] = {
    "too_large": "it was too long",
    "unreadable": "it was not one JSON object and nothing around it",
    "shape": "it did not consist of exactly the keys verdict, confidence and reasons",
    "verdict": "its verdict was not spelled as one of those that you may choose",
    "confidence": "its confidence was not a number from 0 to 1",
    "reasons": "its reasons were not a list of at most 5 short plain texts without links or markup",
}
"""What can be said better; a leak or an answer that is not sure enough cannot."""


def repair_prompt(prompt: Prompt, problem: InvalidAnswer) -> Prompt | None:
    """Return what to ask instead, once; None where asking again is of no use."""
    said = _SAID.get(problem.kind)
    return None if said is None else _with_problem(prompt, said)


def rebuild_prompt(question: Question, sha256: str) -> Prompt | None:
    """Return the prompt of this question, or its repair, that has the hash; None: neither has.

    Then it was made by another version of the prompt, or of another question.
    """
    prompt = make_prompt(question)
    if isinstance(prompt, Unanswerable):
        return None
    return next((each for each in _all_prompts(prompt) if each.sha256 == sha256), None)


def _all_prompts(prompt: Prompt) -> Iterator[Prompt]:
    yield prompt
    for said in _SAID.values():
        yield _with_problem(prompt, said)


def _with_problem(prompt: Prompt, said: str) -> Prompt:
    user = f"{prompt.user}\n\nAn earlier reply to this was refused: {said}. Answer anew."
    return seal(prompt.system, user, prompt.delimiter, prompt.canary)
