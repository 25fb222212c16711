"""A plan ends where hardware begins: its file reaches no Amaranth, and a component is registered for its class."""

import ast
import subprocess
import sys

import pytest

from fewbit.golden.registry import import_all
from fewbit.hw import stages
from fewbit.hw.plan import Plan, component_of
from fewbit.places import HOME


def _defined(path):
    return {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)}


def _below(kind):
    for inner in kind.__subclasses__():
        yield inner
        yield from _below(inner)


import_all(stages, "_plan")
# All that are in the package: tests have plans of their own.
PLANS = {kind for kind in _below(Plan) if kind.__module__.startswith("fewbit.")}
FILES = sorted({kind.__module__ for kind in PLANS} | {"fewbit.hw.pipeline.accelerator_plan"})
# What others derive from, and what is not made by itself.
BASES = {"ActivationPlan", "ArrayPlan", "LutPEPlan", "RegisterPlan", "_Codes"}


def test_plans_are_there():
    names = {kind.__name__ for kind in PLANS}
    assert len(names) > 40 and {"JoinPlan", "LayerPlan", "GearboxPlan", "HeapPEPlan", "AddersPlan"} <= names


def test_files_of_plans_import_no_amaranth():
    """All of them, and so what they import, in a process of its own."""
    script = f"import sys, {', '.join(FILES)}; assert 'amaranth' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_files_that_are_called_plans_import_none_either():
    named = sorted(path for path in (HOME / "hw").rglob("*.py") if path.stem.endswith(("plan", "plans")))
    names = ["fewbit." + ".".join(path.relative_to(HOME).with_suffix("").parts) for path in named]
    assert len(names) > 25
    script = f"import sys, {', '.join(names)}; assert 'amaranth' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_every_plan_has_a_component():
    with pytest.raises(TypeError, match="Plan has no component"):
        Plan().make()  # which imports all of them
    without = {kind.__name__ for kind in PLANS if not any(base in component_of for base in kind.__mro__)}
    assert without == BASES


def test_components_register_where_they_are_looked_for():
    """A component that registers in a room whose files `hw.plan` does not import would never be found."""
    import fewbit.hw.plan as plan

    where = {
        path.relative_to(HOME / "hw").with_suffix("").parts[0]
        for path in (HOME / "hw").rglob("*.py") if "@component_of(" in path.read_text(encoding="utf-8")
    }  # fmt: skip
    assert where == set(plan._PLACES)
