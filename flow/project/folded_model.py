"""A model as hardware: what follows from its file, its input declaration, its folding and its target."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fewbit.flow.cache import Store, digest, source_digest
from fewbit.flow.folding.external import outside
from fewbit.flow.folding.files import read_folding
from fewbit.flow.folding.folding import default_folding
from fewbit.flow.folding.layers import layers_of
from fewbit.flow.ip.destination import Destination
from fewbit.golden.importing.importer import import_model
from fewbit.golden.importing.precision import compared_edges
from fewbit.golden.model_file.source import SourceFile
from fewbit.golden.network.dense import FloatDense
from fewbit.golden.network.execute import Result, output_of, run
from fewbit.golden.network.graph import Network, Output
from fewbit.hw.folding import Folding
from fewbit.hw.shell.stream_names import input_streams
from fewbit.hw.targets.named import DEFAULT
from fewbit.hw.targets.target import Target
from fewbit.places import CACHE

from .loading import loading_of
from .manifest import manifest_of
from .outside import image_of, outside_of

if TYPE_CHECKING:  # imported when it is first used
    from fewbit.flow.ip.block import Block
    from fewbit.host.memory_image import MemoryImage
    from fewbit.hw.layer.plan import LayerPlan
    from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
    from fewbit.hw.shell.registers import RegisterMap

__all__ = ["FoldedModel"]


class FoldedModel:
    """One model, its input declaration, its folding and its target.

    Parameters
    ----------
    model : path of a ``.onnx`` or ``.tflite`` file, or golden.model_file.source.SourceFile
        The file is read once: everything that is made of it is of the bytes that it had then.
    input_spec, output
        As `golden.importing.importer.import_model` takes them.
    folding : path, hw.folding.Folding or None
        None takes `flow.folding.folding.default_folding`.
    target : hw.targets.target.Target
    weights : str or None
        Where the weights of all layers come from, one of `hw.folding.WEIGHTS`; None leaves that to the folding.
    destination : flow.ip.destination.Destination or None
        None is that of no options.

    Attributes
    ----------
    source : golden.model_file.source.SourceFile
    model : Path
        The model's file.
    network : golden.network.graph.Network
    folding : hw.folding.Folding
    target : hw.targets.target.Target
    destination : flow.ip.destination.Destination

    Raises
    ------
    golden.model_file.file.ModelError
        If the model cannot be imported.
    hw.folding.FoldingError
        If the folding does not fit it.
    """

    def __init__(
        self,
        model: Path | str | SourceFile,
        *,
        input_spec: str | None = None,
        output: str = "auto",
        folding: Path | str | Folding | None = None,
        target: Target = DEFAULT,
        weights: str | None = None,
        destination: Destination | None = None,
    ):
        self.source, self.target = SourceFile.of(model), target
        self.destination = destination or Destination()
        self.model: Path = self.source.path
        self.input_option, self.output_option = input_spec, output
        self.network: Network = import_model(self.source, input_spec, output=output)
        if isinstance(folding, Folding):
            self.folding = folding.renamed(self.network.aliases)
        else:
            self.folding = read_folding(folding, self.network) if folding else default_folding(self.network)
        if weights is not None:
            external = weights == "external"
            self.folding = (
                outside(layers_of(self.network), self.folding) if external else self.folding.with_weights(weights)
            )

    @cached_property
    def plan(self) -> "AcceleratorPlan":
        """The accelerator's numbers; a float network gets the order of its sums from the folding."""
        return self._unsized.with_depths(self.queues)

    @cached_property
    def _unsized(self) -> "AcceleratorPlan":
        """The plan with queues too deep to be built."""
        from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan

        self._order_sums()
        return AcceleratorPlan(self.network, self.folding, target=self.target)

    @property
    def layer_plans(self) -> "dict[str, LayerPlan]":
        """The numbers of each layer by name, for which no depths of queues are looked for."""
        return self._unsized.layers

    def _order_sums(self) -> None:
        """Give a float network the order of its sums."""
        from fewbit.hw.float32.timing import ADD

        for i, node in enumerate(self.network.nodes):
            if isinstance(node, FloatDense):
                simd = self.folding[node.name].simd
                self.network.nodes[i] = node.folded(simd=simd, partials=ADD)

    @cached_property
    def queues(self) -> dict[str, int]:
        """Depths of the queues in front of joins, which are looked for once for a folding."""
        from fewbit.sim.cycles.queues import size_queues

        if all(len(node.inputs) == 1 for node in self.network.nodes):
            return {}
        store = Store(directory=CACHE / "queues")
        key = digest(self.digest, source_digest("golden", "hw", "sim"))
        depths = store[key]
        if depths is None:
            depths = store[key] = size_queues(self._unsized)
        return depths

    @property
    def digest(self) -> str:
        """The digest of everything that the hardware depends on, weights in files of their own too."""
        return hashlib.sha256(f"{self.identity}{self.target.fingerprint}".encode()).hexdigest()

    @property
    def identity(self) -> str:
        """The digest of what the hardware computes and of its streams, whatever it is made of.

        Host software compares it with what the hardware says of itself.
        """
        content = [self.declared, self.folding.to_json().encode()]
        content += [type(node).__name__.encode() for node in self.network.nodes]
        return hashlib.sha256(b"\0".join(content)).hexdigest()

    @cached_property
    def declared(self) -> bytes:
        """The model's file, with its input declaration."""
        return self.source.declared(self.network.input_spec)

    @cached_property
    def registers(self) -> "RegisterMap":
        """The register map of the IP block."""
        from fewbit.hw.shell.registers import register_map

        plan = self.plan
        beats = dict(zip(input_streams(self.network), (entry.beats for entry in plan.entries), strict=True))
        return register_map(
            model=self.source.sha256, build=self.digest, beats_in=beats, beats_out=plan.beats_out,
            stages=[stage.name for stage in plan.stages], loading=loading_of(plan),
            outside=outside_of(self.weight_image),
        )  # fmt: skip

    @cached_property
    def weight_image(self) -> "MemoryImage | None":
        """The image of external weights, as a file of it is; None where no layer has such weights."""
        return image_of(self.plan, self.model.name, self.source.sha256)

    @cached_property
    def block(self) -> "Block":
        """The IP block as design tools see it."""
        from fewbit.flow.ip.block import describe

        return describe(self.plan, self.registers, self.model.name, self.destination)

    def manifest(self) -> dict[str, Any]:
        """Return what software needs to know of the block, as `flow.project.manifest.manifest_of` says."""
        return manifest_of(self)

    # Golden

    def execute(self, values: np.ndarray) -> Result:
        """Return what the golden model gives for samples of integers, ``(B, *shape)``.

        Of the edges, the result has that of the output, and where levels are rounded those of codes.
        """
        self._order_sums()
        codes = compared_edges(self.network) if self.network.rounds_levels else ()
        return run(self.network, values, keep={self.output.edge, *codes})

    @property
    def output(self) -> Output:
        """The model's first output."""
        return self.network.outputs[0]

    def hardware_values(self, result: Result) -> np.ndarray:
        """Return what the hardware gives for each sample: integer values (floats of a float network)."""
        return result.edges[self.output.edge]

    def labels(self, result: Result) -> np.ndarray:
        """Return the class of each sample."""
        return result.labels

    def finish(self, values: np.ndarray) -> np.ndarray:
        """Return the model's output for what the hardware gave: do the operations that are left to the host."""
        edge = self.network.edges()[self.output.edge]
        return output_of(self.output, np.reshape(values, (len(values), edge.pixels, edge.channels)))
