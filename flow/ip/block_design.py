"""A block design around the IP block: DMAs, interconnect and interrupts, at a Zynq, a MicroBlaze or no processor."""

from .block import Block, FrameLayout
from .part_tcl import part_tcl

__all__ = ["block_design_tcl"]

_WIDEST = 128  # bytes of a DMA's stream, at most
_PROCESSORS = {"zynq": "zynq", "zynquplus": "zynqmp"}  # that devices of a family have


def block_design_tcl(block: Block) -> str:
    """Return ``block_design.tcl``, which makes a Vivado project with the block and its DMAs in a block design.

    Its arguments are the processor (``zynq``, ``zynqmp``, ``microblaze`` or ``none``), the mode of the DMAs (``simple``
    or ``sg``) and the part. A stream whose beat is no power of two bytes has a width converter at its DMA.
    """
    filled = {
        "@PART@": part_tcl(block.part, argument=2),
        "@NAME@": block.name,
        "@VLNV@": block.vlnv,
        "@CLOCK@": f"{block.clock_mhz:g}",
        "@HERTZ@": str(round(1e6 * block.clock_mhz)),
        "@DMAS@": str(len(block.inputs)),
        "@STREAMS@": "".join(_stream(k, layout) for k, layout in enumerate(block.inputs)),
        "@RESULTS@": f"results {block.results.bytes} {_width(block.results)}",
        "@USUAL@": _PROCESSORS.get(block.family or "", "microblaze"),
    }
    text = _SCRIPT
    for name, value in filled.items():
        text = text.replace(name, value)
    return text


def _stream(number, layout):
    return f"    {number} {layout.stream} {layout.bytes} {_width(layout)}\n"


def _width(layout: FrameLayout) -> int:
    """Return the bytes of the stream of the DMA at a stream of the block: its beat's, or the next power of two."""
    return min(_WIDEST, 1 << (layout.bytes - 1).bit_length())


