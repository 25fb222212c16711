"""Plans, and the hardware that is made of them: numbers in plain Python first, Amaranth once something is built.

A `Plan` stands in a file that imports no Amaranth, named ``x_plan.py`` (or ``x_plans.py``) where its component is in
``x.py`` beside it. The component registers there for the class of its plan, by `component_of`, so that a plan's file
names no component, and what only asks for numbers starts without Amaranth.
"""

from functools import cache
from importlib import import_module
from typing import Any

from fewbit.golden.registry import ByClass, import_all

__all__ = ["Plan", "component_of"]

# A class with a constructor ``(plan)``, or a function ``(plan)``, that gives the hardware of a plan.
component_of = ByClass("component")

# Rooms, and a file, in which components register.
_PLACES = ("gearbox", "heap", "xilinx", "memory", "arrays", "activation", "layer", "stages")


class Plan:
    """The numbers of a component, or of a part of one, which are known before there is any hardware."""

    def make(self) -> Any:
        """Return the hardware: what `component_of` registered for the class of the plan, made of this plan.

        Raises
        ------
        TypeError
            If nothing is registered for it.
        """
        _import_components()
        return component_of.of(self)(self)


@cache
def _import_components() -> None:
    """Import every file in which a component may stand, and with them Amaranth: the one place where plans do so."""
    for place in _PLACES:
        module = import_module(f"{__package__}.{place}")
        if hasattr(module, "__path__"):
            import_all(module)
