"""Drafts workflows: a template, or one with the fields that a CSV file shows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from judgify.cli.columns import Column, Named, name_columns, sample, survey
from judgify.cli.inputs import read_csv
from judgify.cli.terminal_text import printable_yaml
from schemas.errors import FatalError, MessageError

FIELDS_MAX: Final = 256
"""As rules.workflow.document: the columns behind them are left out, and that is said."""
TEXT_CHARS_MAX: Final = 200
"""A value of the sample event longer than this is cut."""

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*( [A-Za-z0-9_]+)*\Z")
_WORDS: Final = frozenset({"true", "false", "null"})

_HEAD: Final = """\
# yaml-language-server: $schema=workflow.schema.json
# `judgify workflow schema > workflow.schema.json` gives editors completion and checks.
judgify: 1
id: {id}
title: {title}
verdicts:                      # the whole vocabulary, first
  ok:    {{severity: info}}
  alert: {{severity: warning}}
"""

_TAIL: Final = """\
rules:                         # the first that is true decides
  - id: EXAMPLE
    when: {when}
    verdict: alert             # or undetermined: the rules cannot know
    reason: say in words for people why
otherwise: {{verdict: ok, confidence: 0.9}}
tests:                         # they send what producers send
  - name: example
    input: {event}
    expect: {{verdict: alert, rule: EXAMPLE}}
"""


def draft_template(workflow_id: str | None) -> str:
    """Return a small workflow to begin with."""
    name = _slug(workflow_id or "example")
    fields = 'input:\n  temperature: {type: number, from: "Temperature [C]", unit: C}\n'
    event = _flow({"Temperature [C]": 91.5})
    return _HEAD.format(id=name, title=name) + fields + _tail("temperature > 85", event)


def draft_from_csv(path: Path, workflow_id: str | None) -> str:
    """Return a workflow with a field for each column, typed and bounded by what was seen.

    Raises:
        FatalError: There is no such file, or nothing in it to learn from.
        MessageError: `unreadable_input`.
    """
    try:
        with path.open("rb") as stream:
            columns, count = survey(cells for _, cells in read_csv(stream, path))
    except OSError as error:
        raise FatalError(f"{path}: {error.strerror}") from error
    if not count:
        raise FatalError(f"{path}: no row behind the header, nothing to learn from")
    named = name_columns(columns[:FIELDS_MAX])
    name = _slug(workflow_id or _guess_slug(path.stem))
    when, row = _example(named)
    return "".join(
        (
            _HEAD.format(id=name, title=_text(path.stem)),
            f"# Learnt from {count:,} rows. Outside range and one_of a value is unknown to the\n",
            "# rules: widen them to all that is possible, or remove them.\n",
            *_left_out(columns),
            "input:\n",
            *(_field(each) for each in named),
            _tail(when, _flow(_shortened(sample(row, named)))),
        )
    )


def _left_out(columns: list[Column]) -> Iterator[str]:
    if len(columns) > FIELDS_MAX:
        yield f"# {len(columns) - FIELDS_MAX} columns were left out.\n"


def _tail(when: str, event: str) -> str:
    return _TAIL.format(when=_text(when), event=event)


def _field(named: Named) -> str:
    column = named.column
    parts = [f"type: {column.type}"]
    if named.name != column.header:
        parts.append(f"from: {_text(column.header)}")
    if named.unit:
        parts.append(f"unit: {_text(named.unit)}")
    if column.type == "number":
        parts.append(f"range: [{_number(column.low)}, {_number(column.high)}]")
    if column.choices:
        parts.append(f"one_of: [{', '.join(_text(each) for each in column.choices)}]")
    return f"  {named.name}: {{{', '.join(parts)}}}\n"


def _example(named: list[Named]) -> tuple[str, dict[str, str]]:
    """Return a condition that a row of the file fulfils, and that row."""
    # A column with a unit is a measurement; one without may as well count rows.
    ranked = sorted(named, key=lambda each: each.unit is None)
    for wanted in ("number", "boolean", "string"):
        for each in ranked:
            column = each.column
            if column.type == wanted and column.count:
                return _condition(each), dict(column.highest)
    raise FatalError("every cell is empty, nothing to learn from")


def _condition(named: Named) -> str:
    if named.column.type == "number":
        return f"{named.name} >= {_number(named.column.high)}"
    return named.name if named.column.type == "boolean" else f"present({named.name})"


def _shortened(event: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value[:TEXT_CHARS_MAX] if isinstance(value, str) else value
        for key, value in event.items()
    }


def _flow(event: dict[str, Any]) -> str:
    parts = (f"{printable_yaml(key)}: {_value(value)}" for key, value in event.items())
    return f"{{{', '.join(parts)}}}"


def _value(value: Any) -> str:
    return printable_yaml(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    """Return the text as YAML, quoted unless it can mean nothing else."""
    is_plain = _PLAIN.match(text) and text.lower() not in _WORDS
    return text if is_plain else printable_yaml(text)


def _number(number: float) -> str:
    return json.dumps(int(number) if number == int(number) else number)


def _slug(name: str) -> str:
    if not _SLUG.fullmatch(name):
        message = f"{name!r} cannot be an id: use a to z, 0 to 9, _ . and -, at most 64"
        raise MessageError("invalid_id", message)
    return name


def _guess_slug(stem: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:64].strip("-") or "draft"
