"""From accumulators to codes: the free-running pipelines behind a processing array.

Each takes a beat of accumulators whenever ``i_valid`` is high and gives the beat of codes exactly ``plan.latency``
cycles later. Beats come in the order of the neurons, ``beats`` of them a vector, so a counter addresses the constants.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.float32.units import float_relu
from fewbit.hw.memory.load_layout import LoadLayout
from fewbit.hw.memory.loadable import LoadableMemory, connect_writes, writes
from fewbit.hw.memory.rom import Rom
from fewbit.hw.plan import component_of
from fewbit.hw.streams import counter
from fewbit.hw.wires import Lanes, delayed, shape_of

from .plans import CodeTablePlan, FloatReluPlan, SearchPlan, SignPlan, StoredTablePlan, WholePlan

__all__ = ["Activation", "CodeTable", "FloatRelu", "Search", "Sign", "StoredTable", "Whole"]


class Activation(wiring.Component):
    """What all activations share: ``i`` of accumulators, ``o`` of codes, and the beat counter.

    Parameters
    ----------
    plan : hw.activation.plans.ActivationPlan

    Members
    -------
    i : ``In(Lanes(plan.acc_shape, lanes))``, i_valid : ``In(1)``
    o : ``Out(Lanes(unsigned(plan.bits), lanes))``, o_valid : ``Out(1)``
    writes : ``In(hw.memory.loadable.writes(…))``
        What writes the plan's memories, if they are loadable.
    """

    def __init__(self, plan):
        self.plan, self._acc = plan, shape_of(plan.acc_shape)
        self._layout = LoadLayout(plan.memories) if plan.loadable else None
        super().__init__({
            "i": In(Lanes(self._acc, plan.lanes)), "i_valid": In(1),
            "o": Out(Lanes(unsigned(plan.bits), plan.lanes)), "o_valid": Out(1),
        } | ({"writes": In(writes(self._layout))} if plan.loadable else {}))  # fmt: skip

    def counted(self, m):
        """Return the number of the beat that is presented."""
        p = self.plan
        if p.times == 1:
            count, _ = counter(m, "beat", p.beats, self.i_valid)
            return count
        _, row_ends = counter(m, "beat", p.row_beats, self.i_valid)
        _, last_time = counter(m, "time", p.times, self.i_valid & row_ends)
        count, start = (Signal(range(max(2, p.beats)), name=name) for name in ("place", "row_place"))
        # The place of a row's first beat, and of the one that is presented.
        after = Mux(count == p.beats - 1, 0, count + 1)
        with m.If(self.i_valid):
            m.d.sync += count.eq(Mux(row_ends & ~last_time, start, after))
            with m.If(row_ends & last_time):
                m.d.sync += start.eq(after)
        return count

    def read(self, m, name, address):
        """Return the word at ``address`` of one of the plan's memories, as many cycles later as that takes."""
        m.submodules[name] = memory = self._memory(m, name, self.plan.memories[name])
        m.d.comb += memory.address.eq(address)
        return memory.data

    def numbers(self, m, name, beat):
        """Return what one of the plan's memories has for the neurons of a beat, by lane (`ActivationPlan.by_beat`)."""
        data = self.read(m, name, beat)
        width = len(data) // self.plan.lanes
        return [data[k * width : (k + 1) * width] for k in range(self.plan.lanes)]

    def _memory(self, m, name, contents):
        """Return the hardware of a memory."""
        if self._layout is None:
            return Rom.of(contents, self.plan.target)
        memory = LoadableMemory(contents)
        connect_writes(m, memory.writes, self.writes, self._layout.places[name])
        return memory

    def delayed(self, m, value, cycles, name):
        """Return ``value``, ``cycles`` later."""
        return delayed(m, value, cycles, name)

    def finish(self, m):
        """Let ``o_valid`` be ``i_valid``, ``plan.latency`` cycles later."""
        valid = self.i_valid
        for n in range(self.plan.latency):
            after = Signal(name=f"valid{n}")
            m.d.sync += after.eq(valid)
            valid = after
        m.d.comb += self.o_valid.eq(valid)


@component_of(SignPlan)
class Sign(Activation):
    """A code of one bit: ``code = acc >= 0``, of accumulators that were preloaded with minus their threshold.

    ``plan.flips`` (one bit a neuron) inverts the code of a neuron that falls. Latency 0, or 1 where there is one.
    """

    def elaborate(self, platform):
        m = Module()
        positive = Cat(~self.i[k][-1] if self._acc.signed else 1 for k in range(self.plan.lanes))
        if self.plan.latency == 0:
            m.d.comb += Value.cast(self.o).eq(positive)
        else:
            flips = Cat(*self.numbers(m, "flips", self.counted(m)))
            m.d.comb += Value.cast(self.o).eq(self.delayed(m, positive, 1, "sign") ^ flips)
        self.finish(m)
        return m


