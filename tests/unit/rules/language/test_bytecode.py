"""No code object runs but what the generator's templates become, whatever made it."""

import dis
import sys
from collections.abc import Callable
from contextlib import suppress
from random import Random
from types import CodeType
from typing import Any, Final

import pytest

from rules.language.emit import bytecode, instructions
from rules.language.emit.bytecode import LockError, Vocabulary, admit_module
from rules.language.emit.instructions import RUNNING, TABLES, VERSIONS
from rules.workflow.compiled import compile_workflow
from rules.workflow.problems import WorkflowErrors
from tests.support.fuzz.campaign import chosen_seed
from tests.support.fuzz.documents import draw_document

WORDS: Final = Vocabulary(
    functions=frozenset({"find"}),
    names=frozenset({"find", "k0", "k1", "TypeError", "KeyError", "ArithmeticError"}),
    attributes=frozenset({"get", "isascii"}),
    arguments=("e",),
)
PLAIN: Final = "def find(e):\n    t1 = e[k0]\n    return 1.5 if t1 is None else k1(t1)\n"
DOCUMENTS: Final = 150


def made_of(source: str) -> CodeType:
    return compile(source, "<rules>", "exec", dont_inherit=True)


def with_function(module: CodeType, change: Callable[[CodeType], CodeType]) -> CodeType:
    """Return the module with its first function changed."""
    function, *rest = module.co_consts
    return module.replace(co_consts=(change(function), *rest))


def patched(at: str, *units: int, **changes: Any) -> CodeType:
    """Return `PLAIN` with other bytes from the first instruction on whose name begins so."""

    def change(function: CodeType) -> CodeType:
        raw = bytearray(function.co_code)
        steps = dis.get_instructions(function)
        offset = next(each.offset for each in steps if each.opname.startswith(at))
        raw[offset : offset + len(units)] = bytes(units)
        return function.replace(co_code=bytes(raw), **changes)

    return with_function(made_of(PLAIN), change)


def test_all_that_the_generator_makes_is_admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = chosen_seed()
    print(f"RULES_FUZZ_SEED={seed}")
    answers: list[str] = []

    def admit(code: CodeType, words: Vocabulary) -> None:
        try:
            admit_module(code, words)
        except LockError as error:
            answers.append(str(error))
        else:
            answers.append("admitted")

    monkeypatch.setattr("rules.language.emit.lock.admit_module", admit)
    random = Random(seed)
    while len(answers) < DOCUMENTS:
        with suppress(WorkflowErrors):
            compile_workflow(draw_document(random))

    assert set(answers) == {"admitted"}


@pytest.mark.parametrize(
    "body",
    [
        "import os",
        "from os import path",
        "return e.__class__",
        "return e.get.__self__",
        "e.get = 1",
        "e[k0] = 1",
        "del e",
        "del e[k0]",
        "global t1; t1 = 1",
        "global k0; del k0",
        "return open",
        "return __builtins__",
        "return get",
        "return exec(k0)",
        "return 'text'",
        "return (1, 2)",
        "return 1j",
        "return b''",
        "return [e]",
        "return {e}",
        "return {e: e}",
        "return f'{e}'",
        "return e[1:k0]",
        "return e ** 9",
        "return e << 9",
        "return e @ e",
        "return ~e",
        "return k1(e, k0=e)",
        "return k1(*e)",
        "return k1(e, e, e, e, e, e, e, e, e)",
        "return [x1 for x1 in e]",
        "return (x1 for x1 in e)",
        "return lambda: 1",
        "return lambda: e",
        "def t1(): return 1",
        "class t1: pass",
        "yield e",
        "yield from e",
        "for t1 in e: return t1",
        "while e: k1(e)",
        "while True: k1(e)",
        "raise e",
        "assert e",
        "with e: return 1",
        "t1, x1 = e",
        "match e:\n        case [t1]: return t1",
        "match e:\n        case {1: t1}: return t1",
        "try: k1(e)\n    finally: k1(e)\n    while e: k1(e)",
    ],
)
def test_foreign_instructions_names_and_constants_are_refused(body: str) -> None:
    with pytest.raises(LockError):
        admit_module(made_of(f"def find(e):\n    {body}\n"), WORDS)


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "find = 1",
        "k0(k1)",
        "def open(e): return 1",
        "def find(): return 1",
        "def find(a): return 1",
        "def find(e, t1): return 1",
        "def find(e, /): return 1",
        "def find(*e): return 1",
        "def find(**e): return 1",
        "def find(*, e): return 1",
        "def find(e=1): return 1",
        "def find(e: int): return 1",
        "async def find(e): return 1",
        "async def find(e): return await e",
        "async def find(e): yield e",
        "class find: pass",
        "@k0\ndef find(e): return 1",
        "def find(e): return 1\nfind = k0",
        "def find(e): return 1\nimport os",
        "for find in k0: pass",
        "find = lambda e: exec(e)",
    ],
)
def test_a_module_defines_functions_of_one_argument_and_does_nothing_else(source: str) -> None:
    with pytest.raises(LockError):
        admit_module(made_of(source), WORDS)


