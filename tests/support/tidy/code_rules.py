"""The style guide's rules about Python code. Each takes a file and returns what breaks the rule.

They complement ruff: what ruff checks is not repeated here.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from tests.support.tidy.source import Source

MODULE_LINES_MAX: Final = 300
TEST_LINES_MAX: Final = 400
FUNCTION_LINES_MAX: Final = 50
BANNED_STEMS: Final = frozenset(
    {"util", "utils", "helper", "helpers", "common", "base", "manager", "managers", "misc"}
)
BANNED_NAMES: Final = frozenset({"process", "handle", "do", "manage", "perform"})
BANNED_VERBS: Final = BANNED_NAMES - {"process"}
"""As a first word; `process` may be one, a process is a thing here."""
SEAM: Final = "stream/"
"""The one package that may catch everything: it decides what becomes of a record."""
METRICS_MODULE: Final = "runtime/metrics.py"
METRIC_KINDS: Final = frozenset({"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"})
LOG_METHODS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
LOGGER_NAMES: Final = frozenset({"log", "_log", "LOG", "_LOG", "logger", "_logger"})


def check_module_size(source: Source) -> Iterator[str]:
    limit = TEST_LINES_MAX if source.is_test else MODULE_LINES_MAX
    if len(source.lines) > limit:
        yield f"{source.path}: {len(source.lines)} lines, at most {limit}: split it by idea"


def check_function_size(source: Source) -> Iterator[str]:
    for node in source.functions():
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES_MAX:
            where = f"{source.path}:{node.lineno}"
            yield f"{where}: {node.name} has {length} lines, at most {FUNCTION_LINES_MAX}"


def check_file_name(source: Source) -> Iterator[str]:
    path = PurePosixPath(source.path)
    for part in (*path.parent.parts, path.stem):
        if part.strip("_") in BANNED_STEMS:
            yield f"{source.path}: `{part}` says nothing; name the one idea it holds"


def check_function_names(source: Source) -> Iterator[str]:
    for node in source.functions():
        if any(isinstance(it, ast.Name) and it.id == "override" for it in node.decorator_list):
            continue  # named by the library whose method it is
        name = node.name.strip("_")
        if name in BANNED_NAMES or name.split("_")[0] in BANNED_VERBS:
            yield f"{source.path}:{node.lineno}: `{node.name}` says nothing; use a verb that does"


def check_module_docstring(source: Source) -> Iterator[str]:
    # Modules without a statement hold nothing to own; tests document themselves by name.
    if source.tree.body and not source.is_test and not ast.get_docstring(source.tree):
        yield f"{source.path}: no docstring; its first line says what the module owns"


def check_broad_except(source: Source) -> Iterator[str]:
    if source.path.startswith(SEAM):
        return
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _raises_again(node):
            yield f"{source.path}:{node.lineno}: broad except; only {SEAM} may, name the errors"
        if isinstance(node, ast.Call) and _called_name(node) == "suppress":
            for argument in filter(_is_broad, node.args):
                yield f"{source.path}:{argument.lineno}: broad suppress; name the errors"


def check_metrics_in_one_list(source: Source) -> Iterator[str]:
    if source.path == METRICS_MODULE or source.is_test:
        return
    kinds = {
        alias.asname or alias.name
        for node in source.nodes
        if isinstance(node, ast.ImportFrom) and node.module == "prometheus_client"
        for alias in node.names
        if alias.name in METRIC_KINDS
    }
    for node in source.nodes:
        if isinstance(node, ast.Call) and _called_name(node) in kinds:
            where = f"{source.path}:{node.lineno}"
            yield f"{where}: {_called_name(node)}: metrics are declared in {METRICS_MODULE} alone"


def check_log_events(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, ast.Call) and _is_log_call(node) and node.args:
            event = node.args[0]
            named = isinstance(event, ast.Constant) and re.fullmatch(
                r"[a-z0-9]+(_[a-z0-9]+)+", str(event.value)
            )
            if not named:
                where = f"{source.path}:{node.lineno}"
                yield f"{where}: a log event is a literal `noun_verbed`; details are fields"


def check_exemptions(source: Source) -> Iterator[str]:
    for line, comment in source.comments:
        for rule, pattern in _EXEMPTIONS:
            if re.search(rule, comment) and not re.search(pattern, comment):
                yield f"{source.path}:{line}: `{comment}` must name its code and, after `--`, why"


def check_todos(source: Source) -> Iterator[str]:
    for line, comment in source.comments:
        if re.search(r"\b(TODO(?!\(#\d+\))|FIXME|XXX|HACK)\b", comment):
            yield f"{source.path}:{line}: only TODO(#number) is traceable"


_WHY = r"\s*(#|--|#\s*--)\s*\S.{2,}"
_EXEMPTIONS: Final = (
    (r"#\s*noqa", r"#\s*noqa:\s*[A-Z]+\d+(\s*,\s*[A-Z]+\d+)*" + _WHY),
    (r"#\s*type:\s*ignore", r"#\s*type:\s*ignore\[[a-z-]+(,\s*[a-z-]+)*\]" + _WHY),
    (r"#\s*nosec", r"#\s*nosec\s+B\d+(\s*,\s*B\d+)*" + _WHY),
    (r"#\s*pragma:\s*no (cover|branch)", r"#\s*pragma:\s*no (cover|branch)" + _WHY),
)
"""What starts an exemption, and what a justified one looks like."""


def _is_broad(kind: ast.expr | None) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(_is_broad(element) for element in kind.elts)
    if isinstance(kind, ast.Attribute):
        return kind.attr in {"Exception", "BaseException"}
    return kind is None or (
        isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"}
    )


def _raises_again(handler: ast.ExceptHandler) -> bool:
    """Return whether `handler` ends by raising what it caught: it cleans up and swallows nothing."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _called_name(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _is_log_call(node: ast.Call) -> bool:
    return (
        isinstance(node.func, ast.Attribute)
        and node.func.attr in LOG_METHODS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in LOGGER_NAMES
    )


CODE_RULES: Final = (
    check_module_size,
    check_function_size,
    check_file_name,
    check_function_names,
    check_module_docstring,
    check_broad_except,
    check_metrics_in_one_list,
    check_log_events,
    check_exemptions,
    check_todos,
)
