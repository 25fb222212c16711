"""Every component of the hardware, or the plan that makes it, has a test in the folder that mirrors its own."""

import ast
import re
from pathlib import Path

import pytest

from fewbit.places import HOME
from tests.support.sources import parsed

# Names of plans that are not the component's and "Plan".
OTHER_PLANS = {"LutRowsUnit": "LutRowsPlan"}
# Of these there is a test elsewhere, which needs a simulator or place and route: it names what leads to them.
ELSEWHERE = {
    "AcceleratorIP": ("tests/sim/simulators/test_run_ip.py", "emit_ip"),
    "SerialAccelerator": ("tests/host/test_serial.py", "run_noisy_hardware"),
    "Pll": ("tests/flow/boards/test_designs.py", "build_board"),
}


def _classes():
    """Names of base classes, and the file, of every class in ``hw/``, by its own name."""
    found = {}
    for path in sorted((HOME / "hw").rglob("*.py")):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                found[node.name] = [ast.unparse(base) for base in node.bases], path.relative_to(HOME)
    return found


CLASSES = _classes()


def _is_component(name):
    bases, _ = CLASSES.get(name, ((), None))
    return any(base == "wiring.Component" or _is_component(base) for base in bases)


def _is_base(name):
    return any(name in bases for bases, _ in CLASSES.values())


# What others derive from is tested as one of those, and what is private as a part of what uses it.
COMPONENTS = {
    name: path for name, (_, path) in CLASSES.items()
    if _is_component(name) and not name.startswith("_") and not _is_base(name)
}  # fmt: skip


def _names(path, word):
    return re.search(rf"\b{word}\b", path.read_text(encoding="utf-8"))


def test_components_are_there():
    assert len(COMPONENTS) > 45 and {"Gearbox", "LutIntegerPE", "Combine", "DspArray"} <= COMPONENTS.keys()


@pytest.mark.parametrize("name", COMPONENTS)
def test_is_named_by_a_test(name):
    if name in ELSEWHERE:
        path, word = ELSEWHERE[name]
        assert _names(HOME / path, word), f"{path} does not use {word}"
        return
    folder = HOME / "tests" / COMPONENTS[name].parent
    assert any(_names(path, OTHER_PLANS.get(name, f"{name}(Plan)?")) for path in folder.glob("test_*.py")), (
        f"no test in {Path('tests') / COMPONENTS[name].parent} names {name} of {COMPONENTS[name]}"
    )


def test_nothing_is_elsewhere_that_is_not():
    assert ELSEWHERE.keys() <= COMPONENTS.keys()
