"""The clock of the examples and of lone matrix-vector units, by place and route on an ECP5.

``python -m bench.clock [NAME …]`` builds each with its default folding (target portable), places and routes it, prints
a table and writes it under ``build/bench/`` as ``clock.md`` and ``clock.json``. Names are those of the table's first
column; without any, all are measured.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from flow.cache import BUILD, ROOT, atomic_write
from flow.pnr import DEVICES, SPEEDS, place
from flow.pnrcommand import placed

__all__ = ["measure", "page"]

EXAMPLES = (
    *(f"digits/{name}" for name in ("w1a1", "w1a2", "ternary", "w4a4", "w8a8")),
    "digits-cnn/w1a1", "digits-cnn/w2a2", *(f"fashion/{name}" for name in ("w1a1", "w2a2", "separable", "resnet")),
)  # fmt: skip
# Bits of activations and weights, PE, SIMD; four steps and four rows a vector, one-bit and four-bit results.
UNITS = {"MVU 10 x 128, 1 bit": (1, 10, 128), "MVU 16 x 64, 4 bits": (4, 16, 64)}
GOAL_EXAMPLE, GOAL_UNIT = 150, 200


def unit(bits, pe, simd, seed=1):
    """Verilog of a lone matrix-vector unit with random weights and thresholds, as module ``mvu``."""
    from amaranth.back import verilog

    from golden.formats import Bipolar, Signed, Unsigned
    from golden.network import Dense, Edge, Threshold
    from hw.layerplan import LayerPlan
    from hw.mvu import MatrixVectorUnit

    x, w = (Bipolar(), Bipolar()) if bits == 1 else (Unsigned(bits), Signed(bits))
    inputs, neurons = 4 * simd, 4 * pe
    rng = np.random.default_rng(seed)
    dense = Dense("dense", "x", "acc", rng.choice(w.values, (neurons, inputs)))
    edges = {"x": Edge(x, np.full(inputs, x.lo), np.full(inputs, x.hi))}
    edges["acc"] = dense.out(edges["x"])
    spread = np.sqrt(inputs) * np.std(x.values) * np.std(w.values)
    cuts = np.sort(np.rint(rng.normal(0, spread, (neurons, x.levels - 1))).astype(np.int64), axis=1)
    act = Threshold("act", "acc", "y", cuts, None, x)
    edges["y"] = act.out(edges["acc"])
    plan = LayerPlan(dense, act, edges, pe=pe, simd=simd)
    return verilog.convert(MatrixVectorUnit(plan), name="mvu", emit_src=False, strip_internal_attrs=True)


def verilog_of(name):
    """``(path, top, layers)`` of what ``name`` stands for."""
    if name in UNITS:
        path = BUILD / "bench" / "clock" / f"{'_'.join(map(str, UNITS[name]))}.v"
        atomic_write(path, unit(*UNITS[name]))
        return path, "mvu", ()
    from flow.project import Project

    project = Project(ROOT / "examples" / f"{name}.onnx", directory=BUILD / "bench" / "clock" / name)
    project.generate()
    return project.verilog, "accelerator", project.manifest()["layers"]


def measure(name, device, speed, seed):
    """What `flow.pnrcommand.placed` says of an example or a unit, and its seconds."""
    begin = time.monotonic()
    path, top, layers = verilog_of(name)
    found = place(path, top, device=device, speed=speed, seed=seed)
    result = placed(found, path.read_text(encoding="utf-8"), top, layers)
    return result | {"seconds": round(time.monotonic() - begin, 1)}


def page(results):
    """A Markdown table of ``{name: result of measure}``."""
    rows = [["design", "MHz", "goal", "LUT4", "FF", "BRAM", "DSP", "critical path"], ["---"] * 8]
    for name, r in results.items():
        used = (f"{r['used'][kind]:,}" for kind in ("lut4", "ff", "bram", "dsp"))
        goal = GOAL_UNIT if name in UNITS else GOAL_EXAMPLE
        met = str(goal) if r["fmax_mhz"] >= goal else f"{goal}, missed"
        rows.append([name, f"{r['fmax_mhz']:.0f}", met, *used, r["critical_path"]["words"]])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="python -m bench.clock", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join((*EXAMPLES, *UNITS))}")
    parser.add_argument("--device", choices=DEVICES, default="ecp5-85k")
    parser.add_argument("--speed", type=int, choices=SPEEDS, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", type=Path, default=BUILD / "bench")
    args = parser.parse_args()
    unknown = set(args.names) - {*EXAMPLES, *UNITS}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    results = {}
    for name in args.names or (*EXAMPLES, *UNITS):
        results[name] = r = measure(name, args.device, args.speed, args.seed)
        print(f"{name}: {r['fmax_mhz']:.1f} MHz, {r['seconds']:.0f} s; {r['critical_path']['words']}", flush=True)
        atomic_write(args.directory / "clock.json", json.dumps(results, indent=2) + "\n")
        atomic_write(args.directory / "clock.md", page(results))
    print(f"\n{page(results)}", end="")


if __name__ == "__main__":
    main()
