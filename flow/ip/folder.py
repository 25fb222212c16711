"""The folder of the IP block: everything that a design needs of it, as files that agree with each other."""

from pathlib import Path

from . import driver
from .attributes import attributed_verilog
from .block import Block
from .block_design import block_design_tcl
from .gui import gui_name, gui_tcl
from .ipxact import component_2009, component_2014
from .litex import litex_module
from .package import core_file, package_tcl
from .register_tables import c_header, markdown, prefixed

__all__ = ["ip_files"]


def ip_files(block: Block, verilog: str) -> dict[str, str]:
    """Return the text of every file in the folder by its name; ``verilog`` is that of the block itself."""
    source, clock = f"{block.top}.v", f"{block.top}.xdc"
    return {
        source: verilog,
        clock: _clock(block),
        "component.xml": component_2009(block, [source]),
        "component-2014.xml": component_2014(block, [source]),
        "package_ip.tcl": package_tcl(block, source),
        f"{block.name}.core": core_file(block, source, clock),
        f"{block.prefix}.h": c_header(block),
        **_driver(block),
        "registers.md": _registers(block),
        f"{block.top}_bd.v": attributed_verilog(block),
        "block_design.tcl": block_design_tcl(block),
        f"{block.prefix}_litex.py": litex_module(block),
        gui_name(block): gui_tcl(block),
    }


def _driver(block):
    """Return the driver in C, whose names begin with the block's prefix."""
    folder = Path(driver.__path__[0])
    return {
        f"{block.prefix}_{name}": prefixed((folder / name).read_text(encoding="utf-8"), block)
        for name in ("driver.h", "driver.c")
    }


def _clock(block):
    return f"""\
# The one clock, {block.clock_mhz:g} MHz, for synthesis out of context only: in a design, the clock is the design's.
create_clock -name aclk -period {1000 / block.clock_mhz:.3f} [get_ports aclk]
"""


def _registers(block):
    return f"""\
# Registers of {block.vlnv}

Words of 32 bits behind `s_axi_control`, {block.registers.size} bytes in all. Where there is no register, and where one
that is read-only is written, the answer is SLVERR.

{markdown(block.registers)}"""
