"""Processor time and peak memory of every step from a float model to Verilog, each in a process of its own.

``python -m bench.scale.steps NAME`` measures one network of `bench.scale.networks` and prints it.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from bench.networks.quantized import samples_for
from fewbit.host.processes import run
from fewbit.places import HOME

from .networks import EDGE_BITS, GROWING, NETWORKS, ScaledNetwork

__all__ = ["STEPS", "NetworkSteps", "Step", "measure", "network_of"]

_MEGA = 1024  # of the kilobytes that the system counts in


@dataclass(frozen=True)
class Step:
    """What one step of a network took and gave.

    Attributes
    ----------
    seconds : float
        Of the processor, of the step alone: what is read first, because it runs in a process of its own, is not in it.
    memory_mb : int
        The peak of its process, what is read included, or of the largest process that it started.
    found : dict
        Figures of what the step made.
    """

    seconds: float
    memory_mb: int
    found: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NetworkSteps:
    """All steps of a network, by name, as far as they came; ``failed`` is what the last one said, or empty."""

    steps: dict[str, Step]
    failed: str = ""

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "NetworkSteps":
        """Return what `asdict` of one gave."""
        return cls({name: Step(**step) for name, step in kept["steps"].items()}, kept["failed"])


def network_of(name: str) -> ScaledNetwork:
    """Return a network by its name, or by that of its family and its own, as ``depth/ResNet-20``."""
    family, _, own = name.partition("/")
    return GROWING[family][own] if own else NETWORKS[name]


class _Workshop:
    """The files of a network on its way, and what steps need of them."""

    def __init__(self, scaled: ScaledNetwork, folder: Path):
        self.scaled, self.folder = scaled, folder
        self.float_model, self.samples = folder / "float.onnx", folder / "samples.npz"
        self.model, self.folding = folder / "model.onnx", folder / "fold.json"

    def make(self) -> Callable[[], dict[str, Any]]:
        self.scaled.make(self.float_model)
        np.savez(self.samples, x=samples_for(self.float_model, self.scaled.samples))
        return lambda: {}

    def quantize(self) -> Callable[[], dict[str, Any]]:
        bits, first = self.scaled.bits, self.scaled.first
        options = ["--weights", bits, "--activations", bits, "--first", first, "--last", EDGE_BITS]
        command = ["quantize", self.float_model, *options, "--calibration", self.samples, "-o", self.model]

        def step():
            _fewbit(*command)
            return {"bytes": self.model.stat().st_size}

        return step

    def imported(self) -> Callable[[], dict[str, Any]]:
        from fewbit.golden.importing.importer import import_model

        def step():
            network = import_model(self.model)
            values = sum(edge.pixels * edge.channels for edge in network.edges().values())
            return {"nodes": len(network.nodes), "weights": _weights(network), "values": values}

        return step

    def project(self, folded: bool = True) -> Any:
        from fewbit.flow.project.project import Project
        from fewbit.hw.folding import Folding
        from fewbit.hw.targets.named import USUAL

        folding = self.folding if folded else Folding()
        return Project(self.model, folding=folding, directory=self.folder / "made", target=USUAL)

    def fold(self) -> Callable[[], dict[str, Any]]:
        from fewbit.flow.folding.folding import fold
        from fewbit.flow.folding.layers import layers_of
        from fewbit.flow.folding.search import estimate_all

        project = self.project(folded=False)

        def step():
            folding = fold(project.network, self.scaled.cycles)
            self.folding.write_text(folding.to_json(), encoding="utf-8")
            return estimate_all(layers_of(project.network), folding).row

        return step

    def queues(self) -> Callable[[], dict[str, Any]]:
        project = self.project()

        def step():
            depths = project.queues
            (self.folder / "queues.json").write_text(json.dumps(depths), encoding="utf-8")
            return {"queues": len(depths), "beats": sum(depths.values())}

        return step

    def cycles(self) -> Callable[[], dict[str, Any]]:
        from fewbit.sim.cycles.model import predict_steady

        plan = self._with_queues().plan

        def step():
            timing = predict_steady(plan)
            return {"interval": timing.interval, "latency": timing.latency, "bound": plan.bound}

        return step

    def _with_queues(self) -> Any:
        project = self.project()
        project.queues = json.loads((self.folder / "queues.json").read_text(encoding="utf-8"))
        return project

    def verilog(self) -> Callable[[], dict[str, Any]]:
        project = self._with_queues()

        def step():
            project.generate()
            return {"bytes": project.verilog.stat().st_size}

        return step

    def simulate(self) -> Callable[[], dict[str, Any]]:
        """Simulate whole frames as a user does: from the model, everything made anew."""
        command = ["sim", self.model, "--folding", self.folding, "--frames", self.scaled.frames,
                   "--images", self.samples, "-o", self.folder / "simulated"]  # fmt: skip

        def step():
            found = _fewbit(*command) if self.scaled.frames else {}
            return {name: found.get(name) for name in ("ok", "frames", "latency", "proved")} if found else {}

        return step

    def synthesize(self) -> Callable[[], dict[str, Any]]:
        """Synthesize what `verilog` made by Yosys, stage by stage and in all."""
        return lambda: _fewbit("synth", self.folder / "made")["total"]


def _fewbit(*command) -> dict[str, Any]:
    """Run a command of fewbit in this process, and return its JSON.

    Raises
    ------
    SystemExit
        If it fails.
    """
    from fewbit.flow.commands.cli import main

    sys.argv = ["fewbit", *map(str, command), "--json"]
    with redirect_stdout(StringIO()) as said:
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise
    return json.loads(said.getvalue())


def _weights(network) -> int:
    return sum(node.weights.size for node in network.nodes if hasattr(node, "weights"))


STEPS = {
    "make": _Workshop.make, "quantize": _Workshop.quantize, "import": _Workshop.imported, "fold": _Workshop.fold,
    "queues": _Workshop.queues, "cycles": _Workshop.cycles, "verilog": _Workshop.verilog,
    "simulate": _Workshop.simulate, "synthesize": _Workshop.synthesize,
}  # fmt: skip
"""Methods that read what a step needs and return the step, by name."""


def _one(name: str, step: str, folder: Path) -> Step:
    """Do a step in this process."""
    ready = STEPS[step](_Workshop(network_of(name), folder))
    begin = _processor_seconds()
    found = ready()
    seconds = _processor_seconds() - begin
    own, children = (resource.getrusage(who).ru_maxrss // _MEGA for who in
                     (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))  # fmt: skip
    return Step(round(seconds, 2), max(own, children), found)


def _processor_seconds() -> float:
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


def measure(name: str, limit: float = 1800, steps: tuple[str, ...] = tuple(STEPS)) -> NetworkSteps:
    """Run the steps of a network in an empty folder and with an empty cache, each at most ``limit`` seconds long."""
    found: dict[str, Step] = {}
    folder = Path(tempfile.mkdtemp(prefix="fewbit-scale-"))
    environment = os.environ | {"FEWBIT_CACHE": str(folder / "cache")}
    try:
        whole = network_of(name).frames > 0
        for step in steps if whole else [step for step in steps if step not in ("simulate", "synthesize")]:
            command = [sys.executable, "-m", "bench.scale.steps", name, "--step", step, "--folder", str(folder)]
            try:
                done = run(command, cwd=HOME, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, timeout=limit)  # fmt: skip
            except subprocess.TimeoutExpired:
                return NetworkSteps(found, f"{step}: more than {limit:.0f} s")
            if done.returncode:
                return NetworkSteps(found, f"{step}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
            found[step] = Step(**json.loads(done.stdout.splitlines()[-1]))
            print(f"scale: {name}: {step:9} {found[step].seconds:7.1f} s {found[step].memory_mb:6} MB", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return NetworkSteps(found)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.steps", description=__doc__.splitlines()[0])
    parser.add_argument("name", help="one of " + ", ".join(NETWORKS))
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        print(json.dumps(asdict(_one(args.name, args.step, args.folder))))
    else:
        print(json.dumps(asdict(measure(args.name)), indent=1))


if __name__ == "__main__":
    main()
