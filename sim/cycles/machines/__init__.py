"""The stages of a pipeline as state machines over tokens: when each takes and gives a beat, as its hardware does.

In each cycle every machine says which of its streams out are valid (`forward`, in the order of the pipeline), then
which streams in it is ready for (`backward`, in reverse), then moves on (`step`). Where no beat moves on any of its
streams, a machine can be left alone for the cycles that `rest` says; `skip` catches up with them.

Machines are in files by family; each registers for the class of its plan, and says what the compiled engine needs to do
the same (`compiled`).
"""

import sys

from fewbit.golden.registry import import_all

from .machine import Machine, Twin, machine_for

__all__ = ["Machine", "machine_of", "twin_of"]

import_all(sys.modules[__name__])


def machine_of(plan: object) -> Machine:
    """Return a machine of a stage's plan, in its first state.

    Raises
    ------
    TypeError
        If no machine is registered for the class of the plan.
    """
    return machine_for.of(plan)(plan)


def twin_of(plan: object) -> Twin | None:
    """Return the compiled twin of a stage's machine; None if there is none.

    Raises
    ------
    TypeError
        If no machine is registered for the class of the plan.
    """
    return vars(machine_for.of(plan)).get("twin")
