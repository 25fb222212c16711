"""A bench for components with streams in and out: seeded stalls, bounded waits, nothing left over."""

import os
import re
from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, ClockDomain, Module, Value
from amaranth.sim import Simulator

from fewbit.hw.packing import pack
from fewbit.places import HOME

BUILD = HOME / "build" / "test"

# Probabilities that the source idles and that the sink refuses, in a cycle.
STALLS = {"full rate": (0, 0), "idle": (0.5, 0), "back-pressure": (0, 0.5), "both": (0.4, 0.4)}


@dataclass
class Trace:
    """What a component with the streams ``i`` and ``o`` did; the lists are those of `Source` and `Sink`."""

    payloads: list
    taken: list
    given: list
    offered: list
    wanted: list


class Source:
    """Sends ``beats`` into a stream. A beat that it offers stays until it is taken; between beats the payload is noise.

    Attributes
    ----------
    taken : list of int
        Cycles in which beats were taken.
    offered : list of bool
        For each cycle, whether a beat was offered.
    """

    def __init__(self, name, port, beats, idle):
        self.name, self._beats, self._idle = name, beats, idle
        self._bits = len(Value.cast(port.p))
        self.driven, self.seen = Cat(port.valid, Value.cast(port.p)), port.ready

    def begin(self):
        self.taken, self.offered, self._offering = [], [], False

    def drive(self, rng):
        """Return the bits that the component sees of it in the next cycle."""
        sent = len(self.taken)
        self._offering = sent < len(self._beats) and (self._offering or rng.random() >= self._idle)
        self.offered.append(self._offering)
        noise = int.from_bytes(rng.bytes(-(-self._bits // 8)), "little") % 2**self._bits
        return self._offering | (self._beats[sent] if self._offering else noise) << 1

    def observe(self, cycle, ready):
        if self._offering and ready:
            self.taken.append(cycle)
            self._offering = False

    @property
    def done(self):
        return len(self.taken) == len(self._beats)

    def __str__(self):
        return f"{self.name}: {len(self.taken)} of {len(self._beats)} beats were taken"


class Sink:
    """Takes ``count`` beats from a stream. A beat that is offered must stay until it is taken, and none may come after
    the last.

    Attributes
    ----------
    payloads, given : lists of int
        What left, and the cycles in which it did.
    wanted : list of bool
        For each cycle, whether a beat would have been taken.
    """

    def __init__(self, name, port, count, refuse):
        self.name, self._count, self._refuse = name, count, refuse
        self.driven, self.seen = port.ready, Cat(port.valid, Value.cast(port.p))

    def begin(self):
        self.payloads, self.given, self.wanted, self._before = [], [], [], None

    def drive(self, rng):
        """Return whether it is ready in the next cycle; always, once it has all."""
        self.wanted.append(bool(self.done or rng.random() >= self._refuse))
        return self.wanted[-1]

    def observe(self, cycle, seen):
        valid, payload = seen & 1, seen >> 1
        where = f"{self.name}, cycle {cycle}"
        assert self._before is None or (valid and payload == self._before), f"{where}: an offered beat did not stay"
        self._before = payload if valid and not self.wanted[-1] else None
        if valid and self.wanted[-1]:
            assert not self.done, f"{where}: a beat too many: {payload:#x}"
            self.payloads.append(payload)
            self.given.append(cycle)

    @property
    def done(self):
        return len(self.given) == self._count

    def __str__(self):
        return f"{self.name}: {len(self.given)} of {self._count} beats were given"


class Bench:
    """A component in the simulator, made once for several runs: for a large one, that takes longer than a run."""

    def __init__(self, dut):
        self.dut, self._testbench, self._simulator = dut, None, None

    def run(self, testbench):
        """Run ``testbench`` from reset; if it fails, once more with a waveform under ``build/test/``."""
        self._testbench = testbench
        if self._simulator is None:
            self._simulator = self._made()
        else:
            self._simulator.reset()
        try:
            self._simulator.run()
        except AssertionError:
            BUILD.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"[^\w.-]+", "_", os.environ.get("PYTEST_CURRENT_TEST", type(self.dut).__name__)).strip("_")
            self._simulator = self._made()
            with self._simulator.write_vcd(str(BUILD / f"{name}.vcd")):
                self._simulator.run()
            raise

    def _made(self):
        m = Module()
        m.domains.sync = ClockDomain()  # a component may be wires alone
        m.submodules.dut = self.dut
        simulator = Simulator(m)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self._present)
        return simulator

    async def _present(self, ctx):
        await self._testbench(ctx)


def simulate(dut, testbench):
    """Run ``testbench`` once on ``dut``, as `Bench` does."""
    Bench(dut).run(testbench)


def set_together(ctx, pairs):
    """Set each signal of ``(signal, bits as an integer)``: the design settles anew with each assignment."""
    signals, values, at = [], 0, 0
    for signal, value in pairs:
        signals.append(Value.cast(signal))
        values |= int(value) << at
        at += len(signals[-1])
    ctx.set(Cat(signals), values)


def stream(dut, beats, count, **options):
    """Send the payloads ``beats`` into ``i`` and take ``count`` from ``o``, as `streams` does; return a `Trace`."""
    ends = streams(dut, {"i": beats}, {"o": count}, **options)
    i, o = ends["i"], ends["o"]
    return Trace(o.payloads, i.taken, o.given, i.offered, o.wanted)


def streams(dut, beats, counts, *, stalls=(0, 0), seed=0, quiet=40):
    """Send payloads into streams of ``dut``, take some from others, and see that nothing is left.

    Parameters
    ----------
    dut : component, or its `Bench` for another run of it
    beats : dict of lists of int
        Payloads by the name of the stream.
    counts : dict of int
        How many leave, by the name of the stream.
    stalls : (float, float)
        Probabilities that a source idles and that a sink refuses, in a cycle; each draws for itself.
    quiet : int
        Cycles after the last beat in which none may follow.

    Returns
    -------
    dict of `Source` and `Sink`, by the name of the stream.
    """
    bench = dut if isinstance(dut, Bench) else Bench(dut)
    idle, refuse = stalls
    sources = [Source(name, getattr(bench.dut, name), payloads, idle) for name, payloads in beats.items()]
    sinks = [Sink(name, getattr(bench.dut, name), count, refuse) for name, count in counts.items()]
    ends = sources + sinks
    most = sum(map(len, beats.values())) + sum(counts.values())
    limit = 400 + int(12 * (most + 400) / (1 - idle) / (1 - refuse))

    driven = Cat(end.driven for end in ends)  # at once: the design settles anew with each assignment
    places = [len(Cat(end.driven for end in ends[:n])) for n in range(len(ends))]

    async def testbench(ctx):
        rng = np.random.default_rng(seed)
        for end in ends:
            end.begin()
        left = quiet
        ticks = aiter(ctx.tick().sample(*(end.seen for end in ends)))
        for cycle in range(limit):
            left -= all(end.done for end in sinks)
            if left < 0:
                break
            ctx.set(driven, sum(end.drive(rng) << place for end, place in zip(ends, places, strict=True)))
            _, _, *seen = await anext(ticks)
            for end, value in zip(ends, seen, strict=True):
                end.observe(cycle, value)
        await ticks.aclose()
        assert all(end.done for end in ends), f"after {limit} cycles, {'; '.join(map(str, ends))}"

    bench.run(testbench)
    return {end.name: end for end in ends}


def to_beats(codes, lanes, bits):
    """Return the payloads of the vectors ``codes`` (V, K), ``lanes`` codes a beat, padded with zeros."""
    codes = np.pad(np.asarray(codes, dtype=np.int64), ((0, 0), (0, -np.shape(codes)[1] % lanes)))
    return [pack(beat, bits) for beat in codes.reshape(-1, lanes)]


def entry_beats(plan, samples, number=0):
    """Return the payloads of samples, a batch, at an input of an accelerator's plan."""
    given, entry = plan.network.inputs[number], plan.entries[number]
    codes = entry.format.encode(given.arranged(plan.network.apart(samples)[number]))
    return to_beats(codes, entry.lanes, entry.format.bits)


def from_beats(payloads, lanes, bits, vectors):
    """Return the codes (``vectors``, padded length) of ``payloads``."""
    codes = [(p >> (k * bits)) & ((1 << bits) - 1) for p in payloads for k in range(lanes)]
    return np.array(codes, dtype=np.int64).reshape(vectors, -1)


def assert_varied(values):
    """Check that a test is not vacuous: no value is more than half of ``values``, nor more than three quarters where
    there are just two."""
    counts = np.unique(values, return_counts=True)[1]
    assert len(counts) > 1
    assert counts.max() <= np.size(values) * (0.5 if len(counts) > 2 else 0.75)
