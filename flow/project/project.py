"""A model on its way to hardware: what is generated of it, in a folder, each step kept until its inputs change."""

import json
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fewbit.collector import many_objects
from fewbit.flow.cache import BuildStage, atomic_write, source_digest
from fewbit.golden.model_file.source import SourceFile
from fewbit.hw.shell.names import ACCELERATOR, top_name, without_prefix
from fewbit.places import BUILD
from fewbit.sim.design import digest_of
from fewbit.sim.folders import locked
from fewbit.sim.simulators.simulator import Simulator, simulators

from .folded_model import FoldedModel
from .kept import kept_destination
from .outside import IMAGE

if TYPE_CHECKING:
    from fewbit.sim.proof.design import ModuleProof

__all__ = ["Project"]

_PROOFS = "proofs.json"  # beside a simulator without structure
# Primitives, and bytes of text, up to which structure is simulated as it is, unless asked otherwise: memories of many
# words have few primitives, and yet take the simulator's compiler minutes.
_SMALL = 5_000
_SHORT = 3 << 20


class Project(FoldedModel):
    """A folded model, with a folder for what is made of it.

    Parameters
    ----------
    model, options
        As `FoldedModel` takes them; without a destination, that of the build of the same target in the folder is kept,
        so that who simulates a build does not change what it is for.
    directory : path or None
        Default ``build/<model>``.

    Attributes
    ----------
    directory : Path
    shows_cells : bool
        Whether waveforms have the cells of LUTs and carry chains, too.
    """

    shows_cells = False

    def __init__(self, model: Path | str | SourceFile, *, directory: Path | str | None = None, **options: Any):
        super().__init__(model, **options)
        self.directory = Path(directory) if directory else BUILD / self.model.stem
        if options.get("destination") is None:
            self.destination = kept_destination(self.directory, self.target) or self.destination

    def locked(self) -> AbstractContextManager[None]:
        """Hold the folder against other commands, as a context: what is made in it then belongs together."""
        return locked(self.directory)

    def stage(self, name: str, *more: Any) -> BuildStage:
        """Return the build stage ``name`` of the folder, which depends on the hardware and on ``more``."""
        return BuildStage(
            directory=self.directory,
            name=name,
            inputs=[self.digest, source_digest("golden", "hw"), repr(self.destination), *more],
        )

    @property
    def up_to_date(self) -> bool:
        """Whether what `generate` writes is there, and is of this version of fewbit."""
        return self._generated.done

    @property
    def _generated(self) -> BuildStage:
        return self.stage("verilog", source_digest("flow", "sim"))

    def generate(self) -> bool:
        """Write what is generated of the model, and return whether anything had to be done.

        That is ``verilog/`` with a list of the modules that stand in it once, however often they are used, the
        manifest, the folding, and the model with its input declaration, from which it can be built again; where weights
        are loadable, their image too, as the bitstream has them.
        """
        with self.locked(), many_objects():
            return self._generate()

    def _generate(self) -> bool:
        from fewbit.flow.ip.vivado import files
        from fewbit.hw.shell.verilog import emission

        stage = self._generated
        if stage.done:
            return False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            manifest = self.manifest()
            found = emission(self.plan, prefix=self.destination.prefix)
        modules = [module.to_json() for module in found.modules]
        written: dict[str, str | bytes] = {f"verilog/{self.destination.top}.v": found.text}
        written["verilog/modules.json"] = json.dumps(modules, indent=1) + "\n"
        written |= {f"verilog/{name}": text for name, text in files(self, manifest).items()}
        written["manifest.json"] = json.dumps(manifest, indent=2) + "\n"
        written["folding.json"] = self.folding.to_json()
        if self.plan.memories:
            from .weight_images import own_image

            written["weights.npz"] = own_image(self).to_npz()
        written[f"model{self.source.SUFFIX}"] = self.declared
        if self.weight_image is not None:
            written[IMAGE] = self.weight_image.to_bytes()
        with stage:  # only now: what cannot be generated leaves no earlier result in pieces
            for name, text in written.items():
                atomic_write(self.directory / name, text)
            stage.outputs = list(written)
        return True

    def generate_ip(self) -> bool:
        """Write ``ip/``, the complete block with its registers, beside what `generate` writes.

        Return whether anything had to be done for it.
        """
        with self.locked(), many_objects():
            return self._generate_ip()

    def _generate_ip(self) -> bool:
        from fewbit.flow.ip.folder import ip_files
        from fewbit.hw.shell.verilog import emission_ip

        self._generate()
        stage = self.stage("ip", source_digest("flow", "sim"))
        if stage.done:
            return False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = emission_ip(self.plan, self.registers, prefix=self.destination.prefix)
            written = ip_files(self.block, found.text)
        with stage:
            for name, text in written.items():
                atomic_write(self.directory / "ip" / name, text)
            stage.outputs = [f"ip/{name}" for name in written]
        return True

    @property
    def ip_verilog(self) -> Path:
        """The Verilog of the IP block, which `generate_ip` writes."""
        return self.directory / "ip" / f"{self.destination.ip_top}.v"

    @property
    def verilog(self) -> Path:
        """The Verilog of the accelerator, which `generate` writes."""
        return self.directory / "verilog" / f"{self.destination.top}.v"

    # Simulators

    def build_simulator(
        self,
        simulator: str = "verilator",
        *,
        ip: bool = False,
        cycles: int | None = None,
        waves: bool = False,
        verbose: bool = False,
        progress: Callable[[], None] | None = None,
        structure: bool = True,
    ) -> bool:
        """Build a simulator of the Verilog, or of that of the IP block; return whether anything had to be done.

        Parameters
        ----------
        simulator : str
            One of `sim.simulators.simulator.simulators`.
        ip : bool
            Whether it is the IP block that is simulated.
        cycles : int or None
            About how many there are to simulate, if that is known: few are not worth an optimized build.
        waves, verbose, progress
            As `sim.simulators.simulator.Simulator.build` takes them.
        structure : bool
            Whether the Verilog is simulated as it is; else with the behaviour of every module of which that is proved
            (`proofs` says of which).

        Raises
        ------
        fewbit.sim.errors.SimulationError
            If the simulator is missing, or cannot be built.
        """
        with self.locked():
            (self._generate_ip if ip else self._generate)()
            options = dict(waves=waves, verbose=verbose, progress=progress)
            return self._build_simulator(simulators()[simulator], ip, cycles, structure, options)

    def _build_simulator(
        self, simulator: Simulator, ip: bool, cycles: int | None, structure: bool, options: dict[str, Any]
    ) -> bool:
        verilog, top, design = self._bare(ip), top_name(ip=ip), None
        if options["waves"]:
            verilog, design = self._with_views(ip, top), digest_of(verilog)
        folder = self.simulator_folder(simulator.name, ip=ip, waves=options["waves"], structure=structure)
        sources = ("sim",) if structure else ("golden", "hw", "sim")

        from .waveform import PLACES, view_places

        def stage(quick):
            inputs = [verilog, options["waves"], quick, simulator.version(), source_digest(*sources)]
            return BuildStage(directory=folder, name=simulator.name, inputs=inputs)

        quick = _few(simulator, cycles)
        if stage(False).done or (quick and stage(True).done):
            return False
        with stage(quick) as made:
            if structure:
                simulator.build(verilog, folder, top=top, quick=quick, design=design, **options)
                program = simulator.program(top)
            else:
                program = self._build_behaviour(simulator, verilog, design, folder, top, quick, options)
            made.outputs = [program, *([] if structure else [_PROOFS]), *([PLACES] if options["waves"] else [])]
            if options["waves"]:
                atomic_write(folder / PLACES, json.dumps(view_places(verilog.decode(), top), indent=2) + "\n")
        return True

    def _with_views(self, ip: bool, top: str) -> bytes:
        """Return the Verilog as waveforms are made of it: with what streams carry, and without cells unless asked for.

        It is the design itself beside that: the same generator's, from the same plan.
        """
        from fewbit.hw.shell.verilog import emission, emission_ip
        from fewbit.sim.simulators.waves import without_cells

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = emission_ip(self.plan, self.registers, viewing=True) if ip else emission(self.plan, viewing=True)
        return (found.text if self.shows_cells else without_cells(found.text, top)).encode()

    def _build_behaviour(
        self, simulator: Simulator, verilog: bytes, design: str | None, folder: Path, top: str, quick: bool,
        options: dict[str, Any],
    ) -> str:  # fmt: skip
        """Build a simulator of what ``verilog`` does, and return the name of its program."""
        from fewbit.sim.simulators.streamed import PROGRAM, build_streamed

        text, design = self._proved(verilog.decode(), folder), design or digest_of(verilog)
        if self.streams(simulator.name, ip=top != ACCELERATOR, waves=options["waves"]):
            build_streamed(folder, self.plan, text, design, quick=quick)
            return PROGRAM
        simulator.build(text.encode(), folder, top=top, quick=quick, design=design, **options)
        return simulator.program(top)

    @staticmethod
    def streams(simulator: str, *, ip: bool, waves: bool) -> bool:
        """Return whether a design's behaviour is simulated by `sim.simulators.streamed`, not by cocotb's benches."""
        return simulator == "verilator" and not ip and not waves

    def _proved(self, verilog: str, folder: Path) -> str:
        """Return Verilog that does what ``verilog`` does, and write what is proved of it, and its words of memories."""
        from fewbit.sim.proof.design import behaviour_design

        design = behaviour_design(verilog, self.plan)
        for name, content in design.files.items():
            atomic_write(folder / name, content)
        proofs = [asdict(proof) for proof in design.proofs]
        atomic_write(folder / _PROOFS, json.dumps(proofs, indent=2) + "\n")
        return design.text

    def proofs(self, simulator: str = "verilator", *, ip: bool = False, waves: bool = False) -> "list[ModuleProof]":
        """Return what is proved of the design in the simulator without structure that was built last."""
        from fewbit.sim.proof.design import ModuleProof

        folder = self.simulator_folder(simulator, ip=ip, waves=waves, structure=False)
        return [ModuleProof(**proof) for proof in json.loads((folder / _PROOFS).read_text())]

    def structure_is_small(self, *, ip: bool = False) -> bool:
        """Return whether the generated Verilog is so small that it is simulated as it is within moments."""
        from fewbit.sim.proof.design import primitives_in

        text = self._bare(ip)
        return len(text) <= _SHORT and primitives_in(text.decode(), top_name(ip=ip)) <= _SMALL

    def simulator_folder(
        self, simulator: str = "verilator", *, ip: bool = False, waves: bool = False, structure: bool = True
    ) -> Path:
        """Return the folder that `build_simulator` builds in."""
        return self.directory / (
            simulators()[simulator].folder
            + "-ip" * ip
            + "-waves" * waves
            + "-cells" * (waves and self.shows_cells)
            + "-behaviour" * (not structure)
        )

    def expected_build_seconds(
        self, simulator: str = "verilator", *, ip: bool = False, cycles: int | None = None
    ) -> float | None:
        """Return about how many seconds `build_simulator` takes; None where that is a moment."""
        chosen = simulators()[simulator]
        return chosen.seconds(self._design(ip).stat().st_size, _few(chosen, cycles))

    def design(self, *, ip: bool = False) -> str:
        """Return what the simulator of the Verilog in the folder says that it is of (`sim.design`)."""
        return digest_of(self._bare(ip))

    def _bare(self, ip: bool) -> bytes:
        """Return that Verilog with names as if there were no prefix, as benches and proofs know them."""
        return without_prefix(self._design(ip).read_text(), self.destination.prefix).encode()

    def _design(self, ip: bool) -> Path:
        """Return the Verilog of the IP block, or of the accelerator alone."""
        return self.ip_verilog if ip else self.verilog


def _few(simulator: Simulator, cycles: int | None) -> bool:
    """Return whether a simulator that is built quickly is the faster way to simulate so many cycles."""
    return cycles is not None and cycles <= simulator.few
