"""Whether compiled code is nothing but what the generator's templates can become.

Judged are code objects as the compiler makes them: that their stacks balance, and that a local
outlives what is borrowed from it, is its work, and is not judged. Everything that code can name,
reach, keep or jump to is.
"""

import dis
from collections.abc import Container, Iterator
from types import CodeType
from typing import Final, NamedTuple, NoReturn

from rules.language.emit.instructions import LISTED, RUNNING, TABLES, Argument, Table

_FUNCTION_FLAGS: Final = 0x3
"""Locals in slots, and new for each call. A generator, a coroutine, `*args`, a closure differ."""
_DATA: Final = frozenset({float, int, bool, type(None)})
_UNIT_BYTES: Final = 2
_EXTENDED_MAX: Final = 2**24
"""Arguments above this cannot be extended: they have 32 bits."""
_LAST_GROUP: Final = 0x40
"""Numbers in an exception table come in groups of six bits; this bit says that more follow."""


class LockError(RuntimeError):
    """The generator made something that it must not make: a bug of ours, whatever the rule."""


class Vocabulary(NamedTuple):
    """The names that code may use.

    Attributes:
        functions: Under which the module stores its functions.
        names: Globals, the functions among them.
        attributes: Of values.
        arguments: Of each function, in order; its other locals may have any name.
    """

    functions: frozenset[str]
    names: frozenset[str]
    attributes: frozenset[str]
    arguments: tuple[str, ...]


def admit_module(code: CodeType, words: Vocabulary) -> None:
    """Raise unless the code defines functions that may run, and does nothing else.

    Raises:
        LockError: It holds something foreign, or the running Python is not known.
    """
    if TABLES is None:
        raise LockError(
            f"the instructions of Python {RUNNING[0]}.{RUNNING[1]} are not known, so generated "
            f"rules cannot be checked: run Judgify on Python {LISTED}"
        )
    functions = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    if not {type(constant) for constant in code.co_consts} <= {CodeType, type(None)}:
        _refuse(code, "has constants")
    _admit_frame(code, flags=0, arguments=())
    _admit_instructions(code, TABLES.module, words)
    for function in functions:
        if function.co_name not in words.functions:
            _refuse(code, f"defines {function.co_name!r}")
        if not {type(constant) for constant in function.co_consts} <= _DATA:
            _refuse(function, "has constants that are no numbers")
        _admit_frame(function, flags=_FUNCTION_FLAGS, arguments=words.arguments)
        _admit_instructions(function, TABLES.function, words)


def _refuse(code: CodeType, what: str) -> NoReturn:
    raise LockError(f"generated code: {code.co_name} {what}")


def _admit_frame(code: CodeType, *, flags: int, arguments: tuple[str, ...]) -> None:
    if code.co_flags != flags:
        _refuse(code, f"has the flags {code.co_flags:#x}")
    if code.co_freevars or code.co_cellvars:
        _refuse(code, "shares variables with another function")
    if code.co_kwonlyargcount or code.co_posonlyargcount or code.co_argcount != len(arguments):
        _refuse(code, "takes other arguments")
    if code.co_varnames[: len(arguments)] != arguments:
        _refuse(code, "takes other arguments")


class _Step(NamedTuple):
    """An instruction with its argument; it begins and ends at these bytes."""

    start: int
    end: int
    opcode: int
    argument: int


def _admit_instructions(code: CodeType, table: Table, words: Vocabulary) -> None:
    steps = list(_read(code, table))
    starts = {step.start for step in steps}
    allowed = _allowed_arguments(code, words)
    for step in steps:
        argument = table[step.opcode].argument
        if argument is Argument.FORWARD:
            if step.end + step.argument * _UNIT_BYTES not in starts:
                _refuse(code, f"jumps into an instruction at {step.start}")
        elif step.argument not in (
            allowed[argument] if isinstance(argument, Argument) else argument
        ):
            _refuse(code, f"holds {dis.opname[step.opcode]} {step.argument}")
    if not steps or not table[steps[-1].opcode].is_last:
        _refuse(code, "runs over its end")
    _admit_handlers(code, starts)


def _admit_handlers(code: CodeType, starts: set[int]) -> None:
    for first, behind, handler in _guarded_ranges(code):
        if not {first, handler} <= starts or not first < behind <= handler:
            _refuse(code, f"goes back, or into an instruction, on an error at {first}")


def _allowed_arguments(code: CodeType, words: Vocabulary) -> dict[Argument, Container[int]]:
    """Return the arguments by which this code names what it may name."""
    names = list(enumerate(code.co_names))
    local = range(len(code.co_varnames))
    attributes = {index for index, name in names if name in words.attributes}
    # The lowest bit asks for a NULL, or for the method's object, on the stack.
    return {
        Argument.CONSTANT: range(len(code.co_consts)),
        Argument.LOCAL: local,
        Argument.TWO_LOCALS: {first << 4 | second for first in local[:16] for second in local[:16]},
        Argument.GLOBAL: {
            2 * i + bit for i, name in names if name in words.names for bit in (0, 1)
        },
        Argument.ATTRIBUTE: attributes,
        Argument.ATTRIBUTE_OR_METHOD: {2 * index + bit for index in attributes for bit in (0, 1)},
        Argument.FUNCTION: {index for index, name in names if name in words.functions},
    }


def _read(code: CodeType, table: Table) -> Iterator[_Step]:
    """Yield the instructions; one that is not in the table, or is not whole, is refused."""
    raw = code.co_code
    end = 0
    while end < len(raw):
        start = end
        opcode, argument = raw[end], raw[end + 1]
        end += _UNIT_BYTES
        while opcode == dis.EXTENDED_ARG and 0 < argument < _EXTENDED_MAX and end < len(raw):
            opcode, argument = raw[end], argument << 8 | raw[end + 1]
            end += _UNIT_BYTES
        if opcode not in table:
            _refuse(code, f"holds {dis.opname[opcode]}")
        caches = raw[end : end + table[opcode].caches * _UNIT_BYTES]
        if len(caches) < table[opcode].caches * _UNIT_BYTES or any(caches):
            _refuse(code, f"hides something behind {dis.opname[opcode]}")
        end += len(caches)
        yield _Step(start, end, opcode, argument)


def _guarded_ranges(code: CodeType) -> Iterator[tuple[int, int, int]]:
    """Yield first byte, byte behind and handler of each range of the exception table.

    Source: CPython, Objects/exception_handling_notes.txt; each entry has a fourth number, the
    depth of the stack.
    """
    numbers = list(_numbers(code.co_exceptiontable))
    if len(numbers) % 4:
        _refuse(code, "has a broken exception table")
    for index in range(0, len(numbers), 4):
        first, length, handler = (each * _UNIT_BYTES for each in numbers[index : index + 3])
        yield first, first + length, handler


def _numbers(table: bytes) -> Iterator[int]:
    number = 0
    for byte in table:
        number = number << 6 | byte & 0x3F
        if not byte & _LAST_GROUP:
            yield number
            number = 0