_SCRIPT = r"""# Makes a Vivado project with the block in a block design, behind AXI DMAs as the C driver uses them.
#   vivado -mode batch -source block_design.tcl [-tclargs PROCESSOR MODE PART]
# PROCESSOR: zynq, zynqmp, microblaze (with its program and the frames in block RAM) or none (ports in its place).
# MODE: simple, or sg for scatter-gather.
set here [file dirname [file normalize [info script]]]
set processor @USUAL@
set mode simple
if {[llength $argv] > 0} { set processor [lindex $argv 0] }
if {[llength $argv] > 1} { set mode [lindex $argv 1] }
if {$processor ni {zynq zynqmp microblaze none}} {
    error "the processor must be zynq, zynqmp, microblaze or none, not $processor"
}
if {$mode ni {simple sg}} { error "the mode must be simple or sg, not $mode" }
@PART@
set fitting [dict create zynq xc7z* zynqmp {xc[zk][u2]*}]
if {[dict exists $fitting $processor] && ![string match [dict get $fitting $processor] $part]} {
    error "$part has no processor of $processor: give the part as the third argument, or another processor"
}
create_project -force @NAME@_design [file join $here design] -part $part
set_property ip_repo_paths [list $here] [current_project]
update_ip_catalog
create_bd_design system

# Every input: its number, its stream, bytes of a beat, and bytes of the DMA's stream.
set inputs {
@STREAMS@}
lassign {@RESULTS@} - result_bytes result_width
set dmas @DMAS@

proc ip {name cell args} {
    create_bd_cell -type ip -vlnv xilinx.com:ip:$name $cell
    if {[llength $args] > 0} { set_property -dict $args [get_bd_cells $cell] }
}
proc join_nets {from args} {
    foreach to $args { connect_bd_net [pin $from] [pin $to] }
}
proc join_buses {from to} {
    connect_bd_intf_net [bus $from] [bus $to]
}
# A path with a slash is of a cell, another one of the design itself.
proc pin {path} { expr {[string match */* $path] ? [get_bd_pins $path] : [get_bd_ports $path]} }
proc bus {path} { expr {[string match */* $path] ? [get_bd_intf_pins $path] : [get_bd_intf_ports $path]} }

# The block, and a DMA for each input; the first one takes the results, too.
create_bd_cell -type ip -vlnv @VLNV@ accelerator
set sg [expr {$mode eq "sg"}]
foreach {k stream bytes width} $inputs {
    set memory_width [expr {max(32, 8 * $width, $k == 0 ? 8 * $result_width : 0)}]
    set settings [list CONFIG.c_include_sg $sg CONFIG.c_sg_include_stscntrl_strm 0 CONFIG.c_sg_length_width 26 \
        CONFIG.c_include_s2mm [expr {$k == 0}] CONFIG.c_include_mm2s_dre 1 \
        CONFIG.c_m_axi_mm2s_data_width $memory_width CONFIG.c_m_axis_mm2s_tdata_width [expr {8 * $width}]]
    if {$k == 0} {
        lappend settings CONFIG.c_include_s2mm_dre 1 CONFIG.c_m_axi_s2mm_data_width $memory_width \
            CONFIG.c_s_axis_s2mm_tdata_width [expr {8 * $result_width}]
    }
    ip axi_dma dma_$k {*}$settings
}
set slaves [expr {1 + $dmas}]
set masters [expr {$dmas + 1 + ($sg ? $dmas : 0)}]
if {$processor eq "microblaze"} {
    incr slaves 2
    incr masters
}
ip smartconnect control CONFIG.NUM_SI 1 CONFIG.NUM_MI $slaves
ip smartconnect memory CONFIG.NUM_SI $masters CONFIG.NUM_MI 1
ip xlconcat interrupts CONFIG.NUM_PORTS [expr {$dmas + 2}]
ip proc_sys_reset reset

# The processor says where the clock, the reset, the control and the memory are, and takes the interrupts.
switch $processor {
    zynq {
        ip processing_system7 ps CONFIG.PCW_USE_M_AXI_GP0 1 CONFIG.PCW_USE_S_AXI_HP0 1 \
            CONFIG.PCW_S_AXI_HP0_DATA_WIDTH 64 CONFIG.PCW_USE_FABRIC_INTERRUPT 1 CONFIG.PCW_IRQ_F2P_INTR 1 \
            CONFIG.PCW_EN_CLK0_PORT 1 CONFIG.PCW_EN_RST0_PORT 1 CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ @CLOCK@
        apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 -config \
            [list make_external "FIXED_IO, DDR" apply_board_preset 0 Master Disable Slave Disable] [get_bd_cells ps]
        set clock ps/FCLK_CLK0
        set resetn ps/FCLK_RESET0_N
        set own_clocks {ps/M_AXI_GP0_ACLK ps/S_AXI_HP0_ACLK}
        set from_processor ps/M_AXI_GP0
        set to_memory ps/S_AXI_HP0
        set to_processor ps/IRQ_F2P
    }
    zynqmp {
        ip zynq_ultra_ps_e ps CONFIG.PSU__USE__M_AXI_GP0 1 CONFIG.PSU__USE__M_AXI_GP1 0 CONFIG.PSU__USE__M_AXI_GP2 0 \
            CONFIG.PSU__USE__S_AXI_GP2 1 CONFIG.PSU__USE__IRQ0 1 CONFIG.PSU__FPGA_PL0_ENABLE 1 \
            CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ @CLOCK@
        set clock ps/pl_clk0
        set resetn ps/pl_resetn0
        set own_clocks {ps/maxihpm0_fpd_aclk ps/saxihp0_fpd_aclk}
        set from_processor ps/M_AXI_HPM0_FPD
        set to_memory ps/S_AXI_HP0_FPD
        set to_processor ps/pl_ps_irq0
    }
    microblaze {
        create_bd_port -dir I -type clk -freq_hz @HERTZ@ clock
        create_bd_port -dir I -type rst resetn
        set_property CONFIG.POLARITY ACTIVE_LOW [get_bd_ports resetn]
        ip microblaze cpu CONFIG.C_D_AXI 1 CONFIG.C_D_LMB 1 CONFIG.C_I_LMB 1 CONFIG.C_USE_INTERRUPT 1 \
            CONFIG.C_DEBUG_ENABLED 1
        ip mdm debug
        ip axi_intc controller CONFIG.C_HAS_FAST 0
        ip blk_mem_gen program CONFIG.Memory_Type True_Dual_Port_RAM CONFIG.use_bram_block BRAM_Controller
        foreach {bus port} {i A d B} {
            ip lmb_v10 ${bus}lmb
            ip lmb_bram_if_cntlr ${bus}lmb_memory
            join_buses cpu/[string toupper $bus]LMB ${bus}lmb/LMB_M
            join_buses ${bus}lmb/LMB_Sl_0 ${bus}lmb_memory/SLMB
            join_buses ${bus}lmb_memory/BRAM_PORT program/BRAM_PORT$port
        }
        # Frames, results and descriptors, which processor and DMAs reach.
        ip axi_bram_ctrl frames CONFIG.SINGLE_PORT_BRAM 1
        ip blk_mem_gen frames_memory CONFIG.use_bram_block BRAM_Controller
        join_buses frames/BRAM_PORTA frames_memory/BRAM_PORTA
        join_buses debug/MBDEBUG_0 cpu/DEBUG
        join_buses controller/interrupt cpu/INTERRUPT
        join_buses control/M[format %02d [expr {$slaves - 2}]]_AXI controller/s_axi
        join_buses control/M[format %02d [expr {$slaves - 1}]]_AXI memory/S[format %02d [expr {$masters - 1}]]_AXI
        join_nets debug/Debug_SYS_Rst reset/mb_debug_sys_rst
        join_nets reset/mb_reset cpu/Reset
        join_nets reset/bus_struct_reset ilmb/SYS_Rst dlmb/SYS_Rst ilmb_memory/LMB_Rst dlmb_memory/LMB_Rst
        join_nets reset/peripheral_aresetn controller/s_axi_aresetn frames/s_axi_aresetn
        set clock clock
        set resetn resetn
        set own_clocks {cpu/Clk ilmb/LMB_Clk dlmb/LMB_Clk ilmb_memory/LMB_Clk dlmb_memory/LMB_Clk
            controller/s_axi_aclk frames/s_axi_aclk}
        set from_processor cpu/M_AXI_DP
        set to_memory frames/S_AXI
        set to_processor controller/intr
    }
    none {
        create_bd_port -dir I -type clk -freq_hz @HERTZ@ clock
        create_bd_port -dir I -type rst resetn
        set_property CONFIG.POLARITY ACTIVE_LOW [get_bd_ports resetn]
        create_bd_port -dir O -from [expr {$dmas + 1}] -to 0 interrupts_out
        create_bd_intf_port -mode Slave -vlnv xilinx.com:interface:aximm_rtl:1.0 control_in
        set_property -dict [list CONFIG.PROTOCOL AXI4LITE CONFIG.DATA_WIDTH 32 CONFIG.ADDR_WIDTH 32 \
            CONFIG.FREQ_HZ @HERTZ@] [get_bd_intf_ports control_in]
        create_bd_intf_port -mode Master -vlnv xilinx.com:interface:aximm_rtl:1.0 memory_out
        set_property -dict [list CONFIG.PROTOCOL AXI4 CONFIG.DATA_WIDTH 64 CONFIG.ADDR_WIDTH 32 \
            CONFIG.FREQ_HZ @HERTZ@] [get_bd_intf_ports memory_out]
        set_property CONFIG.ASSOCIATED_BUSIF control_in:memory_out [get_bd_ports clock]
        set clock clock
        set resetn resetn
        set own_clocks {}
        set from_processor control_in
        set to_memory memory_out
        set to_processor interrupts_out
    }
}

# Clocks, resets, buses.
join_nets $clock {*}$own_clocks reset/slowest_sync_clk control/aclk memory/aclk accelerator/aclk
join_nets $resetn reset/ext_reset_in
join_nets reset/peripheral_aresetn control/aresetn memory/aresetn accelerator/aresetn
join_buses $from_processor control/S00_AXI
join_buses control/M00_AXI accelerator/s_axi_control
join_buses memory/M00_AXI $to_memory
set at 0
proc next_master {} {
    global at
    set name memory/S[format %02d $at]_AXI
    incr at
    return $name
}
# A width converter where a beat is not as wide as the DMA's stream.
proc stream {from to name from_bytes to_bytes} {
    global clock
    if {$from_bytes == $to_bytes} {
        join_buses $from $to
        return
    }
    ip axis_dwidth_converter $name CONFIG.S_TDATA_NUM_BYTES $from_bytes CONFIG.M_TDATA_NUM_BYTES $to_bytes \
        CONFIG.HAS_TLAST 1 CONFIG.HAS_TKEEP 1
    join_nets $clock $name/aclk
    join_nets reset/peripheral_aresetn $name/aresetn
    join_buses $from $name/S_AXIS
    join_buses $name/M_AXIS $to
}
foreach {k name bytes width} $inputs {
    join_nets $clock dma_$k/s_axi_lite_aclk dma_$k/m_axi_mm2s_aclk
    join_nets reset/peripheral_aresetn dma_$k/axi_resetn
    join_buses control/M[format %02d [expr {$k + 1}]]_AXI dma_$k/S_AXI_LITE
    join_buses dma_$k/M_AXI_MM2S [next_master]
    join_nets dma_$k/mm2s_introut interrupts/In$k
    stream dma_$k/M_AXIS_MM2S accelerator/$name to_$name $width $bytes
    if {$sg} {
        join_nets $clock dma_$k/m_axi_sg_aclk
        join_buses dma_$k/M_AXI_SG [next_master]
    }
}
join_nets $clock dma_0/m_axi_s2mm_aclk
join_buses dma_0/M_AXI_S2MM [next_master]
join_nets dma_0/s2mm_introut interrupts/In$dmas
join_nets accelerator/interrupt interrupts/In[expr {$dmas + 1}]
stream accelerator/m_axis dma_0/S_AXIS_S2MM from_m_axis $result_bytes $result_width
join_nets interrupts/dout $to_processor

assign_bd_address
validate_bd_design
save_bd_design
set design [get_files system.bd]
generate_target all $design
add_files -norecurse [make_wrapper -files $design -top]
set_property top system_wrapper [current_fileset]
update_compile_order -fileset sources_1
"""
