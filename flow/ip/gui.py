"""The dialog that Vivado shows of the block when it is put into a design: nothing to choose, and what the block is."""

from .block import Block

__all__ = ["gui_name", "gui_tcl"]


def gui_name(block: Block) -> str:
    """Return the name of the file, by Vivado's convention, in the folder of the block."""
    return f"xgui/{block.name}_v{block.version.replace('.', '_')}.tcl"


def gui_tcl(block: Block) -> str:
    """Return the Tcl of the page: the name of the instance, and what every interface carries."""
    streams = "\n".join(
        f"{one.stream}: {one.meaning}, {one.codes} codes of {one.bits} bits, {one.lanes} a beat of {one.bytes} bytes, "
        f"{one.beats} beats"
        for one in (*block.inputs, block.results)
    )
    pages = {
        "Accelerator": f"{block.description}. It is made for {block.clock_mhz:g} MHz and has nothing to choose: build "
        "it anew for another folding, clock or part.",
        "Streams": streams,
        "Registers": f"{block.registers.size} bytes at s_axi_control. registers.md, beside component.xml, has the "
        f"table, {block.prefix}.h the offsets and {block.prefix}_driver.c a driver. interrupt is high as long as a bit "
        "of INTERRUPT_STATUS is set that INTERRUPT_ENABLE names.",
    }  # fmt: skip
    lines = ["# What the dialog of the block shows.", "proc init_gui { IPINST } {",
             '  ipgui::add_param $IPINST -name "Component_Name"']  # fmt: skip
    for name, text in pages.items():
        lines += [
            f'  set page [ipgui::add_page $IPINST -name "{name}"]',
            f'  ipgui::add_static_text $IPINST -name "{name}_text" -parent $page -text {_braced(text)}',
        ]
    return "\n".join([*lines, "}", ""])


def _braced(text):
    """Return a Tcl word in braces, in which nothing is substituted."""
    return "{" + text.replace("\\", "/").replace("{", "(").replace("}", ")") + "}"
