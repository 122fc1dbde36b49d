"""Rules as people write them by hand in Python: the measure of the rules in process.

The conditions are ours, in words that Python shares, so the text of the function is put together
here; what it says is what one would type. Each value is fetched once, right before the first rule
that needs it, and the first true rule returns its name.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

Function = Callable[[dict[str, Any]], str | None]


class ByHand(NamedTuple):
    """Both functions return the name of the rule, `R0` and so on; None when none is true."""

    trusting: Function
    """For events that are always complete: raises KeyError for others."""
    tolerant: Function
    """A rule of which a value is missing or null does not hold, whatever the rest of it says."""


def compile_by_hand(conditions: Sequence[str], fields: Sequence[Sequence[str]]) -> ByHand:
    """Return the functions; `fields` are those of each condition."""
    return ByHand(
        _compile(_write(conditions, fields, fetch="{0} = event['{0}']", guards=False)),
        _compile(_write(conditions, fields, fetch="{0} = get('{0}')", guards=True)),
    )


def _write(
    conditions: Sequence[str], fields: Sequence[Sequence[str]], *, fetch: str, guards: bool
) -> str:
    lines = ["def judge(event):", *(["    get = event.get"] if guards else [])]
    fetched: set[str] = set()
    for index, (condition, names) in enumerate(zip(conditions, fields, strict=True)):
        lines += [f"    {fetch.format(name)}" for name in names if name not in fetched]
        fetched.update(names)
        known = [f"{name} is not None" for name in names] if guards else []
        lines += [
            f"    if {' and '.join([*known, f'({condition})'])}:",
            f"        return 'R{index}'",
        ]
    return "\n".join([*lines, "    return None"])


def _compile(text: str) -> Function:
    namespace: dict[str, Any] = {}
    # The text is put together above, from rules that the benchmark itself draws.
    exec(compile(text, "<by hand>", "exec"), namespace)  # noqa: S102 -- see the line above
    return cast(Function, namespace["judge"])
