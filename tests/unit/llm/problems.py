"""Every kind of reply that is no answer."""

from typing import get_args

from agents.llm.answer import InvalidAnswer, Invalidity


def every_problem() -> list[InvalidAnswer]:
    return [InvalidAnswer(kind, "for a test") for kind in get_args(Invalidity)]
