"""The plain bench beside the Verilog: for any simulator, with vectors of a few frames, and no Python."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from fewbit.golden.network.execute import Result
from fewbit.golden.network.graph import Network
from fewbit.host.packing import pack_beats
from fewbit.hw.pipeline.accelerator import AcceleratorPlan
from fewbit.hw.targets.target import Target

from .testbench_template import BENCH

__all__ = ["COMMANDS", "FRAMES", "FoldedNetwork", "Vectors", "bench_files", "packed", "vectors_of"]

FRAMES = 5
"""Frames that the bench sends, at most."""
NAME = "accelerator_tb.v"
SENT, WANTED = "accelerator_tb.in.hex", "accelerator_tb.out.hex"
COMMANDS = f"""\
# Icarus Verilog, with -g2009 and -g2012 as well
iverilog -g2005 -o tb.vvp {NAME} accelerator.v && vvp -n tb.vvp
# Vivado's xsim
xvlog {NAME} accelerator.v $XILINX_VIVADO/data/verilog/src/glbl.v
xelab -L unisims_ver -timescale 1ns/1ps accelerator_tb glbl -s tb && xsim tb -R
# Questa
vlib work && vlog +define+FEWBIT_MODELS {NAME} accelerator.v
vsim -c accelerator_tb -do "run -all; quit -f"
"""


class FoldedNetwork(Protocol):
    """What files beside the Verilog are made of: a `flow.project.folded_model.FoldedModel`, which is made later."""

    @property
    def model(self) -> Path:
        """The model's file."""

    @property
    def network(self) -> Network: ...
    @property
    def plan(self) -> AcceleratorPlan: ...
    @property
    def target(self) -> Target: ...

    def execute(self, values: np.ndarray) -> Result:
        """Return what golden gives for samples."""

    def hardware_values(self, result: Result) -> np.ndarray:
        """Return what the hardware gives for the same samples."""


@dataclass(frozen=True)
class Vectors:
    """A few frames, and the results that golden gives for them.

    Attributes
    ----------
    codes : int array ``(F, length)``
        Codes of the input, in the order in which they are sent.
    results : array ``(F, …)``
        Integers (floats of a float network) that the hardware gives.
    sent, wanted : uint8 arrays ``(F, beats, bytes)``
        The same as beats, the lowest byte first.
    """

    codes: np.ndarray
    results: np.ndarray
    sent: np.ndarray
    wanted: np.ndarray


def vectors_of(project: FoldedNetwork) -> Vectors:
    """Return the `Vectors` of the first frames beside the project's model, or of seeded random ones."""
    values = _samples(project).values
    return packed(project.plan, values, project.hardware_values(project.execute(values)))


def packed(plan: AcceleratorPlan, values: np.ndarray, results: np.ndarray) -> Vectors:
    """Return the `Vectors` of samples ``(F, …)`` and what the hardware of ``plan`` gives for them."""
    codes = plan.x_format.encode(plan.network.arranged(values))
    wanted = plan.format.encode(results.reshape(len(results), -1))
    return Vectors(
        codes, results, pack_beats(codes, plan.x_format.bits, plan.lanes_in),
        pack_beats(wanted, plan.format.bits, plan.lanes_out),
    )  # fmt: skip


def _samples(project):
    from fewbit.flow.images import ImageError, find_images, load_images, random_images

    path = find_images(project.model)
    if path:
        with suppress(ImageError):  # what lies beside the model may be another model's
            return load_images(path, project.network).first(FRAMES)
    return random_images(project.network, FRAMES)


def bench_files(plan: AcceleratorPlan, cycles: Mapping[str, int], vectors: Vectors) -> dict[str, str]:
    """Return the text of the bench and of its vectors by file name.

    ``cycles`` has the predicted ``latency`` and ``interval``, as the manifest has them.
    """
    frames, beats_in, bytes_in = vectors.sent.shape
    _, beats_out, bytes_out = vectors.wanted.shape
    figures = {
        "FRAMES": frames, "BEATS_IN": beats_in, "BYTES_IN": bytes_in, "BEATS_OUT": beats_out, "BYTES_OUT": bytes_out,
        "LATENCY": cycles["latency"], "INTERVAL": cycles["interval"],
        "PATIENCE": 4 * (cycles["latency"] + plan.bound) + 2000, "QUIET": 4 * plan.bound + 200,
    }  # fmt: skip
    text = BENCH
    for name, value in figures.items():
        text = text.replace(f"@{name}@", str(value))
    return {
        NAME: text.replace("@SENT@", SENT).replace("@WANTED@", WANTED),
        SENT: _hex(vectors.sent, "frame"),
        WANTED: _hex(vectors.wanted, "result"),
    }


def _hex(frames: np.ndarray, what: str) -> str:
    """Return the text for ``$readmemh``, a beat a line."""
    lines = []
    for number, frame in enumerate(frames):
        lines += [f"// {what} {number}", *(beat[::-1].tobytes().hex() for beat in frame)]
    return "\n".join(lines) + "\n"
