"""The parser (Pratt): from text to a syntax tree, or to one problem with its place.

Source: V. Pratt, Top Down Operator Precedence (1973). The depth limit keeps it, and everything
that walks its trees, far away from Python's own recursion limit.
"""

from typing import Final

from rules.language.lexer import Token, split_tokens
from rules.language.limits import DEPTH_MAX, LIST_ITEMS_MAX, NODES_MAX
from rules.language.problems import ExpressionError, Problem, refusal
from rules.language.syntax import Kind, Syntax
from rules.language.types import Scalar

_OR, _AND, _NOT, _COMPARISON, _SUM, _TERM, _UNARY = 1, 2, 3, 4, 5, 6, 7

_COMPARATORS = ("<", "<=", ">", ">=", "==", "!=")
_POWERS: Final[dict[float | str, int]] = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys((*_COMPARATORS, "in", "not", "between", "is"), _COMPARISON),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "%"), _TERM),
}


def parse_expression(text: str) -> Syntax:
    """Return the syntax tree of the text.

    Raises:
        ExpressionError: It is no expression, or is beyond a limit.
    """
    parser = _Parser(split_tokens(text))
    tree = parser.expression(0)
    parser.expect_end()
    return tree


class _Parser:
    """The tokens, where we are in them, and how much has been built."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._nodes = 0
        self._depth = 0

    def expression(self, power: int) -> Syntax:
        """Read an operand and all operators that bind tighter than `power`."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            hint = "name parts of it in derive"
            raise refusal(self._next, f"the expression is nested deeper than {DEPTH_MAX}", hint)
        left = self._operand(power)
        while self._power_of_next() > power:
            left = self._continue(left)
        self._depth -= 1
        return left

    def expect_end(self) -> None:
        if self._next.kind != "end":
            hint = None
            if self._next.kind in {"name", "number", "string"}:
                hint = "put an operator such as and, or, == between the two"
            found = self._spelled(self._next)
            raise refusal(self._next, f"unexpected {found} after the end of the expression", hint)

    # -- operators, behind their left operand

    def _continue(self, left: Syntax) -> Syntax:
        power = self._power_of_next()
        if power == _COMPARISON:
            return self._comparison(left)
        return self._chain(left, power)

    def _chain(self, left: Syntax, power: int) -> Syntax:
        operators: list[str] = []
        operands = [left]
        while self._power_of_next() == power:
            operators.append(str(self._advance().value))
            operands.append(self.expression(power))
        if power in {_OR, _AND}:
            return self._build("logic", left.start, parts=operands, words=operators[:1])
        return self._build("arithmetic", left.start, parts=operands, words=operators)

    def _comparison(self, left: Syntax) -> Syntax:
        operator = self._advance()
        if operator.means("is"):
            node = self._is_null(left)
        elif operator.means("between"):
            low = self.expression(_COMPARISON)
            self._expect("and")
            high = self.expression(_COMPARISON)
            node = self._build("between", left.start, parts=[left, low, high])
        elif operator.means("in", "not"):
            words = ["not"] if operator.means("not") else []
            if words:
                self._expect("in")
            container = self.expression(_COMPARISON)
            node = self._build("in", left.start, parts=[left, container], words=words)
        else:
            right = self.expression(_COMPARISON)
            words = [str(operator.value)]
            node = self._build("comparison", left.start, parts=[left, right], words=words)
        if self._power_of_next() == _COMPARISON:
            hint = "use between, or and between two comparisons"
            raise refusal(self._next, "comparisons cannot be chained", hint)
        return node

    def _is_null(self, left: Syntax) -> Syntax:
        words = [str(self._advance().value)] if self._next.means("not") else []
        self._expect("null")
        return self._build("is null", left.start, parts=[left], words=words)

    # -- operands

    def _operand(self, power: int) -> Syntax:
        token = self._advance()
        if token.kind in {"number", "string"}:
            return self._build("literal", token.start, value=token.value)
        if token.kind == "name":
            return self._named(token)
        if token.means("true", "false"):
            return self._build("literal", token.start, value=token.value == "true")
        if token.means("null"):
            return self._build("null", token.start)
        return self._prefixed(token, power)

    def _prefixed(self, token: Token, power: int) -> Syntax:
        if token.means("-"):
            return self._build("negative", token.start, parts=[self.expression(_UNARY)])
        if token.means("not"):
            return self._negation(token, power)
        if token.means("("):
            return self._parenthesis(token)
        if token.means("["):
            return self._build("list", token.start, parts=self._listed("]", token))
        raise refusal(token, f"expected a value, found {self._spelled(token)}")

    def _negation(self, token: Token, power: int) -> Syntax:
        if power >= _COMPARISON:
            raise refusal(token, "not cannot stand here", "put it into parentheses: (not …)")
        return self._build("not", token.start, parts=[self.expression(_NOT)])

    def _parenthesis(self, opened: Token) -> Syntax:
        inside = self.expression(0)
        self._expect(")", opened)
        return inside

    def _named(self, name: Token) -> Syntax:
        words = [str(name.value)]
        if self._next.means("("):
            opened = self._advance()
            arguments = self._listed(")", opened)
            return self._build("call", name.start, parts=arguments, words=words)
        if self._next.means("["):
            opened = self._advance()
            key = self.expression(0)
            self._expect("]", opened)
            return self._build("lookup", name.start, parts=[key], words=words)
        return self._build("name", name.start, words=words)

    def _listed(self, closing: str, opened: Token) -> list[Syntax]:
        items: list[Syntax] = []
        while not self._next.means(closing):
            if items:
                self._expect(",", opened)
            items.append(self.expression(0))
            if len(items) > LIST_ITEMS_MAX:
                raise refusal(opened, f"the list has more than {LIST_ITEMS_MAX} items")
        self._advance()
        return items

    # -- tokens

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _advance(self) -> Token:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def _power_of_next(self) -> int:
        token = self._next
        return _POWERS.get(token.value, 0) if token.kind in {"operator", "keyword"} else 0

    def _expect(self, word: str, opened: Token | None = None) -> None:
        if self._next.means(word):
            self._advance()
            return
        hint = f"{opened.value} opened in column {opened.start + 1}" if opened else None
        raise refusal(self._next, f"expected {word}, found {self._spelled(self._next)}", hint)

    @staticmethod
    def _spelled(token: Token) -> str:
        if token.kind == "end":
            return "the end of the expression"
        if token.kind == "string":
            return "a string"
        return f"{token.value:g}" if isinstance(token.value, float) else token.value

    # -- results

    def _build(
        self,
        kind: Kind,
        start: int,
        *,
        parts: list[Syntax] | None = None,
        words: list[str] | None = None,
        value: Scalar | None = None,
    ) -> Syntax:
        self._nodes += 1
        end = self._tokens[self._at - 1].end
        if self._nodes > NODES_MAX:
            hint = "name parts of it in derive"
            raise ExpressionError(
                [Problem(f"the expression has more than {NODES_MAX} parts", 0, end, hint)]
            )
        return Syntax(kind, start, end, tuple(parts or ()), tuple(words or ()), value)
