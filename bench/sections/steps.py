"""Time and peak memory of every step from a model to verified frames, each in a process of its own.

``python -m bench.sections.steps [MODEL] [--cycles N]`` prints a model's and writes
``build/bench/<folder>/<model>.json``. Without a model it is some of the examples and CNV (`bench.networks.cnv`), folded
to what the FINN paper's fastest design takes, 9,130 cycles a frame (21,906 frames a second at 200 MHz), for the page.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

from bench import page
from bench.networks.cnv import cnv
from fewbit.flow.cache import atomic_write
from fewbit.host.processes import run
from fewbit.places import BUILD, HOME

NAME, HEADING = "steps", "From a model to verified frames"
EXAMPLES = ("digits/w1a1", "digits-cnn/w1a1", "fashion/w1a1", "fashion/w2a2", "fashion/separable", "fashion/resnet")
STEPS = ("import", "fold", "verilog", "verilator", "simulate")
_MEGA = 1024  # of the kilobytes that the system counts in
CYCLES, FRAMES = 9130, 2


def step_import(model, folder, cycles):
    from fewbit.golden.importing.importer import import_model

    network = import_model(model)
    return {"nodes": len(network.nodes)}


def _project(model, folder, folding=None):
    from fewbit.flow.project.project import Project
    from fewbit.hw.targets.named import USUAL

    folding = folder / "fold.json" if folding is None else folding
    return Project(model, folding=folding, directory=folder, target=USUAL)


def step_fold(model, folder, cycles):
    from fewbit.flow.folding.folding import default_folding, fold
    from fewbit.hw.folding import Folding
    from fewbit.sim.cycles.model import predict_steady

    project = _project(model, folder, folding=Folding())
    project.folding = fold(project.network, cycles) if cycles else default_folding(project.network)
    timing = predict_steady(project.plan)
    atomic_write(folder / "fold.json", project.folding.to_json())
    return {"interval": timing.interval, "latency": timing.latency, "bound": project.plan.bound}


def step_verilog(model, folder, cycles):
    project = _project(model, folder)
    project.generate()
    return {"bytes": project.verilog.stat().st_size}


def step_verilator(model, folder, cycles):
    project = _project(model, folder)
    structure = project.structure_is_small()
    project.build_simulator(structure=structure)
    return {"structure": structure}


def step_simulate(model, folder, cycles):
    from fewbit.flow.images import random_images
    from fewbit.sim.cycles.model import predict, steady_interval
    from fewbit.sim.simulators.streamed import simulate_built

    project = _project(model, folder)
    values = random_images(project.network, FRAMES).values
    expected = project.hardware_values(project.execute(values))
    folder = project.simulator_folder(structure=project.structure_is_small())
    found = simulate_built(folder, project.plan, values, expected)
    return {
        "frames": found.frames,
        "mismatches": found.mismatches,
        "problems": found.problems,
        "interval": steady_interval(found.left),
        "as_predicted": found.left == predict(project.plan, FRAMES).left,
    }


def measured(name, model, folder, cycles):
    """Return a step's own figures with its seconds and its peak memory, in MB.

    The memory is that of its process, or of the largest process that it started.
    """
    begin = time.perf_counter()
    result = globals()[f"step_{name}"](model, folder, cycles)
    own, children = (resource.getrusage(who).ru_maxrss // _MEGA for who in
                     (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))  # fmt: skip
    return {"seconds": round(time.perf_counter() - begin, 1), "memory_mb": max(own, children)} | result


def bench(model, cycles):
    """Run all steps from an empty folder, and return the results by step."""
    model = Path(model)
    folder = BUILD / "bench" / model.parent.name / model.stem
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    results = {}
    for name in STEPS:
        command = [sys.executable, "-m", "bench.sections.steps", str(model), "--cycles", str(cycles), "--step", name]
        command += ["--folder", str(folder)]
        done = run(command, cwd=HOME, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"bench: {name} failed: {done.stderr.strip().splitlines()[-1]}")
        results[name] = json.loads(done.stdout)
        print(f"bench: {name:9} {results[name]['seconds']:6.1f} s {results[name]['memory_mb']:6} MB", flush=True)
    atomic_write(folder.with_suffix(".json"), json.dumps(results, indent=2) + "\n")
    return results


def render(results):
    """Return the section as Markdown, of ``{name: results by step}``."""
    rows = []
    for name, r in results.items():
        found = r["simulate"]
        good = found["mismatches"] == 0 and not found["problems"] and found["as_predicted"]
        seconds = sum(step["seconds"] for step in r.values())
        rows.append([
            name, *(f"{r[step]['seconds']:.1f} s, {r[step]['memory_mb']}" for step in STEPS), f"{seconds:.0f} s",
            f"{r['verilog']['bytes'] / 1e6:.1f} MB", f"{r['fold']['latency']:,}", f"{found['interval']:,}",
            f"{r['fold']['bound']:,}", f"{found['frames']}, equal" if good else "**differ**",
        ])  # fmt: skip
    heads = ["network", *STEPS, "together", "Verilog", "latency", "interval", "bound", "frames"]
    return TEXT.format(table=page.table(heads, rows), cycles=CYCLES)


TEXT = """\
Each step is a process of its own, from an empty folder; behind its seconds its peak memory in MB, or that of the
largest process that it started. `fold` sizes the queues of branches too; `verilator` is Verilator and the C++ compiler;
`simulate` is golden, Verilator's run, and the comparison of every bit and of every result's cycle. CNV is the network
of the FINN paper (Umuroglu and others, FPGA 2017) with random one-bit weights, folded to {cycles:,} cycles a frame,
that paper's fastest; the others are examples with their default folding. All are in the form that `fewbit sim` takes
unless told otherwise, `--target xilinx`.

{table}

Importing looks at shapes and ranges only. Verilog takes long where arrays are large, as a PE is unrolled. Verilator's
time is the C++ compiler's. That of a simulation is cycles times the size of the design."""


def measure():
    """Return the results of every model of the section."""
    models = {f"{name.replace('/', ' ')}": (HOME / "examples" / f"{name}.onnx", 0) for name in EXAMPLES}
    models["CNV"] = BUILD / "bench" / "cnv" / "cnv.onnx", CYCLES
    models["CNV"][0].parent.mkdir(parents=True, exist_ok=True)
    cnv(models["CNV"][0])
    results = {}
    for name, (model, cycles) in models.items():
        print(f"bench: {name}", flush=True)
        results[name] = bench(model, cycles)
    return results


def main():
    parser = argparse.ArgumentParser(prog="python -m bench.sections.steps", description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", help="an ONNX file; some examples and CNV if none is given")
    parser.add_argument("--cycles", type=int, default=0, help="a frame, at most; the default folding if 0")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        print(json.dumps(measured(args.step, args.model, args.folder, args.cycles)))
    elif args.model:
        bench(args.model, args.cycles)
    else:
        page.section("bench.sections.steps")


if __name__ == "__main__":
    main()
