"""What becomes of a request: drawn by seed and number, so that a run can be repeated."""

import hashlib

from judgify.fake_llm.script import Fault, Script


def find_fault(script: Script, number: int) -> Fault | None:
    """Return the fault that the request `number` (from 1) meets; None for a good answer."""
    return next(
        (
            fault
            for position, fault in enumerate(script.faults)
            if _meets(fault, number) and draw(script.seed, number, position) < fault.share
        ),
        None,
    )


def latency_s(script: Script, number: int) -> float:
    """Return how late the answer to the request `number` is, in seconds."""
    latency = script.latency
    drawn = draw(script.seed, number, -1) if latency.jitter_ms else 0.0
    return (latency.fixed_ms + latency.jitter_ms * drawn) / 1000


def draw(*parts: object) -> float:
    """Return a number from 0 to below 1 that depends on `parts` alone."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _meets(fault: Fault, number: int) -> bool:
    if fault.on is not None:
        return number in fault.on
    return fault.until is None or number <= fault.until
