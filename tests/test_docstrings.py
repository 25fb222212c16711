"""What a public function raises by itself, its docstring names: whoever calls it is told what to expect."""

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from fewbit.places import HOME
from tests.support.sources import files_of, parsed

FOLDERS = ("golden", "host", "hw", "sim", "flow", "ptq", "train")
# What is registered for a name or a class keeps the contract of its register, which says what it may raise.
REGISTERS = {"handles", "kernel", "execution_of", "stage_of", "cost_of", "command"}
# No errors of whoever calls: what ends the program, what a subclass must have, and a fault of our own.
NOT_TOLD = {"AssertionError", "Exit", "KeyboardInterrupt", "NotImplementedError"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def _classes() -> dict[str, dict[str, ast.ClassDef]]:
    """Classes by their names, of each folder."""
    return {
        folder: {n.name: n for path in files_of(folder) for n in ast.walk(parsed(path)) if isinstance(n, ast.ClassDef)}
        for folder in FOLDERS
    }


MAKERS = ("__init__", "__post_init__")


def _name(node) -> str:
    """The last name of an expression: ``handles`` of ``registry.handles("Add")``."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _class(name: str, folder: str) -> ast.ClassDef | None:
    """The class of ours that a file of a folder calls so: a node and its hardware have the same name."""
    classes = _classes()
    return classes[folder].get(name) or next((found[name] for found in classes.values() if name in found), None)


def _above(owner: ast.ClassDef, folder: str) -> Iterator[ast.ClassDef]:
    """What a class inherits from, as far as it is ours."""
    for base in owner.bases:
        found = _class(_name(base), folder)
        if found is not None and found is not owner:
            yield found
            yield from _above(found, folder)


def _public(node, owner: ast.ClassDef | None = None) -> Iterator[tuple[Function, ast.ClassDef | None]]:
    """Functions that others may call, and what makes an object, each with its class."""
    for inner in node.body:
        if isinstance(inner, ast.ClassDef) and not inner.name.startswith("_"):
            yield from _public(inner, inner)
        elif isinstance(inner, Function) and (not inner.name.startswith("_") or inner.name in MAKERS):
            if not REGISTERS & {_name(decorator) for decorator in inner.decorator_list}:
                yield inner, owner


def _raised(function: Function) -> set[str]:
    """Classes of the errors that a function makes and lets go, not counting functions inside of it."""

    def within(node, caught: frozenset[str]) -> Iterator[str]:
        if isinstance(node, ast.Raise) and _name(node.exc) not in caught:
            yield _name(node.exc)
        if isinstance(node, ast.Try):
            here = caught | {_name(kind) for handler in node.handlers for kind in _kinds(handler)}
            for inner in node.body:
                yield from within(inner, here)
            rest = [*node.handlers, *node.orelse, *node.finalbody]
        else:
            rest = [] if isinstance(node, Function | ast.Lambda | ast.ClassDef) else list(ast.iter_child_nodes(node))
        for inner in rest:
            yield from within(inner, caught)

    found = {name for node in function.body for name in within(node, frozenset())}
    return {name for name in found if name[:1].isupper()} - NOT_TOLD  # else it is a variable, or made by a function


def _kinds(handler: ast.ExceptHandler) -> list[ast.expr]:
    if isinstance(handler.type, ast.Tuple):
        return handler.type.elts
    return [] if handler.type is None else [handler.type]


def _told(function: Function, owner: ast.ClassDef | None, folder: str) -> str:
    """What is written of a function: by itself, or where its class or a base of that has it."""
    texts = [ast.get_docstring(function)]
    if owner is not None:
        texts += [ast.get_docstring(owner)] if function.name in MAKERS else []
        for base in _above(owner, folder):
            texts += [ast.get_docstring(base)]
            texts += [ast.get_docstring(f) for f in base.body if isinstance(f, Function) and f.name == function.name]
    return "\n".join(text or "" for text in texts)


def _is_named(error: str, text: str, folder: str) -> bool:
    """Say whether a text names the class of an error, or one that it inherits from."""
    found = _class(error, folder)
    return error in text or found is not None and any(base.name in text for base in _above(found, folder))


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_raised_is_named(folder):
    silent, raising = [], 0
    for path in files_of(folder):
        for function, owner in _public(parsed(path)):
            raised, text = _raised(function), _told(function, owner, folder)
            raising += bool(raised)
            missing = sorted(error for error in raised if not _is_named(error, text, folder))
            if missing:
                where = f"{owner.name}.{function.name}" if owner else function.name
                silent.append(f"{path.relative_to(HOME)}:{function.lineno} {where} raises {', '.join(missing)}")
    assert raising > 5
    assert not silent, "docstrings do not name it:\n" + "\n".join(silent)


def test_the_rule_sees_what_is_raised():
    tree = ast.parse("""
def f(x):
    try:
        raise KeyError(x)
    except (KeyError, IndexError):
        raise ValueError from None
    def inner():
        raise OSError
    raise MadeElsewhere.of(x)
    raise NotImplementedError
""")
    ((function, owner),) = _public(tree)
    assert owner is None and _raised(function) == {"ValueError"}
