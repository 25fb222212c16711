"""Stochastic quantizers: a random bit generator, and the comparison of probabilities with what it draws.

The generator is linear over GF(2) (`golden.numbers.random`): the draws of all lanes of a beat, and the state behind
them, are XORs of bits of its state, so that L lanes need one state and not L. A shift register whose lanes take
together no more bits than its tap is deep costs one XOR of two bits for each.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.golden.numbers.random import LinearGenerator
from fewbit.hw.plan import component_of
from fewbit.hw.streams import counter

from .plans import DrawPlan
from .units import Activation

__all__ = ["Draw", "Generator"]


class Generator(wiring.Component):
    """A generator that gives the draws of a stream, ``lanes`` a beat; ``next`` moves on to those of the next beat.

    Parameters
    ----------
    generator : golden.numbers.random.LinearGenerator
    seed : int
        Seed that the state after a reset follows from.
    lanes : int
        Draws of a beat.
    length : int
        Draws of a pixel; where lanes do not divide them, the last beat of a pixel moves on by the rest.

    Raises
    ------
    ValueError
        If lanes or length are below 1.

    Members
    -------
    next : ``In(1)``
    o : ``Out(lanes * generator.bits)``
        Lane 0 in the lowest bits: the draws of the present beat.
    """

    def __init__(self, *, generator: LinearGenerator, seed: int, lanes: int, length: int):
        if lanes < 1 or length < 1:
            raise ValueError(f"Lanes and length must be at least 1, not {lanes!r} and {length!r}")
        self._generator, self._seed, self._lanes = generator, seed, lanes
        self._beats, self._rest = -(-length // lanes), (length - 1) % lanes + 1
        super().__init__({"next": In(1), "o": Out(lanes * generator.bits)})

    def elaborate(self, platform):
        m = Module()
        g = self._generator
        state = Signal(g.width, init=g.start(self._seed))
        draws = []
        for lane in range(self._lanes):
            after = _product(g.columns(lane + 1), state)
            draws.append(after[g.drawn : g.drawn + g.bits])
        m.d.comb += self.o.eq(Cat(*(bit for draw in draws for bit in draw)))
        after = _product(g.columns(self._lanes), state)
        if self._rest != self._lanes:
            _, at_end = counter(m, "beat", self._beats, self.next)
            rest = _product(g.columns(self._rest), state)
            after = [Mux(at_end, a, b) for a, b in zip(rest, after, strict=True)]
        with m.If(self.next):
            m.d.sync += state.eq(Cat(*after))
        return m


def _product(columns, state):
    """Return the bits of the matrix of ``columns`` times the state, over GF(2)."""
    rows = [sum((column >> i & 1) << j for j, column in enumerate(columns)) for i in range(len(columns))]
    return [_xor([state[j] for j in range(len(columns)) if row >> j & 1]) for row in rows]


def _xor(bits):
    total = bits[0] if bits else Const(0, 1)
    for bit in bits[1:]:
        total = total ^ bit
    return total


@component_of(DrawPlan)
class Draw(Activation):
    """``code = draw < number``, or of the ternary kind ``sign(number)`` where ``draw < abs(number)``, else 0.

    The generator moves on with every beat that is presented, so draws do not depend on when that is. Latency 2.

    Parameters
    ----------
    plan : hw.activation.plans.DrawPlan
    """

    def elaborate(self, platform):
        m = Module()
        p, bits = self.plan, self.plan.generator.bits
        m.submodules.generator = generator = Generator(
            generator=p.generator, seed=p.seed, lanes=p.lanes, length=p.length
        )
        m.d.comb += generator.next.eq(self.i_valid)
        for k in range(p.lanes):
            draw = self.delayed(m, generator.o[k * bits : (k + 1) * bits], 1, f"draw{k}_")
            number = self.i[k]
            if p.kind != "ternary":
                hit = self.delayed(m, draw < self.delayed(m, number, 1, f"number{k}_"), 1, f"hit{k}_")
                m.d.comb += self.o[k].eq(hit)
                continue
            size = Signal(bits + 1, name=f"size{k}", reset_less=True)
            m.d.sync += size.eq(Mux(number[-1], -number, number))
            negative = self.delayed(m, number[-1], 2, f"negative{k}_")
            hit = self.delayed(m, draw < size, 1, f"hit{k}_")
            m.d.comb += self.o[k].eq(Cat(hit, hit & negative))
        self.finish(m)
        return m
