"""A judgment or a burial in a line or two, for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from judgify.replay.outcomes import Buried


def describe_verdict(judgment: Mapping[str, Any]) -> str:
    """Return what came out: the verdict where there is one, else the status."""
    return str(judgment.get("verdict") or judgment.get("status"))


def describe_judgment(judgment: Mapping[str, Any]) -> Iterator[str]:
    """Yield a judgment line by line."""
    confidence = judgment.get("confidence")
    sure = "" if confidence is None else f", confidence {confidence:g}"
    yield f"{describe_verdict(judgment)}: {describe_why(judgment)}{sure}"
    version = judgment.get("workflow_version")
    by = f"{judgment['workflow_id']} {version[:12]}" if version else judgment["workflow_id"]
    yield f"  judged by {by} in {judgment.get('execution_time_ms', 0):g} ms"
    if judgment.get("unknown"):
        yield f"  unknown: {', '.join(judgment['unknown'])}"
    if judgment.get("possible"):
        yield f"  possible: {', '.join(judgment['possible'])}"


def describe_why(judgment: Mapping[str, Any]) -> str:
    """Return why it came out so: the error, else the rule and its reason."""
    error = judgment.get("error")
    if error:
        return f"{error['code']}: {error['message']}"
    rule = judgment.get("rule")
    reason = judgment.get("reason") or "no rule held"
    return f"{rule}: {reason}" if rule else str(reason)


def describe_burial(buried: Buried) -> Iterator[str]:
    """Yield a dead letter line by line."""
    yield f"buried by {buried.agent}: {buried.code}"
    yield f"  {buried.reason}"
