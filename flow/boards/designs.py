"""``fewbit board``: complete designs for boards, with pins and clocks, down to a bitstream where that needs no vendor.

A board folder, ``build/<model>/board-<name>``, holds the accelerator built of what the board's FPGA has, the design
around it, what its tools read, and ``board.json`` with the figures.
"""

import json
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from fewbit.extras import needs
from fewbit.flow.cache import BuildStage, atomic_write, source_digest
from fewbit.flow.project.rebuild import rebuilt
from fewbit.flow.results import Result, maybe
from fewbit.host.build import Build
from fewbit.hw.boards.serial_boards import SERIAL_BOARDS, SerialTop
from fewbit.hw.serial.link import LinkPlan
from fewbit.hw.serial.uart import bit_cycles
from fewbit.hw.shell.verilog import wake
from fewbit.sim.folders import locked

from . import bitstream
from .zynq import ZYNQ_BOARDS, zynq_files

__all__ = ["BOARDS", "BAUD", "BoardDesign", "build_board", "link_plan"]

BOARDS = (*SERIAL_BOARDS, *ZYNQ_BOARDS)
BAUD = 1_000_000
_EMITTED = ("top.v", "top.debug.v")  # by Amaranth's platforms


@dataclass(frozen=True, kw_only=True)
class BoardDesign(Result):
    """A design of a board, and what is to be done with it next.

    One behind a serial port has a rate in baud. One that became a bitstream has the clocks that were wanted and
    reached, and what it takes of the device, also as a share of it.
    """

    board: str
    directory: Path
    clock_mhz: float
    baud: int | None = maybe()
    seed: int | None = maybe()
    bitstream: str | None = maybe()
    clocks: list | None = maybe()
    fmax_mhz: float | None = maybe()
    used: dict | None = maybe()
    use: dict | None = maybe()
    next: str = ""


def link_plan(build):
    """The serial link of a `host.build.Build`."""
    return LinkPlan(
        beats_in=build.beats_in, bytes_in=build.bytes_in, beats_out=build.beats_out, bytes_out=build.bytes_out,
        model=build.model,
    )  # fmt: skip


def build_board(name, directory, report, *, clock=None, baud=BAUD, seed=1, run=True):
    """Write the design of a board for the build in ``directory``, and make its bitstream if no vendor tool is needed.

    Parameters
    ----------
    name : str
        One of `BOARDS`.
    directory : path
        As ``fewbit build`` writes it.
    clock : float or None
        MHz; None takes the board's own choice.
    baud : int
        Of the serial port.
    seed : int
        Of the placement.
    run : bool
        Whether to make the bitstream.

    Returns
    -------
    BoardDesign
    """
    if name not in BOARDS:
        raise ValueError(f"board must be one of {', '.join(BOARDS)}, not {name!r}")
    Build(directory)  # refuses what is none before anything is written
    with locked(directory):
        build = Build(directory)
        if name in SERIAL_BOARDS:
            return _serial_board(name, build, report, clock, baud, seed, run)
        return _zynq_board(name, build, report, clock)


def _zynq_board(name, build, report, clock):
    folder = build.directory / f"board-{name}"
    clock = ZYNQ_BOARDS[name].clock if clock is None else clock
    if not 10 <= clock <= 250:
        raise ValueError(f"Clock of a Zynq design must be 10 to 250 MHz, not {clock:g}")
    project = rebuilt(build, folder / "accelerator", ZYNQ_BOARDS[name].target, report)
    for path, content in zynq_files(name, project, build, clock).items():
        atomic_write(folder / path, content)
    design = BoardDesign(board=name, directory=folder, clock_mhz=clock, next=f"read {folder / 'README.md'}")
    _write(design)
    return design


def _serial_board(name, build, report, clock, baud, seed, run):
    board = SERIAL_BOARDS[name]
    clock = board.clock if clock is None else clock
    folder, link = build.directory / f"board-{name}", link_plan(build)
    made = run and board.open_tools
    if made:
        needs("pnr")
    board.pll(clock), bit_cycles(clock * 1e6, baud)  # refuse what cannot be before anything is written
    project = rebuilt(build, folder / "accelerator", board.target, report)
    design = BoardDesign(board=name, directory=folder, clock_mhz=clock, baud=baud, seed=seed)
    tools = bitstream.versions() if made else None
    inputs = [project.verilog, build.manifest, design.to_dict(), tools, source_digest("hw", "flow", "host")]
    stage = BuildStage(directory=folder, name="board", inputs=[*inputs, run])
    if stage.done:
        report.step("design", False, folder)
        return BoardDesign.from_dict(json.loads((folder / "board.json").read_text()))
    top = SerialTop(board, link, clock=clock, baud=baud)
    with report.working("design"):
        platform = board.platform()
        platform.add_file("accelerator.v", project.verilog.read_text())
        # Amaranth names the elements of an array port "x[0]" beside "x"; ABC9 can stumble over both in one module.
        plan = platform.prepare(top, "top", script_after_read="rename -hide w:*[*")
        files = {path: wake(content) if path in _EMITTED else content for path, content in plan.files.items()}
    with stage:
        for path, content in files.items():
            atomic_write(folder / path, content)
        report.step("design", True, folder)
        if made:
            design = _bitstream(design, plan, report)
        design = replace(design, next=_next(name, build, folder, baud, made))
        _write(design)
        stage.outputs = [*files, "board.json", *(bitstream.MADE if made else ())]
    return design


def _next(name, build, folder, baud, made):
    """What to do with the design, in a line."""
    where = shlex.quote(str(build.directory))
    demo = f"fewbit demo {where} --serial /dev/ttyUSB0" + ("" if baud == BAUD else f" --baud {baud}")
    if made:
        return f"openFPGALoader --board {name} {shlex.quote(str(folder / 'top.bit'))}, then {demo}"
    if SERIAL_BOARDS[name].open_tools:
        return f"without --files, `fewbit board {name} {where}` makes the bitstream"
    return f"in {folder}: vivado -mode batch -source top.tcl, load top.bit, then {demo}"


def _bitstream(design, plan, report):
    """The design with what place and route found of the Amaranth build plan."""
    command = next(line for line in plan.files["build_top.sh"].splitlines() if "--textcfg" in line)
    words = shlex.split(command)
    options = words[words.index("--log") + 2 : words.index("--json")]  # device, package, speed
    with report.stepping("bitstream") as progress:
        found = bitstream.make_bitstream(design.directory, options=options, seed=design.seed, progress=progress)
    clocks = [{"clock": name, "goal_mhz": round(goal, 2), "fmax_mhz": round(reached, 2)}
              for name, (goal, reached) in found["goals"].items()]  # fmt: skip
    use = {kind: round(n / max(1, found["available"][kind]), 4) for kind, n in found["used"].items()}
    return replace(
        design, bitstream=str(design.directory / "top.bit"), clocks=clocks, fmax_mhz=found["fmax_mhz"],
        used=found["used"], use=use,
    )  # fmt: skip


def _write(design):
    atomic_write(design.directory / "board.json", json.dumps(design.to_dict(), indent=2) + "\n")
