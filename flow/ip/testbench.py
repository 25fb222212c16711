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
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.names import ACCELERATOR
from fewbit.hw.shell.stream_names import input_streams
from fewbit.hw.targets.target import Target

from .destination import Destination
from .testbench_template import BENCH, INPUT_PARTS, MEMORY_PARTS

__all__ = ["FRAMES", "FoldedNetwork", "Vectors", "bench_files", "commands", "packed", "vectors_of"]

FRAMES = 5
"""Frames that the bench sends, at most."""


def commands(top: str = ACCELERATOR) -> str:
    """Return the commands that run the bench of the top module ``top``, in the folder of its files."""
    return f"""\
# Icarus Verilog, with -g2009 and -g2012 as well
iverilog -g2005 -o tb.vvp {top}_tb.v {top}.v && vvp -n tb.vvp
# Vivado's xsim
xvlog {top}_tb.v {top}.v $XILINX_VIVADO/data/verilog/src/glbl.v
xelab -L unisims_ver -timescale 1ns/1ps {top}_tb glbl -s tb && xsim tb -R
# Questa
vlib work && vlog +define+FEWBIT_MODELS {top}_tb.v {top}.v
vsim -c {top}_tb -do "run -all; quit -f"
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
    @property
    def destination(self) -> Destination: ...

    def execute(self, values: np.ndarray) -> Result:
        """Return what golden gives for samples."""

    def hardware_values(self, result: Result) -> np.ndarray:
        """Return what the hardware gives for the same samples."""


@dataclass(frozen=True)
class Vectors:
    """A few frames, and the results that golden gives for them.

    Attributes
    ----------
    codes : list of int arrays ``(F, length)``
        Codes of each input, in the order in which they are sent.
    results : array ``(F, …)``
        Integers (floats of a float network) that the hardware gives.
    sent : list of uint8 arrays ``(F, beats, bytes)``
        The codes of each input as beats, the lowest byte first.
    wanted : uint8 array ``(F, beats, bytes)``
        The results likewise.
    """

    codes: list[np.ndarray]
    results: np.ndarray
    sent: list[np.ndarray]
    wanted: np.ndarray


def vectors_of(project: FoldedNetwork) -> Vectors:
    """Return the `Vectors` of the first frames beside the project's model, or of seeded random ones."""
    values = _samples(project).values
    return packed(project.plan, values, project.hardware_values(project.execute(values)))


def packed(plan: AcceleratorPlan, values: np.ndarray, results: np.ndarray) -> Vectors:
    """Return the `Vectors` of samples ``(F, …)`` and what the hardware of ``plan`` gives for them."""
    parts = zip(plan.network.inputs, plan.network.apart(values), strict=True)
    codes = [given.format.encode(given.arranged(part)) for given, part in parts]
    wanted = plan.format.encode(results.reshape(len(results), -1))
    return Vectors(codes, results, plan.frames_of(values), pack_beats(wanted, plan.format.bits, plan.lanes_out))


def _samples(project):
    from fewbit.flow.images import ImageError, find_images, load_images, random_images

    # What a device has of another one is no sample.
    path = find_images(project.model) if project.plan.link is None else None
    if path:
        with suppress(ImageError):  # what lies beside the model may be another model's
            return load_images(path, project.network).first(FRAMES)
    return random_images(project.network, FRAMES)


def bench_files(
    plan: AcceleratorPlan, cycles: Mapping[str, int], vectors: Vectors, top: str = ACCELERATOR
) -> dict[str, str]:
    """Return the text of the bench of the top module ``top``, and of its vectors, by file name.

    ``cycles`` has the predicted ``latency`` and ``interval``, as the manifest has them.
    """
    wanted = f"{top}_tb.out.hex"
    frames, beats_out, bytes_out = vectors.wanted.shape
    names = dict(zip(input_streams(plan.network), vectors.sent, strict=True))
    figures = {
        "FRAMES": frames, "BEATS_IN": sum(sent.shape[1] for sent in vectors.sent),
        "BEATS_OUT": beats_out, "BYTES_OUT": bytes_out,
        "LATENCY": cycles["latency"], "INTERVAL": cycles["interval"],
        "PATIENCE": 4 * (cycles["latency"] + plan.bound) + 2000, "QUIET": 4 * plan.bound + 200,
    }  # fmt: skip
    inputs = [
        {
            "S": name,
            "BEATS": sent.shape[1],
            "BYTES": sent.shape[2],
            "SENT": _sent_file(top, name),
            "BIT": 7 * number % 29,
            "MARK": "" if plan.link is None else f", .{name}_tuser(1'b0)",
        }
        for number, (name, sent) in enumerate(names.items())
    ]  # fmt: skip
    parts = {
        part: "".join(_filled(text, given) for given in inputs).rstrip(", \n") for part, text in INPUT_PARTS.items()
    }
    outside, image = _outside(plan, f"{top}_tb.weights.hex")
    parts = {name: text + outside.get(name, "") for name, text in parts.items()}
    figures |= {name: outside.get(name, "") for name in ("MEMORY", "SETTLE")}
    if plan.memories:  # to which nothing is written
        parts["CONNECTED"] += (
            ",\n    .s_axis_weights_tdata(32'd0), .s_axis_weights_tvalid(1'b0), .s_axis_weights_tlast(1'b0)"
        )
    return {
        f"{top}_tb.v": _filled(BENCH, parts | figures | {"WANTED": wanted, "TOP": top}),
        **image,
        **{_sent_file(top, name): _hex(sent, "frame") for name, sent in names.items()},
        wanted: _hex(vectors.wanted, "result"),
    }


def _outside(plan: AcceleratorPlan, file: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return what the bench has for the memory of external weights, and its vectors in a ``file``.

    Without external weights there is nothing.
    """
    port = plan.weight_port
    if port is None:
        return {}, {}
    beats = np.frombuffer(plan.weight_image, np.uint8).reshape(1, -1, port.bus // 8)
    fills = sum(channel.depth * channel.beats for channel in port.channels)
    figures = {"BEATS": beats.shape[1], "BITS": port.bus, "FILE": file, "LATENCY": port.latency,
               "OUTSTANDING": port.outstanding, "FILLED": 4 * (fills + port.latency) + 1000}  # fmt: skip
    return {name: _filled(text, figures) for name, text in MEMORY_PARTS.items()}, {file: _hex(beats, "image")}


def _filled(text: str, values: Mapping[str, object]) -> str:
    """Return a template with values in place of their names."""
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def _sent_file(top: str, stream: str) -> str:
    """Return the name of the file with the frames of a stream."""
    return f"{top}_tb.{stream.replace('s_axis', 'in', 1)}.hex"


def _hex(frames: np.ndarray, what: str) -> str:
    """Return the text for ``$readmemh``, a beat a line."""
    lines = []
    for number, frame in enumerate(frames):
        lines += [f"// {what} {number}", *(beat[::-1].tobytes().hex() for beat in frame)]
    return "\n".join(lines) + "\n"
