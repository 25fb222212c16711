"""The manifest of a build: what software needs to know of the block that it drives."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from fewbit.flow.ip.block import Block
from fewbit.flow.ip.destination import Destination
from fewbit.golden.model_file.source import SourceFile
from fewbit.golden.network.graph import Network, Output
from fewbit.golden.numbers.elementwise import affine
from fewbit.host.memory_image import MemoryImage
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.registers import RegisterMap
from fewbit.hw.shell.stream_names import input_streams
from fewbit.hw.targets.target import Target
from fewbit.sim.cycles.model import predict_steady
from fewbit.sim.cycles.timing import SteadyTiming

from .loading import manifest_of_loading
from .outside import manifest_of_image

__all__ = ["Described", "manifest_of", "output_of_manifest"]


class Described(Protocol):
    """What a manifest describes: a `flow.project.folded_model.FoldedModel`, which has these members."""

    output_option: str

    @property
    def model(self) -> Path: ...
    @property
    def source(self) -> SourceFile: ...
    @property
    def network(self) -> Network: ...
    @property
    def output(self) -> Output: ...
    @property
    def target(self) -> Target: ...
    @property
    def destination(self) -> Destination: ...
    @property
    def digest(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def plan(self) -> AcceleratorPlan: ...
    @property
    def weight_image(self) -> MemoryImage | None: ...
    @property
    def registers(self) -> RegisterMap: ...
    @property
    def block(self) -> Block: ...


_BASELINE = "nothing in the model is quantized, so this is the float32 baseline; fewbit quantize makes few bits of it"


def manifest_of(model: Described) -> dict[str, Any]:
    """Return the manifest of a folded model, as JSON can hold it."""
    plan, network = model.plan, model.network
    timing = predict_steady(plan)
    return {
        "model": model.model.name,
        "sha256": model.source.sha256,
        "build": model.digest,
        "identity": model.identity,
        "output_option": model.output_option,
        "inputs": [_input(*each) for each in zip(input_streams(network), network.inputs, plan.entries, strict=True)],
        "output": output_of_manifest(plan, network, model.output),
        "outputs": [{"name": output.name, **_meaning(plan, network, output)} for output in network.outputs],
        "target": model.target.name,
        "top": model.destination.top,
        "destination": asdict(model.destination) | {"notes": list(model.destination.notes)},
        "notes": [
            *network.notes, *([] if network.integral else [_BASELINE]), *_slower(timing, plan),
            *model.destination.notes,
        ],
        "cycles": {"latency": timing.latency, "interval": timing.interval, "bound": plan.bound},
        "layers": {name: _layer(layer) for name, layer in plan.layers.items()},
        **manifest_of_loading(plan),
        **manifest_of_image(model.weight_image),
        "control": {"vlnv": model.block.vlnv, "top": model.block.top} | model.registers.constants(),
    }  # fmt: skip


def _slower(timing: SteadyTiming, plan: AcceleratorPlan) -> Iterator[str]:
    """Yield a note if results come less often than the slowest part of the hardware alone would let them."""
    bound = plan.bound
    if timing.interval > bound:
        why = "branches wait for each other, however deep their queues are"
        if plan.weight_port is not None:
            why = "layers wait for tiles of each other, or for weights from memory outside"
        yield (f"a result comes every {timing.interval:g} cycles, not every {bound}, which the slowest layer or stream "
               f"takes: {why}")  # fmt: skip


def _input(stream, given, entry):
    """Describe the stream of an input's frames, and how a sample becomes one."""
    return {
        "name": given.name, "stream": stream,
        "declaration": given.text, "format": str(entry.format), "shape": list(given.shape),
        "bits": entry.format.bits, "lanes": entry.lanes, "beats": entry.beats,
        "bytes": _beat_bytes(entry.format, entry.lanes), "size": list(given.size),
        "order": "pixels row by row, channels innermost" if given.size else "row-major",
        "channels": _channels(given),
    }  # fmt: skip


def output_of_manifest(plan: AcceleratorPlan, network: Network, output: Output) -> dict[str, Any]:
    """Describe the stream of results, and what those of its first output mean."""
    return {
        "format": str(plan.format), "length": plan.length_out, "bits": plan.format.bits, "lanes": plan.lanes_out,
        "beats": plan.beats_out, "bytes": _beat_bytes(plan.format, plan.lanes_out), **_meaning(plan, network, output),
    }  # fmt: skip


def _beat_bytes(fmt, lanes):
    """Return the bytes of a beat."""
    return (fmt.bits * lanes + 7) // 8


def _layer(plan):
    return {
        "neurons": plan.neurons, "inputs": plan.inputs, "pe": plan.pe, "simd": plan.simd, "cycles": plan.cycles,
        "activations": str(plan.x_format), "weights": str(plan.dense.weight_format), "output": str(plan.format),
        "weights_in": plan.weights_in, "products_in": plan.products_in,
    }  # fmt: skip


def _channels(given):
    """Say where a sample has its channels, which the host moves innermost; "last" where it has nothing to do."""
    if given.order is None:
        return "last"
    first = np.arange(given.length).reshape(len(given.order) // int(np.prod(given.size)), -1)
    return "first" if np.array_equal(first.T.reshape(-1), given.order) else np.asarray(given.order).tolist()


def _meaning(plan, network, output):
    """Say how the host gets the model's output from the integers, where that is a scale and an offset."""
    if plan.format.integral and not output.chain:
        return {"meaning": "codes" if output.scores else "label"}
    coefficients = affine(output.chain)
    if coefficients is None:
        return {"meaning": "codes"}
    edge = network.edges()[output.edge]
    scale, offset = (np.tile(np.broadcast_to(c, edge.channels), edge.pixels).tolist() for c in coefficients)
    return {"meaning": "output = scale*value + offset", "scale": scale, "offset": offset,
            "positions": output.index.reshape(-1).tolist(), "then": [name for name, _ in output.closing]}  # fmt: skip
