"""A model as hardware: what follows from its file, its input declaration, its folding and its target."""

import hashlib
from functools import cached_property

import numpy as np

from fewbit.flow.cache import Store, digest, source_digest
from fewbit.flow.folding.files import read_folding
from fewbit.flow.folding.folding import default_folding
from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file.source import SourceFile
from fewbit.golden.network.dense import FloatDense
from fewbit.golden.network.execute import output_of, run
from fewbit.hw.folding import Folding
from fewbit.hw.targets.named import DEFAULT
from fewbit.places import CACHE

from .manifest import manifest_of

__all__ = ["FoldedModel"]


class FoldedModel:
    """One model, its input declaration, its folding and its target.

    Parameters
    ----------
    model : path of a ``.onnx`` or ``.tflite`` file, or `golden.model_file.source.SourceFile`
        Read once: everything that is made of it is of the bytes that it had then.
    input_spec, output : as `golden.importing.importer.import_model` takes them
    folding : path, hw.folding.Folding or None
        None takes `flow.folding.folding.default_folding`.
    target : hw.targets.target.Target
    """

    def __init__(self, model, *, input_spec=None, output="auto", folding=None, target=DEFAULT):
        self.source, self.target = SourceFile.of(model), target
        self.model = self.source.path
        self.input_option, self.output_option = input_spec, output
        self.network = import_model(self.source, input_spec, output=output)
        if isinstance(folding, Folding):
            self.folding = folding
        else:
            self.folding = read_folding(folding, self.network) if folding else default_folding(self.network)

    @cached_property
    def plan(self):
        """The accelerator's numbers; a float network gets the order of its sums from the folding."""
        from fewbit.hw.pipeline.accelerator import AcceleratorPlan

        self._order_sums()
        return AcceleratorPlan(self.network, self.folding, depths=self.queues, target=self.target)

    def _order_sums(self):
        """Give a float network the order of its sums."""
        from fewbit.hw.float32.units import FloatAdd

        for i, node in enumerate(self.network.nodes):
            if isinstance(node, FloatDense):
                simd = self.folding[node.name].simd
                self.network.nodes[i] = node.folded(simd=simd, partials=FloatAdd.LATENCY)

    @cached_property
    def queues(self):
        """Depths of the queues in front of joins; found once for a folding, as it can take a minute."""
        from fewbit.sim.cycles.queues import size_queues

        if all(len(node.inputs) == 1 for node in self.network.nodes):
            return {}
        store = Store(directory=CACHE / "queues")
        key = digest(self.digest, source_digest("golden", "hw", "sim"))
        depths = store[key]
        if depths is None:
            depths = store[key] = size_queues(self.network, self.folding, target=self.target)
        return depths

    @property
    def digest(self):
        """Of everything that the hardware depends on, weights in files of their own too."""
        return hashlib.sha256(f"{self.identity}{self.target.fingerprint}".encode()).hexdigest()

    @property
    def identity(self):
        """Of what the hardware computes and of its streams, whatever it is made of: host software compares this."""
        content = [self.declared, self.folding.to_json().encode()]
        content += [type(node).__name__.encode() for node in self.network.nodes]
        return hashlib.sha256(b"\0".join(content)).hexdigest()

    @cached_property
    def declared(self):
        """The model as bytes, with its input declaration."""
        return self.source.declared(self.network.input_spec)

    @cached_property
    def registers(self):
        """The register map of the IP block."""
        from fewbit.hw.shell.registers import register_map

        return register_map(
            model=self.source.sha256, build=self.digest, beats_in=self.plan.beats_in, beats_out=self.plan.beats_out,
            stages=[stage.name for stage in self.plan.stages],
        )  # fmt: skip

    @cached_property
    def block(self):
        """The IP block as design tools see it: a `flow.ip.block.Block`."""
        from fewbit.flow.ip.block import describe

        return describe(self.plan, self.registers, self.model.name)

    def manifest(self):
        """What software needs to know of the block, as `flow.project.manifest.manifest_of` says."""
        return manifest_of(self)

    # Golden

    def execute(self, values):
        """The golden model's `golden.network.execute.Result`."""
        self._order_sums()
        return run(self.network, values)

    @property
    def output(self):
        return self.network.outputs[0]

    def hardware_values(self, result):
        """What the hardware gives for each sample: integer values (floats of a float network)."""
        return result.edges[self.output.edge]

    def labels(self, result):
        return result.labels

    def finish(self, values):
        """The model's output for what the hardware gave: the operations that are left to the host."""
        edge = self.network.edges()[self.output.edge]
        return output_of(self.output, np.reshape(values, (len(values), edge.pixels, edge.channels)))
