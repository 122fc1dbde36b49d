"""Names in expressions: which field, derived value or constant is meant."""

import difflib
import math
from collections.abc import Iterable, Mapping

from rules.language.constants import Constant, settle_constant
from rules.language.problems import refusal
from rules.language.scope import Scope
from rules.language.syntax import Syntax
from rules.language.tree import Items, Literal, Lookup, Node, Reference
from rules.language.types import element_type, normalized
from rules.program import FieldSpec


def resolve_name(name: Syntax, scope: Scope) -> Node:
    """Return what a bare name means.

    Raises:
        ExpressionError: Nothing of that name can stand here.
    """
    word = name.words[0]
    if word in scope.fields:
        of = scope.fields[word].type
        known = "number" if of == "integer" else of
        return Reference(name.start, name.end, known, word, derived=False)
    if word in scope.derived:
        return Reference(name.start, name.end, scope.derived[word].type, word, derived=True)
    if word in scope.constants:
        return _constant(name, scope)
    if word == "pi":
        return Literal(name.start, name.end, "number", math.pi)
    raise refusal(name, f"unknown field {word!r}", _unknown_hint(word, scope))


def resolve_lookup(lookup: Syntax, scope: Scope) -> Lookup:
    """Return the meaning of `name[field]`.

    Raises:
        ExpressionError: The name is no constant map, the key no string field, or a member of the
            field's `one_of` has no entry.
    """
    name = lookup.words[0]
    if not isinstance(scope.constants.get(name), Mapping):
        maps = [each for each, value in scope.constants.items() if isinstance(value, Mapping)]
        hint = did_you_mean(name, maps) or "only a map under constants can be looked up in"
        raise refusal(lookup, f"{name!r} is no constant map", hint)
    key = _lookup_key(lookup, scope)
    table = _settled(lookup, name, scope)
    of = element_type(table.type)
    assert of is not None  # noqa: S101 -- a map is never of mixed or no element type
    _require_entries(lookup, table, scope.fields.get(key.name))
    return Lookup(lookup.start, lookup.end, of, name, table.entries, key)


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """Return the hint that names the candidate most like `word`; None when none is."""
    names = {each.lower(): each for each in candidates}
    close = difflib.get_close_matches(word.lower(), names, 1)
    return f"did you mean {names[close[0]]!r}?" if close else None


def _lookup_key(lookup: Syntax, scope: Scope) -> Reference:
    part = lookup.parts[0]
    key = resolve_name(part, scope) if part.kind == "name" else None
    if not isinstance(key, Reference) or key.type != "string":
        hint = f"write {lookup.words[0]}[field] with the name of a string field"
        raise refusal(part, "a look-up needs a field of type string", hint)
    return key


def _require_entries(lookup: Syntax, table: Constant, field: FieldSpec | None) -> None:
    if field is None or field.one_of is None:
        return
    missing = [str(each) for each in field.one_of if normalized(each) not in table.keys]
    if missing:
        message = f"{lookup.words[0]!r} has no entry for {', '.join(map(repr, missing))}"
        hint = f"each member of {field.name}'s one_of needs one; add it under constants"
        raise refusal(lookup, message, hint)


def _constant(name: Syntax, scope: Scope) -> Node:
    word = name.words[0]
    constant = _settled(name, word, scope)
    if isinstance(scope.constants[word], Mapping):
        hint = f"look one entry up by a string field: {word}[field]"
        raise refusal(name, f"{word!r} is a map", hint)
    if constant.scalar is None:
        return Items(name.start, name.end, constant.type, constant.items)
    return Literal(name.start, name.end, constant.type, constant.scalar)


def _settled(place: Syntax, name: str, scope: Scope) -> Constant:
    if name not in scope.settled:
        try:
            scope.settled[name] = settle_constant(scope.constants[name])
        except ValueError as error:
            raise refusal(place, f"the constant {name!r} {error}") from error
    return scope.settled[name]


def _unknown_hint(word: str, scope: Scope) -> str | None:
    for field in scope.fields.values():
        if word == field.path[-1]:
            return f"in expressions it is called {field.name!r}"
        if field.one_of is not None and word in field.one_of:
            return f"a string stands in quotes: '{word}'"
    return did_you_mean(word, [*scope.fields, *scope.derived, *scope.constants, "pi"])
