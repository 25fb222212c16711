"""Zynq boards: a block design with AXI DMA and the IP block, and what runs on its processor under PYNQ."""

import json
from dataclasses import dataclass
from typing import Any

from fewbit.flow.cache import atomic_write
from fewbit.flow.ip.destination import destination
from fewbit.flow.project.outside import IMAGE
from fewbit.flow.project.project import Project
from fewbit.flow.project.rebuild import rebuilt
from fewbit.flow.reporting import Report
from fewbit.host.build import Build
from fewbit.hw.shell.block_ports import WEIGHT_BUS
from fewbit.hw.shell.dma import WORD, DmaBridge, DmaBridgeShell
from fewbit.hw.shell.verilog import convert, emit_ip
from fewbit.hw.targets.named import USUAL
from fewbit.hw.targets.target import Target

from ..board import BoardDesign, DesignOptions, design_of
from ..host_software import host_software
from ..zynq_pages import notebook, readme

__all__ = ["ZynqBoard", "part_of"]


@dataclass(frozen=True)
class ZynqBoard:
    """A board with a Zynq, and the part on it.

    Attributes
    ----------
    title, part : str
        Names of the board, for people, and of its part.
    board_part : str
        Vivado's name of the board, whose presets are taken where its board files are installed.
    clock : float
        MHz of the processor's clock 0, if nothing else is asked for.
    target : hw.targets.target.Target
        What the accelerator is made of.
    """

    title: str
    part: str
    board_part: str
    clock: float = 100.0
    target: Target = USUAL


def part_of(platform: Any) -> str:
    """Return Vivado's name of the part of a platform of amaranth-boards."""
    return f"{platform.device}{platform.package}-{platform.speed}"


@design_of(ZynqBoard)
def _zynq_design(name: str, board: ZynqBoard, build: Build, report: Report, options: DesignOptions) -> BoardDesign:
    """Write the design of a Zynq board, which Vivado makes a bitstream of."""
    folder = build.directory / f"board-{name}"
    clock = board.clock if options.clock is None else options.clock
    if not 10 <= clock <= 250:
        raise ValueError(f"Clock of a Zynq design must be 10 to 250 MHz, not {clock:g}")
    where = destination(board.target, part=board.part, clock=clock)
    project = rebuilt(build, folder / "accelerator", board.target, report, where)
    for path, content in zynq_files(board, project, build, clock).items():
        atomic_write(folder / path, content)
    design = BoardDesign(board=name, directory=folder, clock_mhz=clock, next=f"read {folder / 'README.md'}")
    design.write()
    return design


def zynq_files(board: ZynqBoard, project: Project, build: Build, clock: float) -> dict[str, str | bytes]:
    """Return the content of every file of a board folder by its name.

    Parameters
    ----------
    board : ZynqBoard
    project : flow.project.project.Project
        The build, generated again of Xilinx primitives.
    build : host.build.Build
    clock : float
        MHz.
    """
    bridge = DmaBridge(
        inputs=[(given.beats, given.bytes) for given in build.inputs], beats_out=build.beats_out,
        bytes_out=build.bytes_out, frames=project.plan.frames_inside + 2,
    )  # fmt: skip
    image = project.weight_image
    files: dict[str, str | bytes] = {
        "accelerator_ip.v": emit_ip(project.plan, project.registers),
        "dma_bridge.v": convert(DmaBridgeShell(bridge), "dma_bridge"),
        "design.tcl": _tcl(board, [given.stream for given in build.inputs], clock, image is not None),
        "manifest.json": json.dumps(project.manifest(), indent=2) + "\n",
        "accelerator.ipynb": notebook(board.title, build),
        "README.md": readme(board.title, build, clock),
    }
    if image is not None:
        files[IMAGE] = image.to_bytes()
    return files | host_software()


def _tcl(board, streams, clock, outside):
    parts = _project_tcl(board), _design_tcl(streams, clock, outside), _wires_tcl(streams, outside), _run_tcl(clock)
    return "\n".join(parts)


def _project_tcl(board):
    return f"""\
# {board.title}: processor, AXI DMA and accelerator, down to accelerator.bit and accelerator.hwh.
#   vivado -mode batch -source design.tcl [-tclargs JOBS]
set here [file dirname [file normalize [info script]]]
set jobs 4
if {{[llength $argv] > 0}} {{
    set jobs [lindex $argv 0]
}}
create_project -force zynq [file join $here project] -part {board.part}
# With the board's files, Vivado presets memory and pins of the processor. Without them the design works under PYNQ
# all the same: the board's boot loader has set them already.
set preset 0
if {{[llength [get_board_parts -quiet {board.board_part}]] > 0}} {{
    set_property board_part {board.board_part} [current_project]
    set preset 1
}}
add_files [list [file join $here accelerator_ip.v] [file join $here dma_bridge.v]]
update_compile_order -fileset sources_1
"""


