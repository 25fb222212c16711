"""From accumulators to codes: the free-running pipelines behind a processing array.

Each takes a beat of accumulators whenever ``i_valid`` is high and gives the beat of codes exactly ``LATENCY`` cycles
later. Beats come in the order of the neurons, ``beats`` of them a vector, so a counter addresses the constants.
"""

from amaranth.hdl import Cat, Module, Shape, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from fewbit.hw.float32.units import float_relu
from fewbit.hw.latency import delayed
from fewbit.hw.memory.rom import Rom, is_large
from fewbit.hw.streams import counter, pack
from fewbit.hw.target import Luts

__all__ = ["Activation", "FloatRelu", "Search", "Sign", "Whole"]


class Activation(wiring.Component):
    """What all activations share: ``i`` of ``acc_shape`` lanes, ``o`` of codes, and the beat counter.

    Their ``common`` parameters are ``acc_shape``, ``bits`` of a code (where they may be chosen), ``lanes``, ``beats``
    of a vector, and ``luts``, as of `hw.memory.rom.Rom`.
    """

    LATENCY = 0
    dsps = 0  # that it takes

    def __init__(self, *, acc_shape, bits, lanes, beats, luts=Luts.OPERATORS):
        for name, value in ("Bits", bits), ("Lanes", lanes), ("Beats", beats):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        self._acc, self._bits, self._lanes, self._beats = Shape.cast(acc_shape), bits, lanes, beats
        self._luts = luts
        super().__init__({
            "i": In(ArrayLayout(self._acc, lanes)), "i_valid": In(1),
            "o": Out(ArrayLayout(unsigned(bits), lanes)), "o_valid": Out(1),
        })  # fmt: skip

    def per_neuron(self, name, values):
        """``values``, checked to be one for each neuron."""
        if len(values) != self._lanes * self._beats:
            raise ValueError(f"{name} must be {self._lanes * self._beats}, one for each neuron, not {len(values)}")
        return values

    def counted(self, m):
        """The number of the beat that is presented."""
        count, _ = counter(m, "beat", self._beats, self.i_valid)
        return count

    def rom(self, m, name, address, words, width, latency=1):
        """A ROM of one word a neuron, read a beat at a time: lane l of beat b holds ``words[b*lanes + l]``."""
        packed = [pack(words[b : b + self._lanes], width) for b in range(0, len(words), self._lanes)]
        m.submodules[name] = rom = Rom(width=width * self._lanes, words=packed, latency=latency, luts=self._luts)
        m.d.comb += rom.address.eq(address)
        return [rom.data[k * width : (k + 1) * width] for k in range(self._lanes)]

    def delayed(self, m, value, cycles, name):
        """``value``, ``cycles`` later."""
        return delayed(m, value, cycles, name)

    def finish(self, m):
        """Valid travels along."""
        valid = self.i_valid
        for n in range(self.LATENCY):
            after = Signal(name=f"valid{n}")
            m.d.sync += after.eq(valid)
            valid = after
        m.d.comb += self.o_valid.eq(valid)


class Sign(Activation):
    """One bit: ``code = acc >= 0``, of accumulators that were preloaded with minus their threshold.

    ``flips`` (one bit a neuron) inverts the code of a neuron that falls. Latency 0.
    """

    def __init__(self, *, flips, **common):
        super().__init__(bits=1, **common)
        self._flips = self.per_neuron("Flips", flips)
        self.LATENCY = 0 if not any(flips) else 1

    def elaborate(self, platform):
        m = Module()
        positive = Cat(~self.i[k][-1] if self._acc.signed else 1 for k in range(self._lanes))
        if self.LATENCY == 0:
            m.d.comb += Value.cast(self.o).eq(positive)
        else:
            flips = Cat(*self.rom(m, "flips", self.counted(m), self._flips, 1))
            m.d.comb += Value.cast(self.o).eq(self.delayed(m, positive, 1, "sign") ^ flips)
        self.finish(m)
        return m


class Whole(Activation):
    """The accumulator itself, ``scale*acc + rest`` for scale 1 or 2 and one ``rest`` a neuron: logits.

    Latency 0, or 1 where the rests differ.
    """

    def __init__(self, *, scale, rests, **common):
        super().__init__(**common)
        if scale not in (1, 2):
            raise ValueError(f"Scale must be 1 or 2, not {scale!r}")
        self._scale, self._rests = scale, self.per_neuron("Rests", rests)
        self._constant = len(set(rests)) == 1
        self.LATENCY = 0 if self._constant else 1

    def elaborate(self, platform):
        m = Module()
        if self._constant:
            rests = [self._rests[0]] * self._lanes
        else:
            rests = self.rom(m, "rests", self.counted(m), self._rests, 1)
        for k in range(self._lanes):
            acc = self.delayed(m, self.i[k], self.LATENCY, f"acc{k}_")
            whole = Signal(Shape(self._bits, signed=self._acc.signed), name=f"whole{k}")
            m.d.comb += whole.eq(acc if self._scale == 1 else acc * 2 + rests[k])
            m.d.comb += self.o[k].eq(whole)
        self.finish(m)
        return m


