"""Imports run one way: between the folders of the checkout, between the rooms of a folder, and between files."""

import ast
from functools import cache

import pytest

from fewbit.places import HOME
from tests.support.sources import files_of, parsed

# What each folder may import, its own rooms not counted.
MAY_IMPORT = {
    "golden": (),
    "host": ("golden",),
    "ptq": ("golden",),
    "train": ("golden", "ptq"),
    "hw": ("golden", "host"),
    "sim": ("golden", "host", "hw"),
    "flow": ("golden", "host", "ptq", "train", "hw", "sim"),
    "bench": ("golden", "host", "ptq", "train", "hw", "sim", "flow"),
}
# Rooms of a folder, each of which imports those before it alone; "" is what lies in the folder itself, the first.
ROOMS = {
    "golden": ("", "limits", "numbers", "methods", "network", "model_file", "rewrite", "importing"),
    "hw": ("", "heap", "xilinx", "targets", "memory", "float32", "arrays", "activation", "layer", "stages", "pipeline",
           "shell", "serial", "boards"),
    "sim": ("", "cycles", "benches", "simulators", "proof"),
    "flow": ("", "folding", "eda", "elements", "ip", "project", "checking", "boards", "demo", "quantizing", "comparing",
             "report", "commands", "api"),
    "bench": ("", "networks", "peers", "cost", "survey", "scale", "figures", "sections"),
}  # fmt: skip
# The front doors of a folder stand outside its order: what a user runs imports everything.
DOORS = {"bench.run", "bench.page", "bench.ptq"}
# Hardware never sees how golden executes a network: executions have no names, and stand in a register that is closed.
EXECUTION = {"golden.network.execute", "golden.network.registry"}


def _modules():
    files = {}
    for top in MAY_IMPORT:
        for path in files_of(top):
            name = ".".join(path.relative_to(HOME).with_suffix("").parts)
            files[name.removesuffix(".__init__")] = path
    return files


MODULES = _modules()


def _imports(name):
    """Modules of ours that a module imports, anywhere in it, with the line."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join(parts + ([node.module] if node.module else []))
            found = [f"{base}.{alias.name}" for alias in node.names] + [base]
            short = {f.removeprefix("fewbit.") for f in found[:-1]} & MODULES.keys()
            found = list(short) or [base]
        else:
            continue
        for target in found:
            target = target.removeprefix("fewbit.")
            if target in MODULES:
                yield node.lineno, target


def _room(name):
    parts = name.split(".")
    inside = parts[1] if len(parts) > 2 or MODULES[name].name == "__init__.py" and len(parts) == 2 else ""
    return parts[0], inside


@cache
def _graph():
    """What each module imports, with lines."""
    return {name: sorted(set(_imports(name))) for name in MODULES}


@pytest.mark.parametrize("top", MAY_IMPORT)
def test_folders_import_one_way(top):
    wrong = [
        f"{name}:{line} imports {target}"
        for name, found in _graph().items() if name.split(".")[0] == top
        for line, target in found if target.split(".")[0] not in (top, *MAY_IMPORT[top])
    ]  # fmt: skip
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("top", ROOMS)
def test_rooms_import_those_before_them(top):
    order, wrong = ROOMS[top], []
    assert {_room(name)[1] for name in _graph() if name.split(".")[0] == top} <= set(order)
    for name, found in _graph().items():
        folder, room = _room(name)
        if folder != top or name in DOORS:
            continue
        for line, target in found:
            there, other = _room(target)
            if there == top and order.index(other) > order.index(room):
                wrong.append(f"{name}:{line} imports {target}")
    assert not wrong, "\n".join(wrong)


def test_no_file_imports_itself_by_way_of_others():
    state, path = {}, []

    def visit(name):
        state[name] = "open"
        path.append(name)
        for _, target in _graph()[name]:
            if state.get(target) == "open":
                raise AssertionError(" -> ".join([*path[path.index(target) :], target]))
            if target not in state:
                visit(target)
        path.pop()
        state[name] = "done"

    for name in _graph():
        if name not in state:
            visit(name)


def test_hardware_does_not_see_how_golden_executes():
    assert not [
        name for name, found in _graph().items() if name.startswith("hw.") and EXECUTION & {t for _, t in found}
    ]
    for name in (name for name in MODULES if name.startswith("golden.network.")):
        for node in ast.walk(parsed(MODULES[name])):
            if isinstance(node, ast.FunctionDef) and any("execution_of" in ast.dump(d) for d in node.decorator_list):
                assert node.name == "_", f"{name}:{node.lineno} has a name, by which hardware could call it"


def test_every_room_says_what_it_is_for():
    for path in {p for top in MAY_IMPORT for p in (HOME / top).rglob("__init__.py")}:
        tree = parsed(path)
        assert (ast.get_docstring(tree) or "").strip(), path
