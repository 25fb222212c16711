"""``fewbit board``: complete designs for boards, with pins and clocks, down to a bitstream where that needs no vendor.

A board folder, ``build/<model>/board-<name>``, holds the accelerator built of what the board's FPGA has, the design
around it, what its tools read, and ``board.json`` with the figures.
"""

import json
import shlex

from fewbit.flow.cache import BuildStage, atomic_write, source_digest
from fewbit.flow.project.rebuild import rebuilt
from fewbit.host.build import Build
from fewbit.hw.boards.serial_boards import SERIAL_BOARDS, SerialTop
from fewbit.hw.serial.link import LinkPlan
from fewbit.hw.serial.uart import bit_cycles
from fewbit.hw.shell.verilog import wake
from fewbit.sim.folders import locked

from . import bitstream
from .zynq import ZYNQ_BOARDS, zynq_files

__all__ = ["BOARDS", "BAUD", "build_board", "link_plan"]

BOARDS = (*SERIAL_BOARDS, *ZYNQ_BOARDS)
BAUD = 1_000_000
_EMITTED = ("top.v", "top.debug.v")  # by Amaranth's platforms


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
    dict
        What ``fewbit board --json`` prints.
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
    result = {"board": name, "directory": str(folder), "clock_mhz": clock}
    return _written(folder, result | {"next": f"read {folder / 'README.md'}"})


def _serial_board(name, build, report, clock, baud, seed, run):
    board = SERIAL_BOARDS[name]
    clock = board.clock if clock is None else clock
    folder, link = build.directory / f"board-{name}", link_plan(build)
    board.pll(clock), bit_cycles(clock * 1e6, baud)  # refuse what cannot be before anything is written
    project = rebuilt(build, folder / "accelerator", board.target, report)
    result = {"board": name, "directory": str(folder), "clock_mhz": clock, "baud": baud, "seed": seed}
    inputs = [project.verilog, build.manifest, result, bitstream.versions(), source_digest("hw", "flow", "host")]
    stage = BuildStage(directory=folder, name="board", inputs=[*inputs, run])
    if stage.done:
        report.step("design", False, folder)
        return json.loads((folder / "board.json").read_text())
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
        if run and board.open_tools:
            result |= _bitstream(folder, plan, seed, report)
        result["next"] = _next(name, build, folder, baud, "bitstream" in result)
        _written(folder, result)
        stage.outputs = [*files, "board.json", *(bitstream.MADE if "bitstream" in result else ())]
    return result


def _next(name, build, folder, baud, made):
    """What to do with the design, in a line."""
    where = shlex.quote(str(build.directory))
    demo = f"fewbit demo {where} --serial /dev/ttyUSB0" + ("" if baud == BAUD else f" --baud {baud}")
    if made:
        return f"openFPGALoader --board {name} {shlex.quote(str(folder / 'top.bit'))}, then {demo}"
    if SERIAL_BOARDS[name].open_tools:
        return f"without --files, `fewbit board {name} {where}` makes the bitstream"
    return f"in {folder}: vivado -mode batch -source top.tcl, load top.bit, then {demo}"


def _bitstream(folder, plan, seed, report):
    command = next(line for line in plan.files["build_top.sh"].splitlines() if "--textcfg" in line)
    words = shlex.split(command)
    options = words[words.index("--log") + 2 : words.index("--json")]  # device, package, speed
    with report.stepping("bitstream") as progress:
        found = bitstream.make_bitstream(folder, options=options, seed=seed, progress=progress)
    clocks = [{"clock": name, "goal_mhz": round(goal, 2), "fmax_mhz": round(reached, 2)}
              for name, (goal, reached) in found["goals"].items()]  # fmt: skip
    use = {kind: round(n / max(1, found["available"][kind]), 4) for kind, n in found["used"].items()}
    return {
        "bitstream": str(folder / "top.bit"), "clocks": clocks, "fmax_mhz": found["fmax_mhz"], "used": found["used"],
        "use": use,
    }  # fmt: skip


def _written(folder, result):
    atomic_write(folder / "board.json", json.dumps(result, indent=2) + "\n")
    return result
