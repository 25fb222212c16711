"""The manifest of a build: what software needs to know of the block that it drives."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from fewbit.flow.ip.block import Block
from fewbit.golden.model_file.source import SourceFile
from fewbit.golden.network.graph import Network, Output
from fewbit.golden.numbers.elementwise import affine
from fewbit.hw.pipeline.accelerator import AcceleratorPlan
from fewbit.hw.shell.registers import RegisterMap
from fewbit.hw.targets.target import Target
from fewbit.sim.cycles.model import predict_steady

__all__ = ["Described", "manifest_of"]


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
    def digest(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def plan(self) -> AcceleratorPlan: ...
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
        "input": _input(plan, network),
        "output": _output(plan, network, model.output),
        "outputs": [{"name": output.name, **_meaning(plan, network, output)} for output in network.outputs],
        "target": model.target.name,
        "notes": [*network.notes, *([] if network.input_format.integral else [_BASELINE])],
        "cycles": {"latency": timing.latency, "interval": timing.interval, "bound": plan.bound},
        "layers": {name: _layer(layer) for name, layer in plan.layers.items()},
        "control": {"vlnv": model.block.vlnv, "top": model.block.top} | model.registers.constants(),
    }


def _input(plan, network):
    """Describe the stream of frames, and how a sample becomes one."""
    return {
        "declaration": network.input_spec, "format": str(plan.x_format), "shape": list(network.input_shape),
        "bits": plan.x_format.bits, "lanes": plan.lanes_in, "beats": plan.beats_in,
        "bytes": _beat_bytes(plan.x_format, plan.lanes_in), "size": list(network.input_size),
        "order": "pixels row by row, channels innermost" if network.input_size else "row-major",
        "channels": _channels(network),
    }  # fmt: skip


def _output(plan, network, output):
    """Describe the stream of results, and what those of its first output mean."""
    return {
        "format": str(plan.format), "length": plan.length_out, "bits": plan.format.bits, "lanes": plan.lanes_out,
        "beats": plan.beats_out, "bytes": _beat_bytes(plan.format, plan.lanes_out), **_meaning(plan, network, output),
    }  # fmt: skip


def _beat_bytes(fmt, lanes):
    """Bytes of a beat."""
    return (fmt.bits * lanes + 7) // 8


def _layer(plan):
    return {
        "neurons": plan.neurons, "inputs": plan.inputs, "pe": plan.pe, "simd": plan.simd, "cycles": plan.cycles,
        "activations": str(plan.x_format), "weights": str(plan.dense.weight_format), "output": str(plan.format),
        "weights_in": plan.weights_in, "products_in": plan.products_in,
    }  # fmt: skip


def _channels(network):
    """Say where a sample has its channels, which the host moves innermost; "last" where it has nothing to do."""
    order, shape = network.input_order, network.input_shape
    if order is None:
        return "last"
    first = np.arange(np.prod(shape)).reshape(len(order) // int(np.prod(network.input_size)), -1)
    return "first" if np.array_equal(first.T.reshape(-1), order) else np.asarray(order).tolist()


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
