"""A bench for components with one stream in and one out: seeded stalls, bounded waits, nothing left over."""

import os
import re
from dataclasses import dataclass, field

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
    """Payloads that left, the cycles in which beats were taken in and given out, and, for each cycle, whether one was
    offered to the component and whether one would have been taken from it."""

    payloads: list
    taken: list
    given: list
    offered: list = field(default_factory=list)
    wanted: list = field(default_factory=list)


def simulate(dut, testbench):
    """Run ``testbench(dut)``, a fresh testbench each time; if it fails, again with a waveform under ``build/test/``."""

    def run():
        m = Module()
        m.domains.sync = ClockDomain()  # a component may be wires alone
        m.submodules.dut = dut
        sim = Simulator(m)
        sim.add_clock(1e-6)
        sim.add_testbench(testbench)
        return sim

    try:
        run().run()
    except AssertionError:
        BUILD.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^\w.-]+", "_", os.environ.get("PYTEST_CURRENT_TEST", type(dut).__name__)).strip("_")
        sim = run()
        with sim.write_vcd(str(BUILD / f"{name}.vcd")):
            sim.run()
        raise


def set_together(ctx, pairs):
    """Set each signal of ``(signal, bits as an integer)``: the design settles anew with each assignment."""
    signals, values, at = [], 0, 0
    for signal, value in pairs:
        signals.append(Value.cast(signal))
        values |= int(value) << at
        at += len(signals[-1])
    ctx.set(Cat(signals), values)


def stream(dut, beats, count, *, stalls=(0, 0), seed=0, quiet=40):
    """Send the payloads ``beats``, take ``count`` out, and see that nothing is left; a `Trace`.

    A source that offers a beat holds it until it is taken; between beats the payload is noise. A beat that ``dut``
    offers must stay until it is taken. Once all have left, none may follow for ``quiet`` cycles.
    """
    idle, refuse = stalls
    payload_in, payload_out = Value.cast(dut.i.p), Value.cast(dut.o.p)
    bits = len(payload_in)
    driven = Cat(dut.o.ready, dut.i.valid, payload_in)  # at once: the design settles anew with each assignment
    limit = 400 + int(12 * (len(beats) + count + 400) / (1 - idle) / (1 - refuse))
    trace = Trace([], [], [])

    async def testbench(ctx):
        rng = np.random.default_rng(seed)
        trace.payloads, trace.taken, trace.given, trace.offered, trace.wanted = [], [], [], [], []
        offering, before, left = False, None, quiet
        ticks = aiter(ctx.tick().sample(dut.i.ready, dut.o.valid, payload_out))
        for cycle in range(limit):
            sent, done = len(trace.taken), len(trace.given) == count
            offering = sent < len(beats) and (offering or rng.random() >= idle)
            ready = done or rng.random() >= refuse
            noise = int.from_bytes(rng.bytes(-(-bits // 8)), "little") % 2**bits
            ctx.set(driven, ready | offering << 1 | (beats[sent] if offering else noise) << 2)
            _, _, accepted, valid, payload = await anext(ticks)
            assert before is None or (valid and payload == before), f"cycle {cycle}: an offered beat did not stay"
            before = payload if valid and not ready else None
            trace.offered.append(offering)
            trace.wanted.append(ready)
            if offering and accepted:
                trace.taken.append(cycle)
                offering = False
            if valid and ready:
                assert not done, f"cycle {cycle}: a beat too many: {payload:#x}"
                trace.payloads.append(payload)
                trace.given.append(cycle)
            left -= done
            if left < 0:
                break
        await ticks.aclose()
        assert len(trace.given) == count, f"{len(trace.given)} of {count} beats in {limit} cycles"
        assert len(trace.taken) == len(beats), f"took {len(trace.taken)} of {len(beats)} beats"

    simulate(dut, testbench)
    return trace


def to_beats(codes, lanes, bits):
    """Payloads of the vectors ``codes`` (V, K), ``lanes`` codes a beat, padded with zeros."""
    codes = np.pad(np.asarray(codes, dtype=np.int64), ((0, 0), (0, -np.shape(codes)[1] % lanes)))
    return [pack(beat, bits) for beat in codes.reshape(-1, lanes)]


def from_beats(payloads, lanes, bits, vectors):
    """Codes (``vectors``, padded length) of ``payloads``."""
    codes = [(p >> (k * bits)) & ((1 << bits) - 1) for p in payloads for k in range(lanes)]
    return np.array(codes, dtype=np.int64).reshape(vectors, -1)


def assert_varied(values):
    """Not vacuous: no value is more than half of ``values``, nor more than three quarters where there are just two."""
    counts = np.unique(values, return_counts=True)[1]
    assert len(counts) > 1
    assert counts.max() <= np.size(values) * (0.5 if len(counts) > 2 else 0.75)
