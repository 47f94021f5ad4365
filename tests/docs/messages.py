"""What the program says when something fails, read out of its source."""

import ast
import re
from functools import cache
from pathlib import Path

import ntag424_provisioning
import ntag424_service
from ntag424_provisioning import errors as provisioning_errors

import ntag424
from ntag424 import errors as library_errors

_PROVISIONING = Path(ntag424_provisioning.__file__).parent
_FOLDERS = (_PROVISIONING, Path(ntag424.__file__).parent, Path(ntag424_service.__file__).parent)
_ERRORS = {*vars(provisioning_errors), *vars(library_errors)}
_TEXTS = ast.Constant | ast.JoinedStr | ast.BinOp
#: Fewer letters than this, and a text with gaps would fit anything.
_LETTERS = 12


def alike(one, other):
    """Whether two texts may be the same, or *one* a part of *other*; … is anything in both."""
    return _pattern(one).search(other) is not None or (
        len(other.replace("…", "")) >= _LETTERS and _pattern(other).fullmatch(one) is not None
    )


def says(promised):
    """Whether the program says *promised*, or something that it is a part of."""
    return any(alike(promised, text) for text in _texts())


def raised_in(room):
    """Give the messages of the errors that the modules in *room* raise, … for what differs."""
    for path in sorted((_PROVISIONING / room).glob("*.py")):
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                called, told = ast.unparse(node.exc.func), node.exc.args
                if called in _ERRORS and told and _text(told[0]) != "…":
                    yield _text(told[0])


@cache
def _texts():
    found = set()
    for path in (path for folder in _FOLDERS for path in folder.rglob("*.py")):
        nodes = list(ast.walk(_tree(path)))
        comments = {node.value for node in nodes if isinstance(node, ast.Expr)}
        spoken = (node for node in nodes if node not in comments)
        found |= {_text(node) for node in spoken if isinstance(node, _TEXTS)}
    return frozenset(text for text in found if " " in text)


@cache
def _pattern(text):
    return re.compile(".*".join(map(re.escape, text.split("…"))), re.DOTALL)


def _tree(path):
    return ast.parse(path.read_text("utf-8"))


def _text(node):
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return "".join(_text(value) for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
    return "…"