def _design_tcl(streams, clock, outside):
    """Return the Tcl of the block design's cells: a DMA for each of the streams of frames, the first one both ways.

    With weights ``outside`` they come through a port to memory of their own.
    """
    more = range(1, len(streams))
    width = 8 * WORD
    others = "".join(
        f"""\
create_bd_cell -type ip -vlnv xilinx.com:ip:axi_dma axi_dma_{k}
set_property -dict [list CONFIG.c_include_sg 0 CONFIG.c_include_s2mm 0 CONFIG.c_sg_length_width 26 \\
    CONFIG.c_m_axi_mm2s_data_width {width} CONFIG.c_m_axis_mm2s_tdata_width {width} \\
    CONFIG.c_mm2s_burst_size 64] [get_bd_cells axi_dma_{k}]
"""
        for k in more
    )
    buses = ":".join([*streams, "m_axis", "s_axi_control", *([WEIGHT_BUS] if outside else [])])
    others += _WEIGHTS_CELLS if outside else ""
    bridged = ":".join(["s_dma:m_frames", *(f"s_dma{k}:m_frames{k}" for k in more), "s_results:m_dma"])
    return f"""\
create_bd_design system
create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7 ps
apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 -config [list make_external "FIXED_IO, DDR" \\
    apply_board_preset $preset Master Disable Slave Disable] [get_bd_cells ps]
set_property -dict [list CONFIG.PCW_USE_M_AXI_GP0 1 CONFIG.PCW_USE_S_AXI_HP0 1 CONFIG.PCW_S_AXI_HP0_DATA_WIDTH 64 \\
    CONFIG.PCW_USE_FABRIC_INTERRUPT 1 CONFIG.PCW_IRQ_F2P_INTR 1 CONFIG.PCW_EN_CLK0_PORT 1 CONFIG.PCW_EN_RST0_PORT 1 \\
    CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ {clock:g}] [get_bd_cells ps]
create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset
create_bd_cell -type ip -vlnv xilinx.com:ip:axi_dma axi_dma_0
set_property -dict [list CONFIG.c_include_sg 0 CONFIG.c_sg_length_width 26 CONFIG.c_m_axi_mm2s_data_width {8 * WORD} \\
    CONFIG.c_m_axis_mm2s_tdata_width {8 * WORD} CONFIG.c_m_axi_s2mm_data_width {8 * WORD} CONFIG.c_mm2s_burst_size 64 \\
    CONFIG.c_s2mm_burst_size 64] [get_bd_cells axi_dma_0]
{others}create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect control
set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI {2 + len(more)}] [get_bd_cells control]
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect memory
set_property -dict [list CONFIG.NUM_SI {2 + len(more)} CONFIG.NUM_MI 1] [get_bd_cells memory]
create_bd_cell -type ip -vlnv xilinx.com:ip:xlconcat interrupts
set_property CONFIG.NUM_PORTS {3 + len(more)} [get_bd_cells interrupts]
create_bd_cell -type module -reference accelerator_ip accelerator
create_bd_cell -type module -reference dma_bridge bridge
set_property -dict [list CONFIG.ASSOCIATED_BUSIF {buses} CONFIG.ASSOCIATED_RESET aresetn] \\
    [get_bd_pins accelerator/aclk]
set_property -dict [list CONFIG.ASSOCIATED_BUSIF {bridged} CONFIG.ASSOCIATED_RESET aresetn] \\
    [get_bd_pins bridge/aclk]
"""


