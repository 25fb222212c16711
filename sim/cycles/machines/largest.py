"""Machines of stages that give the largest of several values: its index, or, in a pool, the value."""

from fewbit.hw.stages.argmax_plan import ArgMaxPlan
from fewbit.hw.stages.pool_plan import LargestPlan

from .machine import Machine, compiled, machine_for

__all__ = ["ArgMaxMachine", "LargestMachine"]


@machine_for(ArgMaxPlan)
@compiled("argmax", "beats_in")
class ArgMaxMachine(Machine):
    """The index of the largest of all values of a frame: ``count`` beats in, one out."""

    changing = "beat", "full"

    def __init__(self, plan):
        self.plan, self.beat, self.full, self.count = plan, 0, False, plan.beats_in

    def valid(self):
        return self.full

    def ready(self, gives):
        return not self.full or gives

    def move(self, takes, gives):
        if gives:
            self.full = False
        if takes:
            self.beat += 1
            if self.beat == self.count:
                self.beat, self.full = 0, True


@machine_for(LargestPlan)
@compiled("largest", "taps")
class LargestMachine(ArgMaxMachine):
    """The largest value of a window: ``count`` beats in, one for each tap, and one out."""

    def __init__(self, plan):
        self.plan, self.beat, self.full, self.count = plan, 0, False, plan.taps

    def ready(self, gives):
        return not self.full or gives or self.beat != self.count - 1
