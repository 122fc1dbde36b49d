"""The instructions of which generated code may consist, for each version of Python.

Learnt from what the compiler makes of some thousand random workflows, and complete: what is not
listed is refused, and so is every workflow on a Python whose column is missing. None of these
instructions imports, stores outside the function's own locals, makes functions or iterators,
waits, or jumps back.
"""

import dis
import sys
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, NamedTuple

VERSIONS: Final = ((3, 11), (3, 12), (3, 13), (3, 14))
"""In the order of the columns below; pyproject.toml and infra/scripts/setup-venv admit the same."""
LISTED: Final = ", ".join(f"{major}.{minor}" for major, minor in VERSIONS)
"""The versions as people write them."""


class Argument(Enum):
    """What the argument of an instruction names, and hence must be looked up to be judged."""

    CONSTANT = auto()
    LOCAL = auto()
    TWO_LOCALS = auto()
    GLOBAL = auto()
    ATTRIBUTE = auto()
    ATTRIBUTE_OR_METHOD = auto()
    FUNCTION = auto()
    """A name of the module under which a function is stored."""
    FORWARD = auto()
    """How far to jump ahead."""


class Instruction(NamedTuple):
    """One instruction.

    Attributes:
        argument: What it may name, or all arguments that it may have.
        caches: Units of code behind it in which the interpreter notes what it has learnt.
        is_last: It never goes on to the one behind it.
    """

    argument: Argument | frozenset[int]
    caches: int
    is_last: bool = False


Row = tuple[str, Argument | frozenset[int], tuple[int | None, int | None, int | None, int | None]]
"""Name, argument, and caches by version; None where the version does without the instruction."""

_NONE: Final = frozenset({0})
_EITHER: Final = frozenset({0, 1})
_COUNT: Final = frozenset(range(9))
"""Arguments of a call: a function of the language takes at most eight."""
_TOP: Final = frozenset(range(1, 4))
"""How deep templates reach into the stack."""
_OPERATORS: Final = frozenset({0, 5, 6, 10, 11, 20})
"""`+ * % - /` and `|=`: neither powers nor shifts, which make numbers of any size."""
_SUBSCRIPT: Final = frozenset({26})
"""`e[k0]`, which had an instruction of its own before 3.14."""
_SMALL_INTEGERS: Final = frozenset(range(256))
"""The argument is the number itself."""

