"""The numbers of a width conversion: the queue between streams of other lanes, and what it takes."""

from math import gcd

from fewbit.hw.plan import Plan

from .cost import Cost
from .packing import beats

__all__ = ["GearboxPlan"]

# LUTs of a bit of the queue for each source, three at most, and for each where it moves too; of a bit of the fill, less
# some; of a bit that is padded.
_SOURCE, _MOVED, _COUNTED, _LESS, _PADDING = 0.79, 0.193, 12, 18, 0.5


class GearboxPlan(Plan):
    """The numbers of a `Gearbox`, for it and for the cycle model.

    A vector of ``length`` codes comes in ``beats_in`` beats of ``a`` lanes and leaves in ``beats_out`` beats of ``b``.
    Each beat but the vector's last adds ``a`` codes to a queue; the last adds ``last``, which makes the vector's total
    a multiple of ``b``: padding with zeros or dropping what is padding already. So vectors never mix in one beat.

    Parameters
    ----------
    a, b : int
        Lanes in and out.
    length : int
        Codes of a vector.
    bits : int
        Bits of a code, which only its cost depends on.

    Attributes
    ----------
    beats_in, beats_out : int
        Beats of a vector in and out.
    last : int
        Codes that a vector's last beat adds to the queue.
    wires : bool
        Whether there is no queue, as beats in and out are of the same lanes.
    unit : int
        Codes of a chunk: the queue moves and fills in multiples of it.
    capacity : int
        Codes of the queue, enough that the side with more beats never waits. What is left when an output beat is
        taken is at most ``b - unit``, and one more input beat, ``most`` at most, must fit behind it. Where ``a``
        divides ``b``, or a vector is one beat of ``b``, beats complete the queue exactly, and ``b`` codes will do.

    Raises
    ------
    ValueError
        If lanes or length are below 1.
    """

    def __init__(self, *, a: int, b: int, length: int, bits: int = 1):
        for name, value in ("Input lanes", a), ("Output lanes", b), ("Length", length):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        self.a, self.b, self.length, self.bits = a, b, length, bits
        self.beats_in, self.beats_out = beats(length, a), beats(length, b)
        self.last = self.beats_out * b - (self.beats_in - 1) * a
        self.wires = a == b
        self.unit = gcd(a, b) if self.beats_in > 1 else b
        self.most = max(a, self.last) if self.beats_in > 1 else self.last
        exact = b % a == 0 or self.beats_out == 1
        self.capacity = b if exact else self.most + b - self.unit

    @property
    def cost(self) -> Cost:
        """About what it takes: the choice of what each bit of the queue becomes, and counters.

        A chunk of the queue takes a chunk of what enters for every fill at which that falls on it, or what a beat that
        leaves moves there. Fitted to Yosys, within an eighth on the average.
        """
        if self.wires:
            return Cost(_PADDING * self.a * self.bits if self.length % self.a else 0)
        size, fresh, take = self.capacity // self.unit, self.most // self.unit, self.b // self.unit
        least = min(self.a, self.last) if self.beats_in > 1 else self.last
        fills = size - least // self.unit + 1
        sources = [min(chunk, fills - 1) - max(0, chunk - fresh + 1) + 1 for chunk in range(size)]
        few, moved = sum(min(n, 3) for n in sources), sum(sources[: max(0, size - take)])
        luts = self.unit * self.bits * (_SOURCE * few + _MOVED * moved) + _COUNTED * size.bit_length() - _LESS
        return Cost(max(4, luts), ff=self.capacity * self.bits + 2 * size.bit_length() + 1)
