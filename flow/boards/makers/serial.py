"""Designs of boards with a serial port: clock, port, accelerator and two LEDs, down to a bitstream with open tools."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from fewbit.extras import needs
from fewbit.flow.cache import BuildStage, atomic_write, source_digest
from fewbit.flow.defaults import BAUD
from fewbit.flow.ip.destination import Destination
from fewbit.flow.project.rebuild import rebuilt
from fewbit.flow.reporting import Report
from fewbit.host.build import Build
from fewbit.hw.boards.serial_boards import SerialBoard, SerialTop
from fewbit.hw.serial.link import LinkPlan
from fewbit.hw.serial.uart import bit_cycles
from fewbit.hw.shell.verilog import wake

from .. import bitstream
from ..board import BoardDesign, DesignOptions, design_of

__all__ = ["link_plan"]

_EMITTED = ("top.v", "top.debug.v")  # what Amaranth's platforms emit


def link_plan(build: Build) -> LinkPlan:
    """Return the serial link of a build, which has one input."""
    given = build.only
    return LinkPlan(
        beats_in=given.beats, bytes_in=given.bytes, beats_out=build.beats_out, bytes_out=build.bytes_out,
        model=build.model,
    )  # fmt: skip


@design_of(SerialBoard)
def _serial_design(name: str, board: SerialBoard, build: Build, report: Report, options: DesignOptions) -> BoardDesign:
    """Write the design of a board behind a serial port, and make its bitstream if open tools can."""
    if "loadable" in build.manifest:
        raise ValueError(f"{build.directory} has loadable weights, which the serial port of {name} does not take; "
                         "build it with `--weights fixed`, or use the IP block or a Zynq board")  # fmt: skip
    clock = board.clock if options.clock is None else options.clock
    baud, seed, run = options.baud, options.seed, options.run
    folder, link = build.directory / f"board-{name}", link_plan(build)
    made = run and board.open_tools
    if made:
        needs("pnr")
    board.pll(clock), bit_cycles(clock * 1e6, baud)  # refuse what cannot be before anything is written
    if "external" in build.manifest:
        raise ValueError(f"{board.title}: its design has no memory for external weights; fold the model without them")
    project = rebuilt(build, folder / "accelerator", board.target, report, Destination(clock=clock))
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
            design = _bitstream(design, seed, plan, report)
        design = replace(design, next=_next(name, board, build, folder, baud, made))
        design.write()
        stage.outputs = [*files, "board.json", *(bitstream.MADE if made else ())]
    return design


def _next(name: str, board: SerialBoard, build: Build, folder: Path, baud: int, made: bool) -> str:
    """Return, in a line, what to do with the design."""
    where = shlex.quote(str(build.directory))
    demo = f"fewbit demo {where} --serial /dev/ttyUSB0" + ("" if baud == BAUD else f" --baud {baud}")
    if made:
        return f"openFPGALoader --board {name} {shlex.quote(str(folder / 'top.bit'))}, then {demo}"
    if board.open_tools:
        return f"without --files, `fewbit board {name} {where}` makes the bitstream"
    return f"in {folder}: vivado -mode batch -source top.tcl, load top.bit, then {demo}"


def _bitstream(design: BoardDesign, seed: int, plan: Any, report: Report) -> BoardDesign:
    """Return the design with what place and route found of it; ``plan`` is the Amaranth build plan."""
    command = next(line for line in plan.files["build_top.sh"].splitlines() if "--textcfg" in line)
    words = shlex.split(command)
    options = words[words.index("--log") + 2 : words.index("--json")]  # device, package, speed
    with report.stepping("bitstream") as progress:
        found = bitstream.make_bitstream(design.directory, options=options, seed=seed, progress=progress)
    clocks = [{"clock": name, "goal_mhz": round(goal, 2), "fmax_mhz": round(reached, 2)}
              for name, (goal, reached) in found.goals.items()]  # fmt: skip
    use = {kind: round(n / max(1, found.available[kind]), 4) for kind, n in found.used.items()}
    return replace(
        design, bitstream=str(design.directory / "top.bit"), clocks=clocks, fmax_mhz=found.fmax_mhz,
        used=found.used, use=use,
    )  # fmt: skip
