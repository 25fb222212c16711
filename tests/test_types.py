"""Borders have types: what one room takes from another is annotated, and mypy finds no mismatch in the package."""

import ast
from pathlib import Path

import pytest

from fewbit.places import HOME
from tests.support.sources import parsed
from tests.support.type_check import ROOMS, check_types

# Members of classes that Python or a library calls, with arguments of its own.
CALLED_BY_OTHERS = {"elaborate", "__eq__", "__hash__", "__repr__", "__str__"}


@pytest.mark.long
def test_mypy_finds_no_mismatch(tmp_path):
    found = check_types(tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr


def test_what_crosses_a_border_is_annotated():
    paths = _modules()
    trees = {name: parsed(path) for name, path in paths.items()}
    crossing = {taken for name in paths for taken in _taken_from_other_rooms(name, paths, trees)}
    bare, classes = [], _classes(trees)
    for module, name in sorted(crossing):
        bare += [f"{module}.{text}" for text in _bare(trees[module], name, classes)]
    assert len(crossing) > 500
    assert not bare, f"without annotations: {', '.join(bare)}"


def _modules():
    paths = [path for room in (*ROOMS, "bench") for path in (HOME / room).rglob("*.py")]
    return {_dotted(path): path for path in paths}


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(HOME).with_suffix("").parts).removesuffix(".__init__")


def _room(module):
    """A folder of the checkout, or a folder in one."""
    return module.split(".")[: 2 if module.count(".") > 1 else 1]


def _taken_from_other_rooms(name, paths, trees):
    """(module, name) of everything of the package that a module imports from another room than its own."""
    inside = [*name.split("."), ""] if paths[name].name == "__init__.py" else name.split(".")
    for node in ast.walk(trees[name]):
        if isinstance(node, ast.ImportFrom):
            above = inside[: -node.level] if node.level else []
            module = ".".join([*above, node.module or ""]).removeprefix("fewbit.")
            if module in paths and _room(module) != _room(name):
                yield from ((module, alias.name) for alias in node.names)


def _classes(trees):
    """Names of the bases, and of annotated methods, of every class by its name."""
    found = {}
    for tree in trees.values():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base).split(".")[-1].split("[")[0] for base in node.bases}
                methods = {m.name for m in node.body if isinstance(m, ast.FunctionDef) and _annotated(m)}
                known_bases, known = found.get(node.name, (set(), set()))
                found[node.name] = known_bases | bases, known | methods
    return found


def _declared(base, method, classes):
    """Whether a class, or one that it inherits from, says the types of a method."""
    bases, methods = classes.get(base, ((), ()))
    return method in methods or any(_declared(b, method, classes) for b in bases if b != base)


def _bare(tree, name, classes):
    """The functions among ``name`` and its public methods that lack an annotation, in a base class too."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name and not _annotated(node):
            yield name
        if isinstance(node, ast.ClassDef) and node.name == name:
            for method in node.body:
                public = isinstance(method, ast.FunctionDef) and (method.name == "__init__" or method.name[0] != "_")
                if not public or method.name in CALLED_BY_OTHERS or _annotated(method):
                    continue
                bases = classes[name][0] if method.name != "__init__" else ()
                if not any(_declared(base, method.name, classes) for base in bases):
                    yield f"{name}.{method.name}"


def _annotated(function):
    taken = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    arguments = [a for a in taken if a.arg not in ("self", "cls")]
    returns = function.returns is not None or (function.name == "__init__" and arguments)
    return returns and all(a.annotation is not None for a in arguments)
