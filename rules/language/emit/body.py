"""The two bodies of a generated program: fields and derived values are worked out rule by rule.

A field is loaded in front of the first rule that reads it, so that a field which only later rules
read costs nothing, and cannot make an input incomplete, when an earlier rule decides.
"""

from rules.language.emit import fields
from rules.language.emit.conditions import Conditions
from rules.language.emit.magnitude import LARGEST, magnitude
from rules.language.emit.namespace import Namespace
from rules.language.emit.values import Values
from rules.language.expression import Expression
from rules.program import FieldSpec, Program


def plain_body(program: Program, namespace: Namespace, results: list[str]) -> list[str]:
    """Return the function `find` for complete input; anything else is left to `careful`."""
    body = _Body(program, namespace, guarded=False)
    lines = body.required()
    for rule, result in zip(program.rules, results, strict=False):
        lines += body.prepare(rule.when)
        lines.append(f"if {body.conditions.ask(rule.when.root, 'plain')}: return {result}")
    lines.append(f"return {results[-1]}")
    leave = ["except (ArithmeticError, KeyError, TypeError):", f"    {fields.LEAVE}"]
    return ["def find(e):", *_indent(["try:", *_indent(lines), *leave])]


def guarded_body(program: Program, namespace: Namespace) -> list[str]:
    """Return the function `careful`, right for every input.

    `u` collects the bits of unusable fields, `m` those of UNKNOWN rules.
    """
    body = _Body(program, namespace, guarded=True)
    lines = body.required()
    for index, rule in enumerate(program.rules):
        lines += body.prepare(rule.when)
        maybe = body.conditions.ask(rule.when.root, "maybe")
        sure = body.conditions.ask(rule.when.root, "sure")
        lines += body.take_hoisted()
        lines.append(f"if {maybe}:")
        lines += _indent([f"if {sure}: return found({index}, m, u)", f"m |= {1 << index}"])
    lines.append(f"return found({len(program.rules)}, m, u)")
    return ["def careful(e):", *_indent(["get = e.get", "u = m = 0", *lines])]


class _Body:
    """What has been loaded and derived so far, and under which local names."""

    def __init__(self, program: Program, namespace: Namespace, *, guarded: bool) -> None:
        self._fields = {field.name: field for field in program.fields}
        self._positions = {field.name: index for index, field in enumerate(program.fields)}
        self._derived = dict(program.derive)
        self._namespace = namespace
        self._guarded = guarded
        self._bounds = {
            field.name: fields.bound(field, guarded=guarded) for field in program.fields
        }
        self._integers = {field.name: fields.integer_bound(field) for field in program.fields}
        self._values = Values(namespace, self._bounds, self._integers, guarded=guarded)
        always_known = frozenset(field.name for field in program.fields if field.required)
        self.conditions = Conditions(self._values, always_known)

    def required(self) -> list[str]:
        """Return the statements that load what every input must have."""
        required = [field for field in self._fields.values() if field.required]
        return [line for field in required for line in self._load(field)]

    def prepare(self, expression: Expression) -> list[str]:
        """Return the statements that make all that the expression reads local."""
        lines: list[str] = []
        for name in expression.fields:
            if name not in self._values.locals:
                lines += self._load(self._fields[name])
        for name in expression.derived:
            lines += self._derive(name)
        return lines

    def take_hoisted(self) -> list[str]:
        """Return and forget the statements that the conditions asked so far stand on."""
        taken = list(self.conditions.hoisted)
        self.conditions.hoisted.clear()
        return taken

    def _load(self, field: FieldSpec) -> list[str]:
        position = self._positions[field.name]
        name = self._values.locals[field.name] = f"t{position}"
        if self._guarded:
            return fields.load_guarded(field, name, 1 << position, self._namespace)
        return fields.load_plain(field, name, self._namespace)

    def _derive(self, name: str) -> list[str]:
        if name in self._values.locals:
            return []
        expression = self._derived[name]
        lines = self.prepare(expression)
        text = self._derived_value(expression)
        lines += self.take_hoisted()
        local = self._values.locals[name] = f"d{len(self._values.locals)}"
        if expression.type == "number":
            for bounds in (self._bounds, self._integers):
                bounds[name] = min(magnitude(expression.root, bounds), LARGEST)
        return [*lines, f"{local} = {text}"]

    def _derived_value(self, expression: Expression) -> str:
        if expression.type != "boolean":
            return self._values.value(expression.root)
        if self._guarded:
            return self.conditions.three_valued(expression.root)
        return self.conditions.ask(expression.root, "plain")


def _indent(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
