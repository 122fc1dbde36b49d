"""The second lock: what was generated is looked at once more before it may run.

The first lock is that no text of an author enters the generated text. This one holds if the first
were broken: only the few constructs that our templates use pass, and no name but ours; of the text,
and once more of the instructions that Python made of it.
"""

import ast
import re
from types import CodeType
from typing import Final

from rules.language.emit.bytecode import LockError, Vocabulary, admit_module

_NODES: Final = frozenset((
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Try, ast.ExceptHandler, ast.If,
    ast.Return, ast.Assign, ast.AugAssign, ast.BitOr, ast.NamedExpr, ast.IfExp, ast.BoolOp,
    ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult,
    ast.Div, ast.Mod, ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.In,
    ast.NotIn, ast.Is, ast.IsNot, ast.Call, ast.Attribute, ast.Subscript, ast.Tuple, ast.Name,
    ast.Load, ast.Store, ast.Constant,
))  # fmt: skip
_ATTRIBUTES: Final = frozenset({"get", "isascii", "is_integer", "startswith", "endswith"})
_LOCALS: Final = re.compile(r"(?:[dtx][0-9]+|e|u|m|get)\Z")


def compile_locked(source: str, names: frozenset[str]) -> CodeType:
    """Compile generated text whose global names are `names`.

    Raises:
        LockError: The text, or what was made of it, holds anything but what the generator's
            templates consist of; or the running Python is not one whose instructions are known.
    """
    tree = ast.parse(source)
    functions = frozenset(each.name for each in tree.body if isinstance(each, ast.FunctionDef))
    if len(functions) != len(tree.body):
        raise LockError("generated code may define functions only")
    for node in ast.walk(tree):
        _admit(node, names | functions)
    code = compile(tree, "<rules>", "exec", dont_inherit=True)
    admit_module(code, Vocabulary(functions, names | functions, _ATTRIBUTES, ("e",)))
    return code


def _admit(node: ast.AST, names: frozenset[str]) -> None:
    if type(node) not in _NODES:
        raise LockError(f"generated code may not hold {type(node).__name__}")
    match node:
        case ast.Name(id=name) if name not in names and not _LOCALS.match(name):
            raise LockError(f"generated code may not name {name!r}")
        case ast.Attribute(attr=name) if name not in _ATTRIBUTES:
            raise LockError(f"generated code may not reach for {name!r}")
        case ast.Constant(value=value) if type(value) not in {float, int, bool, type(None)}:
            raise LockError(f"generated code may not hold a {type(value).__name__}")
