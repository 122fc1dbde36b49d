"""The second lock: generated text may hold nothing but what the templates consist of."""

import pytest

from rules.language.emit.bytecode import LockError
from rules.language.emit.lock import compile_locked
from rules.language.emit.namespace import Namespace


@pytest.mark.parametrize(
    "body",
    [
        "import os",
        "return __import__('os')",
        "return e.__class__",
        "return [x1 for x1 in e]",
        "return lambda: 1",
        "return 'text'",
        "return f'{e}'",
        "return open",
        "return k1",
        "return e ** 9",
        "global t1; t1 = 1",
        "e.get = 1",
        "e[t1] = 1",
        "del e",
        "yield e",
        "while True: e",
        "raise e",
        "return {e}",
        "return e[1:2]",
        "return 1j",
        "def t1(): return e",
        "return __builtins__",
    ],
)
def test_whatever_the_templates_do_not_use_is_refused(body: str) -> None:
    with pytest.raises(LockError):
        compile_locked(f"def find(e):\n    {body}\n", frozenset({"k0"}))


def test_only_functions_may_be_defined() -> None:
    with pytest.raises(LockError):
        compile_locked("t1 = 1\n", frozenset())


def test_what_the_templates_use_passes() -> None:
    source = (
        "def find(e):\n    get = e.get\n    t1 = get(k0)\n    return 1.5 if t1 is None else k0\n"
    )
    assert compile_locked(source, frozenset({"k0"})).co_names == ("find",)


def test_generated_code_reaches_three_builtins() -> None:
    assert sorted(Namespace().values["__builtins__"]) == [
        "ArithmeticError",
        "KeyError",
        "TypeError",
    ]