def is_admitted(source: str) -> bool:
    try:
        admit_module(made_of(source), WORDS)
    except LockError:
        return False
    return True


def test_the_operators_admitted_are_those_of_the_templates() -> None:
    def stands(line: str) -> bool:
        return is_admitted(f"def find(e):\n    t1 = e\n    {line}\n    return e\n")

    operators = ("+", "-", "*", "/", "//", "%", "**", "@", "<<", ">>", "&", "|", "^")

    assert {each for each in operators if stands(f"k1(e {each} t1)")} == set("+-*/%")
    assert {each for each in operators if stands(f"t1 {each}= e")} == {"|"}
    assert stands("k1(e[t1])")


def test_what_templates_are_made_of_is_admitted() -> None:
    with_handler = PLAIN.replace("    t1", "    try: t1").replace(
        "\n    return",
        "\n    except (TypeError, KeyError, ArithmeticError): return k1(e)\n    return",
    )

    assert is_admitted(PLAIN)
    assert is_admitted(with_handler)


@pytest.mark.parametrize("name", ["k0", "find"])
def test_a_function_that_closes_over_another_is_refused(name: str) -> None:
    source = f"def find(e):\n    {name} = 1\n    def t1(): return {name}\n    return t1\n"
    with pytest.raises(LockError):
        admit_module(made_of(source), WORDS)


@pytest.mark.parametrize(
    "flag", [0x4, 0x8, 0x10, 0x20, 0x80, 0x100, 0x200, 0x80000, 0x1000000], ids=hex
)
def test_a_function_with_another_flag_is_refused(flag: int) -> None:
    def change(function: CodeType) -> CodeType:
        return function.replace(co_flags=function.co_flags | flag)

    with pytest.raises(LockError, match="flags"):
        admit_module(with_function(made_of(PLAIN), change), WORDS)


@pytest.mark.parametrize("cells", [{"co_freevars": ("k0",)}, {"co_cellvars": ("k0",)}])
def test_a_function_with_cells_is_refused(cells: dict[str, Any]) -> None:
    def change(function: CodeType) -> CodeType:
        return function.replace(**cells)

    with pytest.raises(LockError, match="shares"):
        admit_module(with_function(made_of(PLAIN), change), WORDS)


EXTENDED: Final = dis.EXTENDED_ARG
JUMP: Final = dis.opmap["JUMP_FORWARD"]
BACK: Final = dis.opmap["JUMP_BACKWARD"]
LOAD: Final = dis.opmap["LOAD_FAST"]
CONSTANT: Final = dis.opmap["LOAD_CONST"]
BUILD_CLASS: Final = dis.opmap["LOAD_BUILD_CLASS"]
# In 3.14, 255 is the entry to optimized code, and merely reading code without any ends the process.
UNASSIGNED: Final = 255 if sys.version_info < (3, 14) else 233
SMALL: Final = dis.opmap.get("LOAD_SMALL_INT", CONSTANT)
BORROW: Final = dis.opmap.get("LOAD_FAST_BORROW", LOAD)


