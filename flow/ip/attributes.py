"""The IP block with attributes that tell Vivado its interfaces, for block designs that take a module as it is."""

from .block import Block, Port

__all__ = ["attributed_verilog"]


def attributed_verilog(block: Block) -> str:
    """Return a Verilog module around the block that has its ports with the attributes ``X_INTERFACE_INFO`` and
    ``X_INTERFACE_PARAMETER``.

    By them ``create_bd_cell -type module -reference`` gives the cell the interfaces that the packaged IP has. The text
    of the block itself needs none, and stays the same for every tool.
    """
    info = {port: text for interface in block.interfaces for port, text in _attributes(interface)}
    ports = ",\n".join(f"{info[port.name]}  {_declared(port)}" for port in block.ports)
    wires = ",\n".join(f"    .{port.name}({port.name})" for port in block.ports)
    return f"""\
// {block.top} with the attributes by which a block design knows its interfaces:
//   create_bd_cell -type module -reference {block.top}_bd nn
// FREQ_HZ is the clock that the block was built for (--clock); Vivado refuses another one at a module's pin.
module {block.top}_bd (
{ports}
);
  {block.top} block (
{wires}
  );
endmodule
"""


def _attributes(interface):
    """Yield the name of each port of an interface and its attributes; the first port has the parameters."""
    library, name = interface.kind
    mode = {"slave": "Slave", "master": "Master"}[interface.mode]
    parameters = ", ".join(f"{key} {value}" for key, value in interface.parameters.items())
    for number, (logical, port) in enumerate(interface.maps.items()):
        lines = ""
        if number == 0:
            lines += f'  (* X_INTERFACE_MODE = "{mode}" *)\n'
            lines += f'  (* X_INTERFACE_PARAMETER = "XIL_INTERFACENAME {interface.name}, {parameters}" *)\n'
        yield port, f'{lines}  (* X_INTERFACE_INFO = "xilinx.com:{library}:{name}:1.0 {interface.name} {logical}" *)\n'


def _declared(port: Port) -> str:
    way = "input wire" if port.direction == "in" else "output wire"
    return f"{way} [{port.bits - 1}:0] {port.name}" if port.bits > 1 else f"{way} {port.name}"
