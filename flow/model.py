"""The Verilator models that host software talks to: a build as it is, or behind its serial port."""

from host.build import Build
from host.protocol import IDENTITY, MAGIC, VERSION
from sim.model import build_program

from .boards.board import link_plan
from .cache import ROOT, Stage, atomic_write, source_digest

__all__ = ["model_of", "serial_model_of"]


def model_of(directory):
    """Path of the program that is the build in ``directory``, with frames on its standard input; compiled if need be.

    `host.verilator` says how to talk to it.
    """
    build = Build(directory)
    shape = {name.upper(): getattr(build, name) for name in ("beats_in", "bytes_in", "beats_out", "bytes_out")}
    identity = IDENTITY.pack(MAGIC, VERSION, 0, build.model, *shape.values())
    cycles = build.manifest["cycles"]
    shape |= {
        "PATIENCE": 4 * (cycles["latency"] + cycles["bound"]) + 10_000,
        "IDENTITY": "{" + ", ".join(str(byte) for byte in identity) + "}",
    }  # fmt: skip
    folder, sources = build.directory / "model", [build.directory / "verilog" / "accelerator.v"]
    return _program(folder, "model.cpp", sources, "accelerator", shape)


def serial_model_of(directory, *, cycles=8):
    """As `model_of`, with the bytes of a serial line, whose bits take ``cycles`` cycles."""
    from hw.serial import SerialAccelerator
    from hw.verilog import convert

    build = Build(directory)
    folder = build.directory / "serial-model"
    design = SerialAccelerator(link_plan(build), cycles=cycles)
    text = convert(design, "serial")
    source = folder / "serial.v"
    if not source.is_file() or source.read_text() != text:
        atomic_write(source, text)
    quiet = 4 * build.manifest["cycles"]["latency"] + 20_000
    sources = [build.directory / "verilog" / "accelerator.v", source]
    return _program(folder, "serial.cpp", sources, "serial", {"CYCLES": cycles, "QUIET": quiet})


def _program(folder, main, sources, top, shape):
    inputs = [*sources, ROOT / "sim" / main, shape, source_digest("sim")]
    stage = Stage(directory=folder, name="model", inputs=inputs)
    if not stage.done:
        with stage:
            program = build_program(folder, main, sources, top=top, shape=shape)
            stage.outputs = [str(program.relative_to(folder))]
    return folder / stage.outputs[0]