@pytest.mark.parametrize(
    "code",
    [
        patched("LOAD_FAST", BUILD_CLASS, 0),
        patched("LOAD_FAST", BACK, 2),
        patched("LOAD_FAST", 0, 0),
        patched("LOAD_FAST", UNASSIGNED, 0),
        patched("LOAD_FAST", LOAD, 99),
        patched("LOAD_FAST", CONSTANT, 99),
        patched("LOAD_FAST", BORROW, 99),
        patched("LOAD_CONST", EXTENDED, 1, SMALL, 0),
        patched("BINARY_", dis.opmap["BINARY_OP"], 27),
        patched("LOAD_FAST", EXTENDED, 1, LOAD, 0),
        patched("LOAD_FAST", EXTENDED, 0, LOAD, 0),
        patched("LOAD_FAST", EXTENDED, 1, EXTENDED, 0, EXTENDED, 0, EXTENDED, 0),
        patched("LOAD_FAST", JUMP, 2),
        patched("LOAD_FAST", JUMP, 200),
        patched("LOAD_FAST", EXTENDED, 1, JUMP, 0),
        patched("RETURN_VALUE", EXTENDED, 1),
        patched("LOAD_FAST", LOAD, 0, co_exceptiontable=bytes([0x80, 0x42, 0x40, 0])),
        patched("LOAD_FAST", LOAD, 0, co_exceptiontable=bytes([0x82, 0x02, 0x05, 0])),
        patched("LOAD_FAST", LOAD, 0, co_exceptiontable=bytes([0x84, 0x02, 0x01, 0])),
        patched("LOAD_FAST", LOAD, 0, co_exceptiontable=bytes([0x84, 0x02])),
    ],
)
def test_a_forged_instruction_argument_jump_or_handler_is_refused(code: CodeType) -> None:
    with pytest.raises(LockError):
        admit_module(code, WORDS)


def test_code_that_runs_over_its_end_is_refused() -> None:
    def cut(function: CodeType) -> CodeType:
        return function.replace(co_code=function.co_code[:-2])

    with pytest.raises(LockError, match="end"):
        admit_module(with_function(made_of("def find(e): return 1.5\n"), cut), WORDS)


def test_a_python_whose_instructions_are_not_known_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bytecode, "TABLES", instructions.tables_for((3, 99)))
    monkeypatch.setattr(bytecode, "RUNNING", (3, 99))

    with pytest.raises(
        LockError, match=r"Python 3.99 .* run Judgify on Python 3.11, 3.12, 3.13, 3.14"
    ):
        admit_module(made_of(PLAIN), WORDS)


def test_the_table_counts_caches_as_python_does() -> None:
    assert TABLES is not None
    counted: Any = dis._inline_cache_entries  # type: ignore[attr-defined]  # no public one before 3.13

    for opcode, instruction in {**TABLES.function, **TABLES.module}.items():
        by_name = isinstance(counted, dict)
        caches = counted.get(dis.opname[opcode], 0) if by_name else counted[opcode]
        assert instruction.caches == caches, dis.opname[opcode]


def test_no_instruction_of_the_table_reaches_beyond_the_function() -> None:
    assert TABLES is not None
    names = {dis.opname[opcode] for opcode in TABLES.function}
    reaching = (
        "IMPORT", "STORE_GLOBAL", "STORE_NAME", "STORE_ATTR", "STORE_SUBSCR", "DEREF", "DELETE",
        "MAKE_", "BUILD_CLASS", "YIELD", "SEND", "AWAIT", "ITER", "BACKWARD", "LOCALS", "CLOSURE",
    )  # fmt: skip
    assert not [name for name in names if any(word in name for word in reaching)]


def test_generating_goes_through_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytecode, "TABLES", None)

    with pytest.raises(LockError):
        compile_workflow(draw_document(Random(1)))


def test_this_python_is_one_of_the_listed() -> None:
    assert sys.version_info[:2] == RUNNING
    assert RUNNING in VERSIONS
