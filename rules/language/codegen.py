"""Compiles a program into one Python function.

The function has two bodies. Complete input runs through plain Python operators and returns
findings that were made beforehand; the first field that cannot be used, and every error, leads to
the guarded body, which starts again and is right for every input. Only our own typed tree is
turned into Python; names and strings of authors enter as values of a namespace.
"""

from collections.abc import Callable
from typing import Any, cast

from rules.findings import Findings
from rules.language.conclude import conclude, refuse
from rules.language.emit.body import guarded_body, plain_body
from rules.language.emit.lock import compile_locked
from rules.language.emit.namespace import Namespace
from rules.language.input_value import why_invalid
from rules.language.limits import FINDINGS_CACHED_MAX
from rules.program import Program

Find = Callable[[dict[str, Any]], Findings]


def generate(program: Program) -> Find:
    """Return a total function from `input_data` to what the rules find in it.

    It is safe to call from any thread. What it returns for complete input is one of a few objects
    made here, so findings can be compared by identity to reuse what was encoded of them.
    """
    namespace = Namespace()
    results = [namespace.object(each) for each in _complete_findings(program)]
    namespace.values["found"] = _finder(program)
    namespace.values["invalid"] = _refuser(program)
    lines = [*plain_body(program, namespace, results), *guarded_body(program, namespace)]
    names = frozenset(namespace.values) | frozenset(namespace.values["__builtins__"])
    code = compile_locked("\n".join(lines), names - {"__builtins__"})
    # Generated from our own tree and admitted by the lock; __builtins__ holds three exceptions.
    exec(code, namespace.values)  # noqa: S102 -- see the line above
    return cast(Find, namespace.values["find"])


def _complete_findings(program: Program) -> list[Findings]:
    deciders = [*range(len(program.rules)), None]
    return [conclude(program, decider, (), ()) for decider in deciders]


def _finder(program: Program) -> Callable[[int, int, int], Findings]:
    names = tuple(field.name for field in program.fields)
    count = len(program.rules)
    cache: dict[tuple[int, int, int], Findings] = {}

    def found(decider: int, unknown_rules: int, unusable: int) -> Findings:
        """Return the findings; both sets are bits by position, `decider` is `count` for none."""
        key = (decider, unknown_rules, unusable)
        findings = cache.get(key)
        if findings is None:
            rules = [index for index in range(count) if unknown_rules >> index & 1]
            fields = tuple(name for index, name in enumerate(names) if unusable >> index & 1)
            findings = conclude(program, None if decider == count else decider, rules, fields)
            if len(cache) < FINDINGS_CACHED_MAX:
                cache[key] = findings
        return findings

    return found


def _refuser(program: Program) -> Callable[[dict[str, Any]], Findings]:
    def invalid(input_data: dict[str, Any]) -> Findings:
        return refuse(why_invalid(program.fields, input_data) or "")

    return invalid
