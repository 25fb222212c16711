"""The Verilator model of a build, which host software talks to."""

from collections.abc import Mapping
from pathlib import Path

from fewbit.flow.cache import BuildStage, source_digest
from fewbit.host.build import Build, HostError
from fewbit.host.protocol import IDENTITY, MAGIC, VERSION
from fewbit.hw.shell.names import top_name, without_prefix
from fewbit.places import HOME
from fewbit.sim.folders import locked
from fewbit.sim.simulators.program import build_program

__all__ = ["kept_program", "model_of", "verilog_of"]

_MAIN = HOME / "sim" / "simulators" / "model.cpp"


def model_of(directory: Path | str) -> Path:
    """Return the path of the program that is the build in ``directory``, with frames on its standard input.

    It is compiled if need be. `host.verilator` says how to talk to it.

    Raises
    ------
    HostError
        If the folder is no build.
    fewbit.sim.errors.SimulationError
        If it cannot be compiled.
    """
    Build(directory)  # refuses what is none before anything is written
    with locked(directory):
        return _model_of(Build(directory))


def _model_of(build: Build) -> Path:
    if "external" in build.manifest:
        raise HostError(f"{build.directory}: has external weights, and this simulated accelerator has no memory for "
                        "them; `fewbit sim` has one")  # fmt: skip
    identity = IDENTITY.pack(MAGIC, VERSION, 0, build.model, *build.sizes)
    cycles = build.manifest["cycles"]
    inputs = [f"INPUT({i.stream}, {i.beats}, {i.bytes})" for i in build.inputs]
    shape: dict[str, int | str] = {
        "INPUTS": " ".join(inputs), "FRAME": build.frame_bytes,
        "BEATS_OUT": build.beats_out, "BYTES_OUT": build.bytes_out,
        "PATIENCE": 4 * (cycles["latency"] + cycles["bound"]) + 10_000,
        "IDENTITY": "{" + ", ".join(str(byte) for byte in identity) + "}",
    }  # fmt: skip
    if "loadable" in build.manifest:
        shape["LOADABLE"] = 1
    return kept_program(build.directory / "model", _MAIN, {"accelerator.v": verilog_of(build)}, "accelerator", shape)


def verilog_of(build: Build) -> bytes:
    """Return the Verilog of a build, with names as if they had no prefix.

    Raises
    ------
    HostError
        If there is none.
    """
    path = build.directory / "verilog" / f"{top_name(build.prefix)}.v"
    try:
        return without_prefix(path.read_text(), build.prefix).encode()
    except OSError:
        raise HostError(f"{path}: no such file; make it with `fewbit build MODEL.onnx`") from None


def kept_program(
    folder: Path, main: Path, sources: Mapping[str, bytes], top: str, shape: Mapping[str, int | str]
) -> Path:
    """Return the path of a program of Verilog ``sources`` and a C++ ``main``, which is compiled if need be.

    Parameters
    ----------
    folder : Path
        Where the program is kept.
    main : Path
        The C++ file with its ``main``, which takes the macros of ``shape``.
    sources : mapping of str to bytes
        Contents of the Verilog files, by name.
    top : str
        Name of the top module.
    shape : mapping of str to int or str
        Macros that the C++ file is compiled with.

    Raises
    ------
    fewbit.sim.errors.SimulationError
        If it cannot be compiled.
    """
    inputs = [*sources.items(), main, dict(shape), source_digest("sim")]
    stage = BuildStage(directory=folder, name="model", inputs=inputs)
    if not stage.done:
        with stage:
            program = build_program(folder, main, sources, top=top, shape=shape)
            stage.outputs = [str(program.relative_to(folder))]
    return folder / stage.outputs[0]
