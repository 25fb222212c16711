"""The Tcl script that packages the IP block with Vivado itself, and the FuseSoC core file."""

import json

from .block import ADDRESS_BLOCK, Block
from .ipxact import access_of
from .part_tcl import part_tcl

__all__ = ["core_file", "package_tcl"]

_HEAD = """\
# Packages the block with Vivado's own IP packager, into the folder packaged/ beside this script:
#   vivado -mode batch -source package_ip.tcl [-tclargs PART]
# It comes out as component.xml in this folder describes it, which Vivado takes as it is, too: add this folder to the
# IP repositories of a project. Use this script if the packager's own checks and files are wanted.
set here [file dirname [file normalize [info script]]]
{part_tcl}\
create_project -in_memory -part $part
add_files [list [file join $here {file}]]
set_property top {top} [current_fileset]
update_compile_order -fileset sources_1
ipx::package_project -root_dir [file join $here packaged] -vendor {vendor} -library {library} -taxonomy /UserIP \\
    -import_files -force
set core [ipx::current_core]
set_property name {name} $core
set_property version {version} $core
set_property display_name {{fewbit accelerator {name}}} $core
set_property description {description} $core

# Interfaces: what Vivado has not inferred by the names of the ports is added; then all parameters are set.
proc interface {{core name kind mode maps parameters}} {{
    set found [ipx::get_bus_interfaces -quiet $name -of_objects $core]
    if {{$found eq ""}} {{
        set found [ipx::add_bus_interface $name $core]
        set_property bus_type_vlnv xilinx.com:$kind:1.0 $found
        set_property abstraction_type_vlnv xilinx.com:${{kind}}_rtl:1.0 $found
        set_property interface_mode $mode $found
        foreach {{logical physical}} $maps {{
            set_property physical_name $physical [ipx::add_port_map $logical $found]
        }}
    }}
    foreach {{parameter value}} $parameters {{
        set_property value $value [ipx::add_bus_parameter -quiet $parameter $found]
    }}
}}
"""

_MEMORY = """
# Registers.
set map [ipx::get_memory_maps -quiet {interface} -of_objects $core]
if {{$map eq ""}} {{
    set map [ipx::add_memory_map {interface} $core]
}}
set_property slave_memory_map_ref {interface} [ipx::get_bus_interfaces {interface} -of_objects $core]
set block [ipx::get_address_blocks -quiet {block} -of_objects $map]
if {{$block eq ""}} {{
    set block [ipx::add_address_block {block} $map]
}}
set_property base_address 0 $block
set_property range {size} $block
set_property width 32 $block
set_property usage register $block
set_property access read-write $block

proc register {{block name offset access description fields}} {{
    set register [ipx::add_register $name $block]
    set_property address_offset $offset $register
    set_property size 32 $register
    set_property access $access $register
    set_property description $description $register
    foreach {{field bit meaning}} $fields {{
        set made [ipx::add_field $field $register]
        set_property bit_offset $bit $made
        set_property bit_width 1 $made
        set_property access $access $made
        set_property description $meaning $made
    }}
}}
"""

_TAIL = """
set_property core_revision 1 $core
ipx::create_xgui_files $core
ipx::update_checksums $core
if {[ipx::check_integrity -quiet $core] == 0} {
    error "the packager's integrity check failed: see the messages above"
}
ipx::save_core $core
close_project
"""


def package_tcl(block: Block, file: str) -> str:
    """Return ``package_ip.tcl`` for ``block``, whose Verilog is ``file`` beside it."""
    names = {name: getattr(block, name) for name in ("top", "vendor", "library", "name", "version", "description")}
    names["description"] = _quoted(block.description)
    lines = [_HEAD.format(part_tcl=part_tcl(block.part), file=file, **names)]
    for i in block.interfaces:
        maps = " ".join(f"{logical} {physical}" for logical, physical in i.maps.items())
        parameters = " ".join(f"{name} {value}" for name, value in i.parameters.items())
        lines.append(f"interface $core {i.name} {i.kind[0]}:{i.kind[1]} {i.mode} {{{maps}}} {{{parameters}}}\n")
        lines += [
            f"set_property value_resolve_type user [ipx::add_bus_parameter -quiet {name} "
            f"[ipx::get_bus_interfaces {i.name} -of_objects $core]]\n"
            for name in i.open
        ]
    registers = block.registers
    lines.append(_MEMORY.format(interface=block.mapped.name, block=ADDRESS_BLOCK, size=registers.size))
    for r in registers.registers:
        fields = "".join(f"\n    {f.name} {f.bit} {_quoted(f.meaning)}" for f in r.fields)
        for k, (name, offset) in enumerate(r.words):
            meaning = _quoted(r.meaning + (f" {r.labels[k]}." if r.labels else ""))
            lines.append(f"register $block {name} 0x{offset:X} {access_of(r)} {meaning} {{{fields}}}\n")
    return "".join([*lines, _TAIL])


def _quoted(text):
    """Return a Tcl word in braces, in which nothing is substituted."""
    return "{" + text.replace("\\", "/").replace("{", "(").replace("}", ")") + "}"


def core_file(block: Block, file: str, clock: str) -> str:
    """Return a FuseSoC core file (CAPI2) of the block, with a target that makes a Vivado project out of context.

    ``file`` and ``clock`` are the names of the Verilog and of the clock's constraint beside it.
    """
    return f"""\
CAPI=2:
name: {block.vlnv}
description: {json.dumps(block.description, ensure_ascii=False)}
filesets:
  rtl:
    files: [{file}]
    file_type: verilogSource
  vivado:
    files: [{clock}]
    file_type: xdc
targets:
  default: &default
    filesets: [rtl]
    toplevel: {block.top}
  lint:
    <<: *default
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wno-fatal, -Wno-lint, -Wno-style]
  vivado:
    <<: *default
    filesets: [rtl, vivado]
    flow: vivado
    flow_options:
      part: {block.part}
      pnr: none
"""