@component_of(WholePlan)
class Whole(Activation):
    """The accumulator itself, ``scale*acc + rest`` for scale 1 or 2 and one ``rest`` a neuron: logits.

    Latency 0, or 1 where the rests differ.
    """

    def elaborate(self, platform):
        m = Module()
        if self.plan.constant:
            rests = [self.plan.rests[0]] * self.plan.lanes
        else:
            rests = self.numbers(m, "rests", self.counted(m))
        for k in range(self.plan.lanes):
            acc = self.delayed(m, self.i[k], self.plan.latency, f"acc{k}_")
            whole = Signal(Shape(self.plan.bits, signed=self._acc.signed), name=f"whole{k}")
            m.d.comb += whole.eq(acc if self.plan.scale == 1 else acc * 2 + rests[k])
            m.d.comb += self.o[k].eq(whole)
        self.finish(m)
        return m


@component_of(SearchPlan)
class Search(Activation):
    """``index = (thresholds <= acc).sum()`` for ``2**bits - 1`` rising thresholds a neuron, then ``codes[index]``.

    Up to two bits all thresholds are compared at once (latency 2); above, a binary search takes two cycles a bit: read
    the threshold of the node that the bits so far lead to, compare. Reading takes a cycle more from what becomes block
    RAM. Throughput one beat a cycle either way.

    Parameters
    ----------
    plan : hw.activation.plans.SearchPlan
    """

    def elaborate(self, platform):
        m = Module()
        beat = self.counted(m)
        index = self._compare_all(m, beat) if self.plan.parallel else self._search(m, beat)
        if self.plan.codes is None:
            turned = self._turned(m, beat)
            m.d.comb += [self.o[k].eq(index[k] ^ turned[k]) for k in range(self.plan.lanes)]
        else:
            late = self.delayed(m, beat, self.plan.steps, "code_beat")
            for k in range(self.plan.lanes):
                m.d.comb += self.o[k].eq(self.read(m, f"codes{k}", Cat(index[k], late)))
        self.finish(m)
        return m

    def _turned(self, m, beat):
        """Return which bits of an index are inverted, by lane."""
        return [self.plan.xor] * self.plan.lanes

    def _compare_all(self, m, beat):
        held = [self.delayed(m, self.i[k], 1, f"acc{k}_") for k in range(self.plan.lanes)]
        count = [0] * self.plan.lanes
        for j in range(len(self.plan.thresholds[0])):
            words = self.numbers(m, f"threshold{j}", beat)
            for k in range(self.plan.lanes):
                count[k] += held[k] >= words[k]
        index = []
        for k in range(self.plan.lanes):
            index.append(Signal(self.plan.depth, name=f"index{k}", reset_less=True))
            m.d.sync += index[k].eq(count[k])
        return index

    def _search(self, m, beat):
        result = []
        for k in range(self.plan.lanes):
            acc, where, found = self.i[k], beat, None
            for level, read in enumerate(self.plan.reads):
                threshold = self.read(m, f"lane{k}_level{level}", where if found is None else Cat(found, where))
                acc = self.delayed(m, acc, read, f"lane{k}_read{level}_")
                found = None if found is None else self.delayed(m, found, read, f"lane{k}_path{level}_")
                bit = acc >= threshold
                after = Signal(level + 1, name=f"lane{k}_found{level}", reset_less=True)
                m.d.sync += after.eq(Cat(bit, found) if found is not None else bit)
                found = after
                acc = self.delayed(m, acc, 1, f"lane{k}_acc{level}_")
                where = self.delayed(m, where, read + 1, f"lane{k}_beat{level}_")
            result.append(found)
        return result


@component_of(FloatReluPlan)
class FloatRelu(Activation):
    """ReLU of float32 accumulators, or the accumulators as they are. Latency 0."""

    def elaborate(self, platform):
        m = Module()
        for k in range(self.plan.lanes):
            m.d.comb += self.o[k].eq(float_relu(self.i[k]) if self.plan.relu else self.i[k])
        self.finish(m)
        return m


@component_of(CodeTablePlan)
class CodeTable(Activation):
    """``code = words[code]``, one table for every position. Latency 1."""

    def elaborate(self, platform):
        m = Module()
        for k in range(self.plan.lanes):
            table = Array(Const(w, self.plan.bits) for w in self.plan.words)
            m.d.sync += self.o[k].eq(table[self.i[k]])
        self.finish(m)
        return m


@component_of(StoredTablePlan)
class StoredTable(Activation):
    """``code = words[code]``, one table for every position, in a memory for each lane. Latency 1, or 2 of block RAM."""

    def elaborate(self, platform):
        m = Module()
        for k in range(self.plan.lanes):
            m.d.comb += self.o[k].eq(self.read(m, f"lane{k}", self.i[k]))
        self.finish(m)
        return m
