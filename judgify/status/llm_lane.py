"""The LLM lane in words: how it stands, and what is wrong with it."""

from collections.abc import Iterator
from typing import Final

from judgify.status.problem import Problem
from judgify.status.snapshot import LlmView, Snapshot
from runtime.setting_model import STAND_IN_MODEL

ALMOST: Final = 0.95
"""Of the day's money: what is left may not be enough for one more call."""
LEFT_TO_RULES: Final = (
    "What the rules cannot decide ends undetermined or degraded; nothing waits for it."
)


def find_llm(snapshot: Snapshot) -> LlmView | None:
    """Return what llm-agent tells; None when it does not answer."""
    told = (process.status.llm for process in snapshot.processes if process.status)
    return next((view for view in told if view is not None), None)


def describe_llm(view: LlmView) -> str:
    """Return the lane in a line."""
    stand_in = " (a stand-in, no model)" if view.model == STAND_IN_MODEL else ""
    shared = "" if view.limits_shared else ", limits by share: no Redis"
    return (
        f"{view.model}{stand_in} at {view.endpoint}, circuit {view.circuit.replace('_', ' ')}, "
        f"{_describe_spend(view)}, {_describe_endings(view)}{shared}"
    )


def find_llm_problems(snapshot: Snapshot) -> Iterator[Problem]:
    """Yield why nobody answers, where nobody does."""
    view = find_llm(snapshot)
    if view is None:
        return
    if view.circuit == "open" or view.failure is not None:
        why = view.failure or "its last calls failed"
        yield Problem(
            f"the LLM at {view.endpoint} does not answer: {why}",
            LEFT_TO_RULES,
            "`judgify llm check`",
        )
    if view.usd_per_day is not None and view.spent_usd_today >= ALMOST * view.usd_per_day:
        spent, limit = f"{view.spent_usd_today:,.2f}", f"{view.usd_per_day:,.2f}"
        yield Problem(
            f"the LLM has cost {spent} of {limit} US dollars that it may cost today",
            LEFT_TO_RULES,
            "raise JUDGIFY_LLM_USD_PER_DAY, or wait until midnight UTC",
        )


def _describe_spend(view: LlmView) -> str:
    limit = "" if view.usd_per_day is None else f" of {view.usd_per_day:,.2f}"
    return f"{view.spent_usd_today:,.4f}{limit} US dollars today"


def _describe_endings(view: LlmView) -> str:
    asked = sum(view.endings.values())
    if not asked:
        return "nothing asked yet"
    cached = view.endings.get("cached", 0)
    others = {
        name: count for name, count in view.endings.items() if name not in {"answered", "cached"}
    }
    told = "".join(
        f", {count:,} {name.replace('_', ' ')}" for name, count in sorted(others.items())
    )
    answered = f"{view.endings.get('answered', 0):,} answered"
    return f"{asked:,} asked: {answered}, {cached:,} from the cache ({cached / asked:.0%}){told}"
