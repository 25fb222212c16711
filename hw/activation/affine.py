"""Multiply, add and shift behind an accumulator: codes of so many levels that thresholds would cost more."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal

from fewbit.hw.memory.rom import Rom
from fewbit.hw.plan import component_of
from fewbit.hw.wires import register

from .affine_plan import AffinePlan
from .units import Activation

__all__ = ["Affine"]


@component_of(AffinePlan)
class Affine(Activation):
    """``y = (acc*multiplier + addend) >> shift``, clipped to ``lo .. hi``; they are ``None`` where y always fits.

    A kink is taken off between the addition and the shift, from its lowest bit on.

    Latency: read and add, two cycles; clip, one more; with multiplications, read again, multiply in parts that a DSP
    block takes, one more each, and one for each level of the tree that adds up the parts; with kinks one more, and one
    with ties; five at least with exceptions, of which the last adds what a table has for the accumulator.

    Parameters
    ----------
    plan : hw.activation.affine_plan.AffinePlan
    """

    def elaborate(self, platform):
        m = Module()
        beat = self.counted(m)
        corrections = self._corrections(m, beat)
        held = [self.delayed(m, self.i[k], 1, f"acc{k}_") for k in range(self.plan.lanes)]
        if self.plan.scales:
            held = self._scaled(m, beat, held)
            beat = self.delayed(m, beat, self.plan.product_latency, "add_beat")
        addends, limits = self.numbers(m, "addends", beat), self._limits(m, beat)
        if self.plan.left:
            held = [value << self.plan.left for value in held]
        totals = [held[k] + addends[k].as_signed() for k in range(self.plan.lanes)]
        shift = self.plan.shift
        if self.plan.kinks is not None:
            totals, shift = self._kinked(m, self.delayed(m, beat, 1, "kink_beat"), totals), shift - self.plan.kink_bit
        if self.plan.ties is not None:
            totals, shift = self._even(m, totals, shift), 0
        for k in range(self.plan.lanes):
            total = totals[k] >> shift
            y = Signal(total.shape(), name=f"sum{k}", reset_less=True)
            m.d.sync += y.eq(total)
            clipped = y
            if self.plan.lo is not None:
                lo, hi = limits[k]
                clipped = Mux(y < lo, lo, Mux(y > hi, hi, y))
            if corrections:
                code = y if self.plan.lo is None else register(m, clipped, f"clipped{k}")
                code = self.delayed(m, code, self.plan.wait, f"code{k}_")
                m.d.sync += self.o[k].eq(code + corrections[k])
            elif self.plan.lo is None:
                m.d.comb += self.o[k].eq(y)
            else:
                m.d.sync += self.o[k].eq(clipped)
        self.finish(m)
        return m

    def _limits(self, m, beat):
        """Return the least and the greatest code of each lane, two cycles after the beat."""
        return [(self.plan.lo, self.plan.hi)] * self.plan.lanes

    def _corrections(self, m, beat):
        """Return what exceptions add to the codes of each lane, a cycle before these leave."""
        found = []
        for k, table in enumerate(self.plan.tables):
            if table is None:
                found.append(Const(0))
                continue
            target = self.plan.target
            m.submodules[f"displacements{k}"] = where = Rom(width=table.bits, words=table.displacements, target=target)
            width = table.acc_bits + table.beat_bits + table.by_bits
            m.submodules[f"exceptions{k}"] = rom = Rom(width=width, words=table.words, latency=2, target=target)
            acc = self.delayed(m, self.i[k].as_unsigned(), 1, f"exception_acc{k}_")
            place = acc[: table.bits] + where.data
            m.d.comb += [where.address.eq(beat), rom.address.eq(place[: table.bits])]
            seen = Cat(self.delayed(m, acc, 2, f"seen_acc{k}_"), self.delayed(m, beat, 3, f"seen_beat{k}_"))
            tag = table.acc_bits + table.beat_bits
            by = register(m, Mux(rom.data[:tag] == seen, rom.data[tag:], 0), f"exception{k}").as_signed()
            found.append(self.delayed(m, by, self.plan.latency - 1 - self.plan.LOOK_CYCLES, f"exception{k}_"))
        return found

    def _kinked(self, m, beat, totals):
        """The totals a cycle later, their kinks taken off, without the bits below all kinks."""
        low = self.plan.kink_bit
        kinks = self.numbers(m, "kinks", beat)
        found = []
        for k, total in enumerate(totals):
            before = register(m, total, f"before{k}")
            below = (before >> self.plan.shift) <= self.plan.level
            found.append((before >> low) - Mux(below, kinks[k], 0))
        return found

    def _even(self, m, totals, shift):
        """The shifted totals a cycle later, one less where a half was rounded to the wrong side."""
        found = []
        for k, total in enumerate(totals):
            whole = register(m, total, f"whole{k}")
            wrong = (whole[:shift] == 0) & (whole[shift] != self.plan.ties)
            found.append((whole >> shift) - wrong)
        return found

    def _scaled(self, m, beat, held):
        """Return the products of the accumulators with their neurons' multipliers."""
        signed, factors = self.plan.factor_shape.signed, self.numbers(m, "multipliers", beat)
        products = []
        for k in range(self.plan.lanes):
            factor = factors[k].as_signed() if signed else factors[k]
            acc = self.delayed(m, held[k], 1, f"factor_acc{k}_")
            accs, factors_of = _parts(acc, self.plan.acc_starts), _parts(factor, self.plan.factor_starts)
            terms = [(a * f, shift + more) for a, shift in accs for f, more in factors_of]
            terms.sort(key=lambda term: term[1])
            terms = [(register(m, product, f"product{k}_{n}"), shift) for n, (product, shift) in enumerate(terms)]
            products.append(self._sum(m, terms, f"product{k}_sum"))
        return products

    def _sum(self, m, terms, name):
        """Return the sum of ``value << shift``, the least shift first, by a tree of adders with registers."""
        for level in range(self.plan.sum_levels):
            pairs, terms = [terms[n : n + 2] for n in range(0, len(terms), 2)], []
            for n, ((value, shift), *other) in enumerate(pairs):
                for more, higher in other:
                    value = value + (more << (higher - shift))
                terms.append((register(m, value, f"{name}{level}_{n}"), shift))
        return terms[0][0]


def _parts(value, starts):
    """Return ``(bits, shift)`` of the parts of an operand, each for one port of a DSP block."""
    if len(starts) == 1:
        return [(value, 0)]
    parts = [value[start:end] for start, end in zip(starts, [*starts[1:], len(value)], strict=True)]
    if value.shape().signed:
        parts[-1] = parts[-1].as_signed()
    return list(zip(parts, starts, strict=True))
