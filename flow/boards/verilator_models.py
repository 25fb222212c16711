"""The Verilator models that host software talks to: a build as it is, or behind its serial port."""

from fewbit.flow.cache import BuildStage, source_digest
from fewbit.host.build import Build, HostError
from fewbit.host.protocol import IDENTITY, MAGIC, VERSION
from fewbit.places import HOME
from fewbit.sim.folders import locked
from fewbit.sim.simulators.program import build_program

from .designs import link_plan

__all__ = ["model_of", "serial_model_of"]


def model_of(directory):
    """Path of the program that is the build in ``directory``, with frames on its standard input; compiled if need be.

    `host.verilator` says how to talk to it.
    """
    Build(directory)  # refuses what is none before anything is written
    with locked(directory):
        return _model_of(Build(directory))


def _model_of(build):
    shape = {name.upper(): getattr(build, name) for name in ("beats_in", "bytes_in", "beats_out", "bytes_out")}
    identity = IDENTITY.pack(MAGIC, VERSION, 0, build.model, *shape.values())
    cycles = build.manifest["cycles"]
    shape |= {
        "PATIENCE": 4 * (cycles["latency"] + cycles["bound"]) + 10_000,
        "IDENTITY": "{" + ", ".join(str(byte) for byte in identity) + "}",
    }  # fmt: skip
    return _program(build.directory / "model", "model.cpp", {"accelerator.v": _verilog(build)}, "accelerator", shape)


def serial_model_of(directory, *, cycles=8):
    """As `model_of`, with the bytes of a serial line, whose bits take ``cycles`` cycles."""
    Build(directory)
    with locked(directory):
        return _serial_model_of(Build(directory), cycles)


def _serial_model_of(build, cycles):
    from fewbit.hw.serial.accelerator import SerialAccelerator
    from fewbit.hw.shell.verilog import convert

    design = SerialAccelerator(link_plan(build), cycles=cycles)
    text = convert(design, "serial")
    quiet = 4 * build.manifest["cycles"]["latency"] + 20_000
    sources = {"accelerator.v": _verilog(build), "serial.v": text.encode()}
    shape = {"CYCLES": cycles, "QUIET": quiet}
    return _program(build.directory / "serial-model", "serial.cpp", sources, "serial", shape)


def _verilog(build):
    path = build.directory / "verilog" / "accelerator.v"
    try:
        return path.read_bytes()
    except OSError:
        raise HostError(f"{path}: no such file; make it with `fewbit build MODEL.onnx`") from None


def _program(folder, main, sources, top, shape):
    inputs = [*sources.items(), HOME / "sim" / "simulators" / main, shape, source_digest("sim")]
    stage = BuildStage(directory=folder, name="model", inputs=inputs)
    if not stage.done:
        with stage:
            program = build_program(folder, main, sources, top=top, shape=shape)
            stage.outputs = [str(program.relative_to(folder))]
    return folder / stage.outputs[0]
