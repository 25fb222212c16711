"""Time and peak memory of every step from a model to verified frames, each in a process of its own.

``python -m bench.run [MODEL] [--cycles N]``; without a model it is CNV (`bench.cnv`), folded to 9,130 cycles a frame:
what the FINN paper's fastest design takes (21,906 frames a second at 200 MHz). Writes ``build/bench/<model>.md`` and
``.json``.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from flow.cache import BUILD, atomic_write

ROOT = Path(__file__).resolve().parent.parent
STEPS = ("import", "fold", "verilog", "verilator", "simulate")
_MEGA = 1024  # of the kilobytes that the system counts in
CYCLES, FRAMES = 9130, 2


def step_import(model, folder, cycles):
    from golden.importer import import_model

    network = import_model(model)
    return {"nodes": len(network.nodes)}


def _project(model, folder):
    from flow.project import Project

    return Project(model, folding=folder / "fold.json", directory=folder)


def step_fold(model, folder, cycles):
    from flow.folding import default_folding, fold, write_folding
    from flow.project import Project
    from sim.cycles import predict

    project = Project(model, folding={}, directory=folder)
    project.folding = fold(project.network, cycles) if cycles else default_folding(project.network)
    timing = predict(project.plan, 8)
    atomic_write(folder / "fold.json", write_folding(project.folding))
    return {"interval": timing.interval, "latency": timing.latency, "bound": project.plan.bound}


def step_verilog(model, folder, cycles):
    project = _project(model, folder)
    project.generate()
    return {"bytes": project.verilog.stat().st_size}


def step_verilator(model, folder, cycles):
    _project(model, folder).build_simulator()
    return {}


def step_simulate(model, folder, cycles):
    from flow.images import random_images
    from sim.cycles import predict, steady_interval
    from sim.runner import simulate

    project = _project(model, folder)
    values = random_images(project.network, FRAMES).values
    expected = project.hardware_values(project.execute(values))
    found = simulate(project.simulator(), project.plan, values, expected)
    return {
        "frames": found.frames,
        "mismatches": found.mismatches,
        "problems": found.problems,
        "interval": steady_interval(found.left),
        "as_predicted": found.left == predict(project.plan, FRAMES).left,
    }


def measured(name, model, folder, cycles):
    """A step's own figures with its seconds and the peak memory, in MB, of its process and of those that it starts."""
    begin = time.perf_counter()
    result = globals()[f"step_{name}"](model, folder, cycles)
    own, children = (resource.getrusage(who).ru_maxrss // _MEGA for who in
                     (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))  # fmt: skip
    return {"seconds": round(time.perf_counter() - begin, 1), "memory_mb": max(own, children)} | result


def bench(model, cycles):
    """All steps, from nothing; the results by step."""
    folder = BUILD / "bench" / Path(model).stem
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    folder.mkdir(parents=True)
    results = {}
    for name in STEPS:
        command = [sys.executable, "-m", "bench.run", str(model), "--cycles", str(cycles), "--step", name]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"bench: {name} failed: {done.stderr.strip().splitlines()[-1]}")
        results[name] = json.loads(done.stdout)
        print(f"bench: {name:9} {results[name]['seconds']:6.1f} s {results[name]['memory_mb']:6} MB", flush=True)
    return results


def page(model, results):
    """The page as Markdown."""
    said = {
        "import": "{nodes} nodes",
        "fold": "interval {interval:,} cycles (bound {bound:,}), latency {latency:,}",
        "verilog": "{bytes:,} bytes",
        "verilator": "",
        "simulate": "{frames} frames, {mismatches} differ from golden, interval {interval:,}, cycles as predicted: "
        "{as_predicted}",
    }
    lines = [
        f"# {Path(model).name}",
        "",
        "Made by `make bench`. Each step is a process of its own; memory is its peak, or that of the largest process",
        "that it started.",
        "",
        "| step | seconds | peak MB | |",
        "| --- | --- | --- | --- |",
    ]
    for name, r in results.items():
        lines.append(f"| {name} | {r['seconds']} | {r['memory_mb']} | {said[name].format(**r)} |")
    lines.append(f"| all | {sum(r['seconds'] for r in results.values()):.1f} | | |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", help="an ONNX file; CNV with random weights if none is given")
    parser.add_argument("--cycles", type=int, default=0, help="a frame, at most; the default folding if 0")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    model, cycles = args.model, args.cycles
    if model is None:
        from .cnv import cnv

        model, cycles = BUILD / "bench" / "cnv.onnx", cycles or CYCLES
        model.parent.mkdir(parents=True, exist_ok=True)
        cnv(model)
    if args.step:
        print(json.dumps(measured(args.step, model, BUILD / "bench" / Path(model).stem, cycles)))
        return
    results = bench(model, cycles)
    folder = BUILD / "bench"
    atomic_write(folder / f"{Path(model).stem}.json", json.dumps(results, indent=2) + "\n")
    atomic_write(folder / f"{Path(model).stem}.md", page(model, results))
    print(f"bench: {folder / Path(model).stem}.md")


if __name__ == "__main__":
    main()