def _wires_tcl(streams, outside):
    """Return the Tcl of the clocks, resets, buses and interrupts between them."""
    clocks = resets = buses = interrupts = ""
    if outside:
        clocks, resets = " ps/S_AXI_HP1_ACLK weights/aclk", " weights/aresetn"
        buses = f"""\
    accelerator/{WEIGHT_BUS}   weights/S00_AXI
    weights/M00_AXI         ps/S_AXI_HP1
"""
    for k, stream in list(enumerate(streams))[1:]:
        clocks += f" axi_dma_{k}/s_axi_lite_aclk axi_dma_{k}/m_axi_mm2s_aclk"
        resets += f" axi_dma_{k}/axi_resetn"
        interrupts += f"    axi_dma_{k}/mm2s_introut  interrupts/In{2 + k}\n"
        buses += f"""\
    control/M{k + 1:02}_AXI         axi_dma_{k}/S_AXI_LITE
    axi_dma_{k}/M_AXI_MM2S    memory/S{k + 1:02}_AXI
    axi_dma_{k}/M_AXIS_MM2S   bridge/s_dma{k}
    bridge/m_frames{k}        accelerator/{stream}
"""
    filled = {"@CLOCKS@": clocks, "@RESETS@": resets, "@BUSES@": buses, "@INTERRUPTS@": interrupts}
    text = _WIRES
    for name, part in filled.items():
        text = text.replace(name, part)
    return text


# The second port to the processor's memory, which nothing but weights comes through.
_WEIGHTS_CELLS = """\
set_property -dict [list CONFIG.PCW_USE_S_AXI_HP1 1 CONFIG.PCW_S_AXI_HP1_DATA_WIDTH 64] [get_bd_cells ps]
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect weights
set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI 1] [get_bd_cells weights]
"""

_WIRES = """\
foreach pin {ps/M_AXI_GP0_ACLK ps/S_AXI_HP0_ACLK reset/slowest_sync_clk axi_dma_0/s_axi_lite_aclk
    axi_dma_0/m_axi_mm2s_aclk axi_dma_0/m_axi_s2mm_aclk control/aclk memory/aclk accelerator/aclk bridge/aclk@CLOCKS@} {
    connect_bd_net [get_bd_pins ps/FCLK_CLK0] [get_bd_pins $pin]
}
connect_bd_net [get_bd_pins ps/FCLK_RESET0_N] [get_bd_pins reset/ext_reset_in]
foreach pin {axi_dma_0/axi_resetn control/aresetn memory/aresetn accelerator/aresetn bridge/aresetn@RESETS@} {
    connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins $pin]
}
foreach {from to} {
    ps/M_AXI_GP0            control/S00_AXI
    control/M00_AXI         axi_dma_0/S_AXI_LITE
    control/M01_AXI         accelerator/s_axi_control
    axi_dma_0/M_AXI_MM2S    memory/S00_AXI
    axi_dma_0/M_AXI_S2MM    memory/S01_AXI
    memory/M00_AXI          ps/S_AXI_HP0
    axi_dma_0/M_AXIS_MM2S   bridge/s_dma
    bridge/m_frames         accelerator/s_axis
    accelerator/m_axis      bridge/s_results
    bridge/m_dma            axi_dma_0/S_AXIS_S2MM
@BUSES@} {
    connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to]
}
foreach {from to} {
    axi_dma_0/mm2s_introut  interrupts/In0
    axi_dma_0/s2mm_introut  interrupts/In1
    accelerator/interrupt   interrupts/In2
@INTERRUPTS@    interrupts/dout         ps/IRQ_F2P
} {
    connect_bd_net [get_bd_pins $from] [get_bd_pins $to]
}
assign_bd_address
validate_bd_design
save_bd_design
"""


def _run_tcl(clock):
    """Return the Tcl from the block design to the bitstream and reports."""
    return f"""\
set design [get_files system.bd]
generate_target all $design
add_files -norecurse [make_wrapper -files $design -top]
set_property top system_wrapper [current_fileset]
update_compile_order -fileset sources_1
launch_runs impl_1 -to_step write_bitstream -jobs $jobs
wait_on_run impl_1
if {{[get_property PROGRESS [get_runs impl_1]] ne "100%"}} {{
    error "implementation failed: see the log of run impl_1"
}}
open_run impl_1
report_utilization -hierarchical -file [file join $here utilization.rpt]
report_timing_summary -max_paths 10 -file [file join $here timing.rpt]
if {{[get_property STATS.WNS [get_runs impl_1]] < 0}} {{
    error "timing is not met at {clock:g} MHz: see timing.rpt; run fewbit board with a slower --clock"
}}
set run [get_property DIRECTORY [get_runs impl_1]]
file copy -force [file join $run system_wrapper.bit] [file join $here accelerator.bit]
set handoff [glob -directory [file join $here project] -types f \\
    zynq.gen/sources_1/bd/system/hw_handoff/system.hwh zynq.srcs/sources_1/bd/system/hw_handoff/system.hwh]
file copy -force [lindex $handoff 0] [file join $here accelerator.hwh]
"""
