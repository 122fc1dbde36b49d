"""Checks the expressions of a document: derived values in the order they need, then the rules."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from rules.language.check import Expected, check_expression
from rules.language.expression import Expression
from rules.language.lexer import split_tokens
from rules.language.limits import TOTAL_NODES_MAX
from rules.language.problems import ExpressionError
from rules.language.scope import Scope
from rules.language.tree import count_nodes
from rules.workflow.problems import PROBLEMS_MAX, Fault, Loc


@dataclass(slots=True)
class ExpressionCheck:
    """Checks one expression after the other in a growing scope, and collects what is wrong.

    `broken` are names whose declaration is at fault: an expression that mentions one is left
    alone, since whatever could be said of it would follow from that.
    """

    scope: Scope
    broken: set[str]
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    nodes: int = 0
    """Parts of the expressions so far."""

    def check(self, loc: Loc, text: str, expect: Expected | None) -> Expression | None:
        """Return the checked expression; None when it is at fault or mentions what is."""
        if self._is_enough() or self.broken.intersection(names_in(text)):
            return None
        try:
            expression = check_expression(text, self.scope, expect)
        except ExpressionError as error:
            self.faults += [
                Fault(loc, each.message, each.hint, (each.start, each.end))
                for each in error.problems
            ]
            return None
        self.warnings += [
            Fault(loc, each.message, each.hint, (each.start, each.end))
            for each in expression.warnings[: PROBLEMS_MAX - len(self.warnings)]
        ]
        self.nodes += count_nodes(expression.root)
        if self.nodes > TOTAL_NODES_MAX:
            message = f"the expressions down to this one have more than {TOTAL_NODES_MAX:,} parts"
            self.faults.append(Fault(loc, message, "split it into workflows"))
        return expression

    def _is_enough(self) -> bool:
        """Say whether further problems would not be told, or too much was checked already."""
        return len(self.faults) >= PROBLEMS_MAX or self.nodes > TOTAL_NODES_MAX

    def check_derived(self, derive: Mapping[str, str]) -> tuple[tuple[str, Expression], ...]:
        """Return the derived values, each behind those it uses.

        The order in which they are written means nothing: it is not part of the version.
        """
        checked: list[tuple[str, Expression]] = []
        for name in self._ordered(derive):
            expression = self.check(("derive", name), derive[name], None)
            if expression is None:
                self.broken.add(name)
            else:
                checked.append((name, expression))
                self.scope = self.scope.with_derived(name, expression)
        return tuple(checked)

    def _ordered(self, derive: Mapping[str, str]) -> Iterator[str]:
        uses = {
            name: [each for each in names_in(text) if each in derive]
            for name, text in derive.items()
        }
        while True:
            try:
                yield from list(TopologicalSorter(uses).static_order())
            except CycleError as error:
                circle = error.args[1]
                message = f"derived values that need each other: {' -> '.join(reversed(circle))}"
                loc = ("derive", circle[0])
                self.faults.append(Fault(loc, message, "break the circle", at_key=True))
                self.broken.update(circle)
                uses = _without(uses, circle)
            else:
                return


def _without(uses: Mapping[str, list[str]], names: list[str]) -> dict[str, list[str]]:
    return {
        name: [each for each in used if each not in names]
        for name, used in uses.items()
        if name not in names
    }


def names_in(text: str) -> tuple[str, ...]:
    """Return the names that an expression mentions; none when it cannot even be read."""
    try:
        tokens = split_tokens(text)
    except ExpressionError:
        return ()
    return tuple(
        str(token.value)
        for token, following in itertools.pairwise(tokens)
        if token.kind == "name" and not following.means("(")
    )
