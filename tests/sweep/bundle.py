"""Many units of the sweep in one Verilog module, one build of Verilator and one run."""

import subprocess
from pathlib import Path

import numpy as np
from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.host.processes import run
from fewbit.hw.shell.verilog import convert
from fewbit.hw.xilinx.models import models_of
from fewbit.sim.errors import SimulationError
from fewbit.sim.simulators.program import build_program
from tests.sweep.unit import PERIOD

__all__ = ["Bundle", "compare"]

_WIDE = 96  # bits that a port has at least, so that Verilator keeps it as words
_MAIN = Path(__file__).parent / "main.cpp"


def _words(bits):
    return -(-bits // 32)


def _places(sizes):
    """Where each of some sizes begins, side by side, and where the last one ends."""
    ends = np.cumsum([0, *sizes]).tolist()
    return ends[:-1], ends[-1]


class Bundle(wiring.Component):
    """Units side by side. Payloads begin at words of 32 bits: streams in in ``x``, those out in ``y``.

    Parameters
    ----------
    units : list of `tests.sweep.unit.Unit`

    Members
    -------
    x, x_valid, y_ready : ``In``
    x_ready, y, y_valid : ``Out``
        Bit n of the latter for stream n.
    """

    def __init__(self, units):
        self.parts = [unit.make() for unit in units]
        self._ins = [getattr(p, name) for p, unit in zip(self.parts, units, strict=True) for name in unit.ports]
        self._outs = [part.o for part in self.parts]
        self.x_sizes, self.y_sizes = (
            [_words(len(Value.cast(s.p))) for s in streams] for streams in (self._ins, self._outs)
        )
        (self.x_at, x), (self.y_at, y) = _places(self.x_sizes), _places(self.y_sizes)
        ins, outs = max(_WIDE, len(self._ins)), max(_WIDE, len(self._outs))
        super().__init__({
            "x": In(max(_WIDE, 32 * x)), "x_valid": In(ins), "x_ready": Out(ins),
            "y": Out(max(_WIDE, 32 * y)), "y_valid": Out(outs), "y_ready": In(outs),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        for n, part in enumerate(self.parts):
            m.submodules[f"unit{n}"] = part
        for n, (stream, at) in enumerate(zip(self._ins, self.x_at, strict=True)):
            bits = len(Value.cast(stream.p))
            m.d.comb += [
                Value.cast(stream.p).eq(self.x[32 * at : 32 * at + bits]),
                stream.valid.eq(self.x_valid[n]), self.x_ready[n].eq(stream.ready),
            ]  # fmt: skip
        for n, (stream, at) in enumerate(zip(self._outs, self.y_at, strict=True)):
            bits = len(Value.cast(stream.p))
            m.d.comb += [
                self.y[32 * at : 32 * at + bits].eq(Value.cast(stream.p)),
                self.y_valid[n].eq(stream.valid), stream.ready.eq(self.y_ready[n]),
            ]  # fmt: skip
        return m


def compare(units, folder):
    """What differs from golden and from the cycle model, for each unit, in words; all empty if nothing does.

    The units are built by Verilator in ``folder``, and run together. `SimulationError` if that fails.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    cycles = max(unit.predict() for unit in units)
    bundle = Bundle(units)
    text = convert(bundle, "sweep") + models_of(sums=True)
    shape = {"SOURCES": len(bundle.x_at), "SINKS": len(bundle.y_at)}
    program = build_program(folder, _MAIN, {"sweep.v": text.encode()}, top="sweep", shape=shape, quick=True)
    _job(units, bundle, cycles).tofile(folder / "job.bin")
    try:
        done = run([program.resolve(), folder / "job.bin", folder / "found.bin"], timeout=3600)
    except subprocess.TimeoutExpired:
        raise SimulationError(f"{program} took over an hour") from None
    if done.returncode:
        raise SimulationError(f"{program} ended with status {done.returncode}")
    return _differences(units, bundle, np.fromfile(folder / "found.bin", dtype=np.uint32).tolist())


def _job(units, bundle, cycles):
    parts, streams = [np.array([cycles, PERIOD])], [(unit, k) for unit in units for k in range(len(unit.codes))]
    for (unit, k), at, size in zip(streams, bundle.x_at, bundle.x_sizes, strict=True):
        beats = unit.payloads(k)
        parts.append(np.array([at, size, len(beats)]))
        parts.append(np.frombuffer(b"".join(beat.to_bytes(4 * size, "little") for beat in beats), dtype=np.uint32))
    parts += [np.array(pair) for pair in zip(bundle.y_at, bundle.y_sizes, strict=True)]
    parts.append(_bits([unit.stalls.offers[k] for unit, k in streams]))
    parts.append(_bits([unit.stalls.takes for unit in units]))
    return np.concatenate([part.astype(np.uint32) for part in parts])


def _bits(rows):
    """Booleans ``(streams, PERIOD)`` as words, those of a cycle together, stream 0 lowest."""
    columns = np.array(rows).T
    columns = np.pad(columns, ((0, 0), (0, -columns.shape[1] % 32)))
    return np.packbits(columns, axis=1, bitorder="little").reshape(-1).view(np.uint32)


def _differences(units, bundle, found):
    taken, given, payloads = [[] for _ in bundle.x_at], [[] for _ in units], [[] for _ in units]
    sources, at = len(taken), 0
    while at < len(found):
        stream, cycle = found[at : at + 2]
        at += 2
        if stream < sources:
            taken[stream].append(cycle)
            continue
        size = bundle.y_sizes[stream - sources]
        given[stream - sources].append(cycle)
        payloads[stream - sources].append(sum(w << 32 * k for k, w in enumerate(found[at : at + size])))
        at += size
    result, first = [], 0
    for n, unit in enumerate(units):
        own = taken[first : first + len(unit.codes)]
        first += len(unit.codes)
        result.append(unit.differences(own, given[n], payloads[n]))
    return result
