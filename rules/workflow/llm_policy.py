"""What a workflow lets an LLM do, its defaults filled in, and what is probably not meant there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rules.workflow.document import Document, LlmPart
from rules.workflow.problems import Fault
from schemas.request import Method

TOKENS_OF_A_CALL: Final = 2_000
"""About what one call reserves: the tokens of its answer, and of a prompt of ordinary length."""


@dataclass(frozen=True, slots=True)
class LlmPolicy:
    """The `llm` part of a workflow; the limits are None where it sets none.

    Attributes:
        may_decide: The verdicts that an LLM may choose among, each once, in declared order.
        instructions: What it should know about the events; may be empty.
        min_confidence: An answer less sure than this counts as none; one as sure stands.
        requests_per_minute: Calls for this workflow, of all copies together.
        tokens_per_minute: Tokens of prompts and answers, of all copies together.
        usd_per_day: US dollars per day of UTC, of all copies together.
    """

    may_decide: tuple[str, ...]
    instructions: str
    min_confidence: float
    requests_per_minute: int | None
    tokens_per_minute: int | None
    usd_per_day: float | None


def own_method(document: Document) -> Method:
    """Return who decides when a request asks for nothing else."""
    return document.method or ("hybrid" if document.llm else "rule")


def allowed_methods(document: Document) -> tuple[Method, ...]:
    """Return what a request may ask for."""
    return tuple(document.methods or dict.fromkeys((own_method(document), "rule")))


def llm_policy(document: Document) -> LlmPolicy:
    """Return what holds for this workflow, whether or not it has an `llm` part."""
    part = document.llm or LlmPart()
    chosen = document.verdicts if part.may_decide is None else part.may_decide
    least = document.min_confidence if part.min_confidence is None else part.min_confidence
    return LlmPolicy(
        may_decide=tuple(verdict for verdict in document.verdicts if verdict in chosen),
        instructions=part.instructions,
        min_confidence=least,
        requests_per_minute=part.requests_per_minute,
        tokens_per_minute=part.tokens_per_minute,
        usd_per_day=part.usd_per_day,
    )


def llm_warnings(document: Document) -> Iterator[Fault]:
    """Yield what is allowed and probably not meant."""
    asked = [method for method in allowed_methods(document) if method != "rule"]
    part = document.llm
    if part is None:
        if asked:
            loc = ("methods",) if document.method is None else ("method",)
            message = f"method {asked[0]} without an llm part: an LLM may choose any verdict"
            yield Fault(loc, message, "say which: `llm: {may_decide: [...]}`", at_key=True)
        return
    if not asked:
        hint = "choose method hybrid, or remove the llm part"
        yield Fault(("llm",), "the llm part has no effect", hint, at_key=True)
    for index, verdict in enumerate(part.may_decide or ()):
        if verdict in (part.may_decide or ())[:index]:
            yield Fault(("llm", "may_decide", index), f"`{verdict}` is here twice", "remove one")
    if part.tokens_per_minute is not None and part.tokens_per_minute < TOKENS_OF_A_CALL:
        message = f"one call reserves about {TOKENS_OF_A_CALL:,} tokens: hardly any would be made"
        yield Fault(("llm", "tokens_per_minute"), message, "allow more, or leave it out")
