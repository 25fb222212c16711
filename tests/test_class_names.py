"""A class name means one thing in the whole package, and in what measures it."""

import ast

from fewbit.places import HOME
from tests.support.sources import parsed

FOLDERS = ("bench", "flow", "golden", "host", "hw", "ptq", "sim", "train")
# Two halves of one thing: a golden node, or operation, and its hardware; and the accelerator, and what drives it.
PAIRS = {
    "Accelerator": {"host", "hw"},
    "ArgMax": {"golden", "hw"},
    "Concat": {"golden", "hw"},
    "Draw": {"golden", "hw"},
    "FloatAdd": {"golden", "hw"},
    "Largest": {"golden", "hw"},
    "Reorder": {"golden", "hw"},
    "Repeat": {"golden", "hw"},
    "Upsample": {"golden", "hw"},
}


def test_a_class_name_means_one_thing():
    found = {}
    for folder in FOLDERS:
        for path in sorted((HOME / folder).rglob("*.py")):
            for node in parsed(path).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found.setdefault(node.name, []).append(folder)
    several = {name: folders for name, folders in found.items() if len(folders) > 1}
    wrong = {name: folders for name, folders in several.items() if sorted(PAIRS.get(name, ())) != sorted(folders)}
    assert not wrong, f"give the less central of them a precise name: {wrong}"
