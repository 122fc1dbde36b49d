"""The part `llm`: what the LLM lane costs, how much it carries, and what it does to the rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.llm_end_to_end import SETUPS, Setup, measure_end_to_end
from bench.llm_in_process import AT_A_TIME, measure_in_process
from bench.llm_isolation import (
    CALL_TIMEOUT_S,
    HANGS,
    OPEN_SHARE,
    SCENES,
    TOTAL_TIMEOUT_S,
    WITHOUT,
    Scene,
    measure_isolation,
)
from bench.running import Ground


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is measured in each round."""

    calls: int
    """One at a time, and as many again sixteen at a time; of each way."""
    escalations: int
    """Of each setup, end to end."""
    per_second: int
    """Requests of the open loop."""
    seconds: float
    """Of each scene."""
    setups: Sequence[Setup] = SETUPS
    scenes: Sequence[Scene] = SCENES


FULL: Final = Amounts(calls=400, escalations=2_000, per_second=1_000, seconds=10.0)
QUICK: Final = Amounts(
    calls=10,
    escalations=200,
    per_second=200,
    seconds=1.0,
    setups=SETUPS[:1],
    scenes=(WITHOUT, HANGS),
)


def measure_llm(ground: Ground, amounts: Amounts, rounds: int) -> dict[str, Any]:
    """Return the report of the part.

    Raises:
        BenchError: somebody did not do what is measured.
    """
    return {
        "what": "the LLM lane against a stand-in: one answer in process beside the bare SDK, "
        "escalations end to end, and the rule lane beside an LLM lane in trouble",
        "settings": {
            "rounds": rounds,
            "calls": amounts.calls,
            "at_a_time": AT_A_TIME,
            "escalations": amounts.escalations,
            "per_second": amounts.per_second,
            "seconds": amounts.seconds,
            "open_share": OPEN_SHARE,
            "call_timeout_s": CALL_TIMEOUT_S,
            "total_timeout_s": TOTAL_TIMEOUT_S,
        },
        "in_process": measure_in_process(ground, amounts.calls, rounds),
        "end_to_end": measure_end_to_end(ground, amounts.setups, amounts.escalations, rounds),
        "isolation": measure_isolation(
            ground, amounts.scenes, (amounts.per_second, amounts.seconds), rounds
        ),
    }