_FUNCTION_ROWS: Final[tuple[Row, ...]] = (
    # Where a function begins, what the compiler leaves of a statement without effect, and
    # arguments over 255.
    ("RESUME", _NONE, (0, 0, 0, 0)),
    ("NOP", _NONE, (0, 0, 0, 0)),
    # Values of the event, of the namespace and of the text, and temporary ones.
    ("LOAD_FAST", Argument.LOCAL, (0, 0, 0, 0)),
    ("LOAD_FAST_CHECK", Argument.LOCAL, (None, 0, 0, 0)),
    ("LOAD_FAST_BORROW", Argument.LOCAL, (None, None, None, 0)),
    ("LOAD_FAST_LOAD_FAST", Argument.TWO_LOCALS, (None, None, 0, 0)),
    ("LOAD_FAST_BORROW_LOAD_FAST_BORROW", Argument.TWO_LOCALS, (None, None, None, 0)),
    ("STORE_FAST", Argument.LOCAL, (0, 0, 0, 0)),
    ("STORE_FAST_LOAD_FAST", Argument.TWO_LOCALS, (None, None, 0, 0)),
    ("STORE_FAST_STORE_FAST", Argument.TWO_LOCALS, (None, None, 0, 0)),
    ("LOAD_CONST", Argument.CONSTANT, (0, 0, 0, 0)),
    ("LOAD_SMALL_INT", _SMALL_INTEGERS, (None, None, None, 0)),
    ("LOAD_GLOBAL", Argument.GLOBAL, (5, 4, 4, 4)),
    ("BINARY_SUBSCR", _NONE, (4, 1, 1, None)),
    ("COPY", _TOP, (0, 0, 0, 0)),
    ("SWAP", _TOP, (0, 0, 0, 0)),
    ("POP_TOP", _NONE, (0, 0, 0, 0)),
    # Arithmetic and comparison.
    ("BINARY_OP", _OPERATORS, (1, 1, 1, None)),
    ("BINARY_OP", _OPERATORS | _SUBSCRIPT, (None, None, None, 5)),
    ("UNARY_NEGATIVE", _NONE, (0, 0, 0, 0)),
    ("UNARY_NOT", _NONE, (0, 0, 0, 0)),
    ("TO_BOOL", _NONE, (None, None, 3, 3)),
    ("COMPARE_OP", frozenset(range(6)), (2, None, None, None)),
    ("COMPARE_OP", frozenset(range(6 * 16)), (None, 1, None, None)),
    ("COMPARE_OP", frozenset(range(6 * 32)), (None, None, 1, 1)),
    ("CONTAINS_OP", _EITHER, (0, 0, 1, 1)),
    ("IS_OP", _EITHER, (0, 0, 0, 0)),
    # Calls: of helpers in the namespace, and of the few methods that templates name.
    ("LOAD_METHOD", Argument.ATTRIBUTE, (10, None, None, None)),
    ("LOAD_ATTR", Argument.ATTRIBUTE, (4, None, None, None)),
    ("LOAD_ATTR", Argument.ATTRIBUTE_OR_METHOD, (None, 9, 9, 9)),
    ("PUSH_NULL", _NONE, (0, 0, 0, 0)),
    ("PRECALL", _COUNT, (1, None, None, None)),
    ("CALL", _COUNT, (4, 3, 3, 3)),
    # The way down the rules: ahead only, so it always ends.
    ("POP_JUMP_FORWARD_IF_FALSE", Argument.FORWARD, (0, None, None, None)),
    ("POP_JUMP_FORWARD_IF_TRUE", Argument.FORWARD, (0, None, None, None)),
    ("POP_JUMP_FORWARD_IF_NONE", Argument.FORWARD, (0, None, None, None)),
    ("POP_JUMP_FORWARD_IF_NOT_NONE", Argument.FORWARD, (0, None, None, None)),
    ("JUMP_IF_FALSE_OR_POP", Argument.FORWARD, (0, None, None, None)),
    ("JUMP_IF_TRUE_OR_POP", Argument.FORWARD, (0, None, None, None)),
    ("POP_JUMP_IF_FALSE", Argument.FORWARD, (None, 0, 1, 1)),
    ("POP_JUMP_IF_TRUE", Argument.FORWARD, (None, 0, 1, 1)),
    ("POP_JUMP_IF_NONE", Argument.FORWARD, (None, 0, 1, 1)),
    ("POP_JUMP_IF_NOT_NONE", Argument.FORWARD, (None, 0, 1, 1)),
    ("NOT_TAKEN", _NONE, (None, None, None, 0)),
    ("JUMP_FORWARD", Argument.FORWARD, (0, 0, 0, 0)),
    ("RETURN_VALUE", _NONE, (0, 0, 0, 0)),
    # The one `except` clause, with the three exceptions that it names.
    ("PUSH_EXC_INFO", _NONE, (0, 0, 0, 0)),
    ("BUILD_TUPLE", frozenset({3}), (0, 0, 0, 0)),
    ("CHECK_EXC_MATCH", _NONE, (0, 0, 0, 0)),
    ("POP_EXCEPT", _NONE, (0, 0, 0, 0)),
    ("RERAISE", _EITHER, (0, 0, 0, 0)),
)

_MODULE_ROWS: Final[tuple[Row, ...]] = (
    # Two functions are made and named; a function with defaults or a closure takes an argument.
    ("RESUME", _NONE, (0, 0, 0, 0)),
    ("LOAD_CONST", Argument.CONSTANT, (0, 0, 0, 0)),
    ("MAKE_FUNCTION", _NONE, (0, 0, 0, 0)),
    ("STORE_NAME", Argument.FUNCTION, (0, 0, 0, 0)),
    ("RETURN_VALUE", _NONE, (0, None, None, 0)),
    ("RETURN_CONST", Argument.CONSTANT, (None, 0, 0, None)),
)

_LAST: Final = frozenset({"RETURN_VALUE", "RETURN_CONST", "RERAISE", "JUMP_FORWARD"})

Table = Mapping[int, Instruction]
"""By opcode, of one version."""


class Tables(NamedTuple):
    """What a generated module, and the functions in it, may consist of."""

    module: Table
    function: Table


def tables_for(version: tuple[int, int]) -> Tables | None:
    """Return the tables of a version of Python, which must be the running one; None: not listed."""
    if version not in VERSIONS:
        return None
    column = VERSIONS.index(version)
    return Tables(_select(_MODULE_ROWS, column), _select(_FUNCTION_ROWS, column))


def _select(rows: tuple[Row, ...], column: int) -> Table:
    return {
        dis.opmap[name]: Instruction(argument, caches, name in _LAST)
        for name, argument, columns in rows
        if (caches := columns[column]) is not None
    }


RUNNING: Final = sys.version_info[:2]
TABLES: Final = tables_for(RUNNING)
"""Of the running Python; None if it is not one of `VERSIONS`."""
