"""A model on its way to hardware: import, fold, generate, simulate; each step kept until its inputs change."""

import hashlib
import json
import warnings
from functools import cached_property
from pathlib import Path

import numpy as np

from fewbit.flow.cache import BuildStage, Store, atomic_write, digest, source_digest
from fewbit.flow.folding.folding import default_folding, read_folding, write_folding
from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file.file import ModelSource
from fewbit.golden.model_file.metadata import declared
from fewbit.golden.network.dense import FloatDense
from fewbit.golden.network.execute import output_of, run
from fewbit.golden.numbers.elementwise import affine
from fewbit.hw.targets.named import DEFAULT
from fewbit.places import BUILD, CACHE
from fewbit.sim.design import digest_of
from fewbit.sim.folders import locked

__all__ = ["Project"]


class Project:
    """One model, its input declaration and its folding, with a folder for what is made of it.

    Parameters
    ----------
    model : path of a ``.onnx`` file, or `golden.model_file.file.ModelSource`
        Read once: everything that is made here is of the bytes that it had then.
    input_spec, output : as `golden.importing.importer.import_model` takes them
    folding : path, dict or None
        None takes `flow.folding.folding.default_folding`.
    directory : path or None
        Default ``build/<model>``.
    target : hw.targets.target.Target
    """

    def __init__(self, model, *, input_spec=None, output="auto", folding=None, directory=None, target=DEFAULT):
        self.source, self.target = ModelSource.of(model), target
        self.model = self.source.path
        self.input_option, self.output_option = input_spec, output
        self.network = import_model(self.source, input_spec, output=output)
        self.directory = Path(directory) if directory else BUILD / self.model.stem
        if isinstance(folding, dict):
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
                simd = self.folding[node.name][1]
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
        content = [self._declared, write_folding(self.folding).encode()]
        content += [type(node).__name__.encode() for node in self.network.nodes]
        return hashlib.sha256(b"\0".join(content)).hexdigest()

    @cached_property
    def _declared(self):
        """The model as bytes, with its input declaration."""
        return declared(self.source.proto, self.network.input_spec)

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

    # Hardware

    def locked(self):
        """Hold the folder against other commands, as a context: what is made in it then belongs together."""
        return locked(self.directory)

    def stage(self, name, *more):
        return BuildStage(
            directory=self.directory, name=name, inputs=[self.digest, source_digest("golden", "hw"), *more]
        )

    def generate(self):
        """Write ``verilog/``, the manifest, the folding, and the model with its input declaration, from which it can be
        built again.

        Returns whether anything had to be done.
        """
        with self.locked():
            return self._generate()

    def _generate(self):
        from fewbit.flow.ip.vivado import files
        from fewbit.hw.shell.verilog import emit

        stage = self.stage("verilog", source_digest("flow", "sim"))
        if stage.done:
            return False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            manifest = self.manifest()
            written = {"verilog/accelerator.v": emit(self.plan, name="accelerator")}
        written |= {f"verilog/{name}": text for name, text in files(self, manifest).items()}
        written["manifest.json"] = json.dumps(manifest, indent=2) + "\n"
        written["folding.json"] = write_folding(self.folding)
        written["model.onnx"] = self._declared
        with stage:  # only now: what cannot be generated leaves no earlier result in pieces
            for name, text in written.items():
                atomic_write(self.directory / name, text)
            stage.outputs = list(written)
        return True

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

    def generate_ip(self):
        """Write ``ip/``, the complete block with its registers, beside what `generate` writes; returns whether
        anything had to be done for it."""
        with self.locked():
            return self._generate_ip()

    def _generate_ip(self):
        from fewbit.flow.ip.folder import ip_files
        from fewbit.hw.shell.verilog import emit_ip

        self._generate()
        stage = self.stage("ip", source_digest("flow", "sim"))
        if stage.done:
            return False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            written = ip_files(self.block, emit_ip(self.plan, self.registers))
        with stage:
            for name, text in written.items():
                atomic_write(self.directory / "ip" / name, text)
            stage.outputs = [f"ip/{name}" for name in written]
        return True

    @property
    def ip_verilog(self):
        return self.directory / "ip" / f"{self.block.top}.v"

    @property
    def verilog(self):
        return self.directory / "verilog" / "accelerator.v"

    def manifest(self):
        """What software needs to know of the block."""
        from fewbit.sim.cycles.model import predict_steady

        plan, network = self.plan, self.network
        timing = predict_steady(plan)
        return {
            "model": self.model.name,
            "sha256": self.source.sha256,
            "build": self.digest,
            "identity": self.identity,
            "output_option": self.output_option,
            "input": {
                "declaration": network.input_spec, "format": str(plan.x_format), "shape": list(network.input_shape),
                "bits": plan.x_format.bits, "lanes": plan.lanes_in, "beats": plan.beats_in,
                "bytes": (plan.x_format.bits * plan.lanes_in + 7) // 8, "size": list(network.input_size),
                "order": "pixels row by row, channels innermost" if network.input_size else "row-major",
                "channels": self._channels(),
            },
            "output": {
                "format": str(plan.format), "length": plan.length_out, "bits": plan.format.bits,
                "lanes": plan.lanes_out, "beats": plan.beats_out, "bytes": (plan.format.bits * plan.lanes_out + 7) // 8,
                **self._meaning(self.output),
            },
            "outputs": [{"name": output.name, **self._meaning(output)} for output in network.outputs],
            "target": self.target.name,
            "notes": network.notes,
            "cycles": {"latency": timing.latency, "interval": timing.interval, "bound": plan.bound},
            "layers": {
                name: {"neurons": p.neurons, "inputs": p.inputs, "pe": p.pe, "simd": p.simd, "cycles": p.cycles,
                       "activations": str(p.x_format), "weights": str(p.dense.weight_format), "output": str(p.format),
                       "weights_in": p.weights_in, "products_in": p.products_in}
                for name, p in plan.layers.items()
            },
            "control": {"vlnv": self.block.vlnv, "top": self.block.top} | self.registers.constants(),
        }  # fmt: skip

    def _channels(self):
        """Where a sample has its channels: the host moves them innermost. "last": it has nothing to do."""
        order, shape = self.network.input_order, self.network.input_shape
        if order is None:
            return "last"
        first = np.arange(np.prod(shape)).reshape(len(order) // int(np.prod(self.network.input_size)), -1)
        return "first" if np.array_equal(first.T.reshape(-1), order) else np.asarray(order).tolist()

    def _meaning(self, output):
        """How the host gets the model's output from the integers, where that is a scale and an offset."""
        if self.plan.format.integral and not output.chain:
            return {"meaning": "label"}
        coefficients = affine(output.chain)
        if coefficients is None:
            return {"meaning": "codes"}
        edge = self.network.edges()[output.edge]
        scale, offset = (np.tile(np.broadcast_to(c, edge.channels), edge.pixels).tolist() for c in coefficients)
        return {"meaning": "output = scale*value + offset", "scale": scale, "offset": offset,
                "positions": output.index.reshape(-1).tolist(),
                "then": [name for name, _ in output.closing]}  # fmt: skip

    # Simulation

    def build_simulator(self, *, ip=False, cycles=None, waves=False, verbose=False, progress=None):
        """Compile the Verilog, or that of the IP block, with Verilator; returns whether anything had to be done.

        ``cycles`` is about how many there are to simulate, if that is known: few are not worth an optimized build.
        """
        with self.locked():
            (self._generate_ip if ip else self._generate)()
            return self._build_simulator(ip, _few(cycles), waves, verbose, progress)

    def _build_simulator(self, ip, quick, waves, verbose, progress):
        from fewbit.sim.simulators.run import build

        verilog, top = self._design(ip).read_bytes(), self.block.top if ip else "accelerator"

        def stage(quick):
            inputs = [verilog, waves, quick, source_digest("sim")]
            return BuildStage(directory=self.simulator(waves, ip=ip), name="verilator", inputs=inputs)

        if stage(False).done or (quick and stage(True).done):
            return False
        with stage(quick) as made:
            build(verilog, made.directory, top=top, quick=quick, waves=waves, verbose=verbose, progress=progress)
            made.outputs = [top]
        return True

    def _design(self, ip):
        return self.ip_verilog if ip else self.verilog

    def design(self, *, ip=False):
        """What the simulator of the Verilog in the folder says that it is of (`sim.design`)."""
        return digest_of(self._design(ip).read_bytes())

    def expected_build_seconds(self, *, ip=False, cycles=None):
        """About how long Verilator and the compiler take: fitted to the examples on two cores."""
        size = self._design(ip).stat().st_size
        return 4 + 1.5e-6 * size if _few(cycles) else 9 + 5e-6 * size

    def simulator(self, waves=False, *, ip=False):
        return self.directory / ("sim" + "-ip" * ip + "-waves" * waves)


def _few(cycles):
    """Whether a simulator that is built quickly is the faster way to simulate so many."""
    from fewbit.sim.simulators.run import FEW_CYCLES

    return cycles is not None and cycles <= FEW_CYCLES
