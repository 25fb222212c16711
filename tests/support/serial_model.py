"""A build behind its serial port, in Verilator."""

from pathlib import Path

from fewbit.flow.boards.makers.serial import link_plan
from fewbit.flow.boards.verilator_models import kept_program, verilog_of
from fewbit.host.build import Build
from fewbit.hw.serial.accelerator import SerialAccelerator
from fewbit.hw.shell.verilog import convert
from fewbit.sim.folders import locked

MAIN = Path(__file__).resolve().parent / "serial.cpp"


def serial_verilog_of(build, *, cycles=8):
    """Return the Verilog of the serial port around the accelerator of a `host.build.Build`."""
    return convert(SerialAccelerator(link_plan(build), cycles=cycles), "serial")


def serial_model_of(directory, *, cycles=8):
    """Return the path of the program that is the build in ``directory`` behind its serial port.

    The bytes of the line are its standard input and output; a bit takes ``cycles`` cycles.
    """
    Build(directory)  # refuses what is none before anything is written
    with locked(directory):
        build = Build(directory)
        sources = {"accelerator.v": verilog_of(build), "serial.v": serial_verilog_of(build, cycles=cycles).encode()}
        shape = {"CYCLES": cycles, "QUIET": 4 * build.manifest["cycles"]["latency"] + 20_000}
        return kept_program(build.directory / "serial-model", MAIN, sources, "serial", shape)
