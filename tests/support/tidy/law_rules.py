"""Rules about tests: each one can fail."""

import ast
from collections.abc import Iterator
from typing import Final

from tests.support.tidy.source import FunctionNode, Source

FAILING_CALLS: Final = frozenset({"raises", "fail", "warns", "wait_until", "wait_until_async"})
FAILING_PREFIXES: Final = ("assert_", "expect_", "check_", "require_")
"""Functions of `tests/support` that assert for the test begin with one of these."""


def check_tests_can_fail(source: Source) -> Iterator[str]:
    """Yield the tests in `source` that assert nothing, by themselves or by what they call."""
    if not source.is_test:
        return
    asserting = _functions_that_assert(source)
    for node in source.functions():
        if node.name.startswith("test_") and not _can_fail(node, asserting):
            yield f"{source.path}:{node.lineno}: {node.name} asserts nothing"


def _functions_that_assert(source: Source) -> set[str]:
    """Return the names of this module's functions that assert, directly or through each other."""
    functions = list(source.functions())
    found: set[str] = set()
    while True:
        more = {node.name for node in functions if _can_fail(node, found)}
        if more == found:
            return found
        found = more


def _can_fail(function: FunctionNode, asserting: set[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = _name(node)
            if name in FAILING_CALLS or name in asserting or name.startswith(FAILING_PREFIXES):
                return True
    return False


def _name(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""
