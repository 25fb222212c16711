"""What machines of the cycle model share, and where they register."""

from math import inf

from fewbit.golden.registry import ByClass

__all__ = ["Machine", "machine_for"]

machine_for = ByClass("machine of the cycle model")


class Machine:
    """A machine of one stream in and one out, whose output is registered.

    Subclasses say ``valid()``, ``ready(gives)`` and ``move(takes, gives)``; attributes that change are listed in
    ``changing``.
    """

    outputs = 1
    changing = ()

    def __init__(self, plan):
        self.plan = plan

    def connect(self, ins, outs):
        self.ins, self.outs = ins, outs
        self.i, self.o = ins[0], outs[0]

    def forward(self, valid):
        valid[self.o] = self.valid()

    def backward(self, valid, ready):
        ready[self.i] = self.ready(valid[self.o] and ready[self.o])

    def step(self, valid, ready):
        self.move(valid[self.i] and ready[self.i], valid[self.o] and ready[self.o])

    def rest(self):
        """For how many cycles nothing that others see changes, nor anything that `skip` does not do, if no beat moves.

        This is for a machine that only beats can change.
        """
        return inf

    def skip(self, cycles):
        """So many steps without a beat, at most ``rest()``."""

    def state(self):
        return tuple(getattr(self, name) for name in self.changing)