class Search(Activation):
    """``index = (thresholds <= acc).sum()`` for ``2**bits - 1`` rising thresholds a neuron, then ``codes[index]``.

    Up to two bits all thresholds are compared at once (latency 2); above, a binary search takes two cycles a bit: read
    the threshold of the node that the bits so far lead to, compare. Reading takes a cycle more from what becomes block
    RAM. Throughput one beat a cycle either way.

    Parameters
    ----------
    thresholds : list of lists
        By neuron, ``2**depth - 1`` each, in the accumulator's units.
    xor : int
        Inverted bits of the index: the code of a signed format is its index with the top bit turned.
    codes : list of lists or None
        By neuron, ``2**depth`` codes, where they are not simply the index; costs a ROM and one more cycle.
    """

    PARALLEL_BITS = 2

    def __init__(self, *, thresholds, xor=0, codes=None, **common):
        super().__init__(**common)
        sizes = {len(row) for row in self.per_neuron("Threshold rows", thresholds)}
        self._depth = max(sizes).bit_length()
        if sizes != {2**self._depth - 1} or not self._depth:
            raise ValueError(f"Thresholds must be 2**n - 1 a neuron, the same for all, not {sorted(sizes)}")
        if min(min(row) for row in thresholds) < 0 or self._acc.signed:
            raise ValueError("Thresholds and accumulators must not be negative")
        if codes is not None and {len(row) for row in self.per_neuron("Code rows", codes)} != {2**self._depth}:
            raise ValueError(f"Codes must be {2**self._depth} a neuron, one more than thresholds")
        self._thresholds, self._xor, self._codes = thresholds, xor, codes
        self.parallel = self._depth <= self.PARALLEL_BITS
        self._width = max(1, int(max(max(row) for row in thresholds)).bit_length())
        self._reads = (
            [1] if self.parallel else [1 + is_large(self._width, self._level(n, 0)) for n in range(self._depth)]
        )
        self._steps = sum(self._reads) + len(self._reads)  # each of them is followed by a comparison
        self.LATENCY = self._steps + (codes is not None)

    def _level(self, level, lane):
        """Thresholds of the nodes of a level of the search, beat by beat."""
        stride = 2 ** (self._depth - level)
        rows = self._thresholds[lane :: self._lanes]
        return [row[node * stride + stride // 2 - 1] for row in rows for node in range(2**level)]

    def elaborate(self, platform):
        m = Module()
        beat = self.counted(m)
        index = self._compare_all(m, beat) if self.parallel else self._search(m, beat)
        if self._codes is None:
            m.d.comb += [self.o[k].eq(index[k] ^ self._xor) for k in range(self._lanes)]
        else:
            late = self.delayed(m, beat, self._steps, "code_beat")
            for k in range(self._lanes):
                words = [c for row in self._codes[k :: self._lanes] for c in row]
                m.submodules[f"codes{k}"] = rom = Rom(width=self._bits, words=words, luts=self._luts)
                m.d.comb += [rom.address.eq(Cat(index[k], late)), self.o[k].eq(rom.data)]
        self.finish(m)
        return m

    def _compare_all(self, m, beat):
        held = [self.delayed(m, self.i[k], 1, f"acc{k}_") for k in range(self._lanes)]
        count = [0] * self._lanes
        for j in range(len(self._thresholds[0])):
            column = [row[j] for row in self._thresholds]
            words = self.rom(m, f"threshold{j}", beat, column, self._width)
            for k in range(self._lanes):
                count[k] += held[k] >= words[k]
        index = []
        for k in range(self._lanes):
            index.append(Signal(self._depth, name=f"index{k}", reset_less=True))
            m.d.sync += index[k].eq(count[k])
        return index

    def _search(self, m, beat):
        result = []
        for k in range(self._lanes):
            acc, where, found = self.i[k], beat, None
            for level, read in enumerate(self._reads):
                m.submodules[f"lane{k}_level{level}"] = rom = Rom(
                    width=self._width, words=self._level(level, k), latency=read, luts=self._luts
                )
                m.d.comb += rom.address.eq(where if found is None else Cat(found, where))
                acc = self.delayed(m, acc, read, f"lane{k}_read{level}_")
                found = None if found is None else self.delayed(m, found, read, f"lane{k}_path{level}_")
                bit = acc >= rom.data
                after = Signal(level + 1, name=f"lane{k}_found{level}", reset_less=True)
                m.d.sync += after.eq(Cat(bit, found) if found is not None else bit)
                found = after
                acc = self.delayed(m, acc, 1, f"lane{k}_acc{level}_")
                where = self.delayed(m, where, read + 1, f"lane{k}_beat{level}_")
            result.append(found)
        return result


class FloatRelu(Activation):
    """ReLU of float32 accumulators, or the accumulators as they are. Latency 0."""

    def __init__(self, *, relu, **common):
        super().__init__(acc_shape=unsigned(32), bits=32, **common)
        self._relu = relu

    def elaborate(self, platform):
        m = Module()
        for k in range(self._lanes):
            m.d.comb += self.o[k].eq(float_relu(self.i[k]) if self._relu else self.i[k])
        self.finish(m)
        return m
