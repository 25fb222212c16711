"""Stages that are one register in time, whatever they compute."""

from fewbit.hw.plan import Plan

__all__ = ["RegisterPlan"]


class RegisterPlan(Plan):
    """The plan of a stage that is one register of a beat: for each beat in one out, which is there a cycle later.

    A beat is taken in a cycle in which the register is empty, or gives its own. The cycle model knows every plan that
    derives from this one.
    """
