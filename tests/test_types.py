"""Borders have types: what one folder takes from another is annotated, and mypy finds no mismatch in the package."""

import ast
from pathlib import Path

import pytest

from fewbit.places import HOME
from tests.support.type_check import ROOMS, check_types

# Members of classes that Python or a library calls, with arguments of its own.
CALLED_BY_OTHERS = {"elaborate", "__eq__", "__hash__", "__repr__", "__str__"}


@pytest.mark.long
def test_mypy_finds_no_mismatch(tmp_path):
    found = check_types(tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr


def test_what_crosses_a_border_is_annotated():
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in _modules().items()}
    crossing = sorted(set().union(*(_taken_from_other_folders(name, tree) for name, tree in trees.items())))
    bare = []
    for module, name in crossing:
        bare += [f"{module}.{text}" for text in _bare(trees[module], name)] if module in trees else []
    assert len(crossing) > 100
    assert not bare, f"without annotations: {', '.join(bare)}"


def _modules():
    paths = [path for room in (*ROOMS, "bench") for path in (HOME / room).rglob("*.py")]
    return {_dotted(path): path for path in paths}


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(HOME).with_suffix("").parts).removesuffix(".__init__")


def _taken_from_other_folders(name, tree):
    """(module, name) of everything of the package that a module imports from another folder than its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").startswith("fewbit."):
            module = node.module.removeprefix("fewbit.")
            if module.split(".")[0] != name.split(".")[0]:
                yield from ((module, alias.name) for alias in node.names)


def _bare(tree, name):
    """The functions among ``name`` and its public methods that lack an annotation."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name and not _annotated(node):
            yield name
        if isinstance(node, ast.ClassDef) and node.name == name:
            for method in node.body:
                public = isinstance(method, ast.FunctionDef) and (method.name == "__init__" or method.name[0] != "_")
                if public and method.name not in CALLED_BY_OTHERS and not _annotated(method):
                    yield f"{name}.{method.name}"


def _annotated(function):
    taken = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    arguments = [a for a in taken if a.arg not in ("self", "cls")]
    returns = function.returns is not None or (function.name == "__init__" and arguments)
    return returns and all(a.annotation is not None for a in arguments)
