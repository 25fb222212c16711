"""Machines of what gives the largest of several values: its index, or, of a pool, the value."""

from fewbit.hw.stages.argmax import ArgMaxPlan
from fewbit.hw.stages.pool import LargestOfAllPlan, LargestPlan

from .machine import Machine, machine_for

__all__ = ["ArgMaxMachine", "LargestMachine", "LargestOfAllMachine"]


@machine_for(ArgMaxPlan)
class ArgMaxMachine(Machine):
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
class LargestMachine(ArgMaxMachine):
    def __init__(self, plan):
        self.plan, self.beat, self.full, self.count = plan, 0, False, plan.taps

    def ready(self, gives):
        return not self.full or gives or self.beat != self.count - 1


@machine_for(LargestOfAllPlan)
class LargestOfAllMachine(Machine):
    changing = ("full",)

    def __init__(self, plan):
        self.plan, self.full = plan, False

    def valid(self):
        return self.full

    def ready(self, gives):
        return not self.full or gives

    def move(self, takes, gives):
        self.full = takes or (self.full and not gives)
