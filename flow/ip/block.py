"""What a design tool needs to know of the IP block: its name, its ports, and which of them make an interface."""

import re
from dataclasses import dataclass, field

from amaranth.hdl import Shape
from amaranth.lib.wiring import In

from fewbit.hw.shell.axi_lite import axilite_ports
from fewbit.hw.shell.ip import ip_members
from fewbit.hw.shell.registers import RegisterMap

__all__ = ["ADDRESS_BLOCK", "Block", "Interface", "Port", "TOP", "describe"]

TOP = "accelerator_ip"
VENDOR, LIBRARY, VERSION = "fewbit", "accelerator", "1.0"
ADDRESS_BLOCK = "reg0"  # as Vivado names the first of an interface


@dataclass(frozen=True)
class Port:
    """A port of the top module; ``direction`` is "in" or "out"."""

    name: str
    direction: str
    bits: int


@dataclass(frozen=True)
class Interface:
    """Ports that belong together: ``maps`` has the port of every logical one; ``kind`` is the bus's library and name as
    Vivado has them; ``mode`` is "slave" or "master"."""

    name: str
    kind: tuple
    mode: str
    maps: dict
    parameters: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Block:
    """The block as a whole. ``model`` is the name of the model's file, ``families`` are the devices that it is for, as
    Vivado names them, ``part`` is one of them."""

    name: str
    model: str
    ports: tuple
    interfaces: tuple
    registers: RegisterMap
    description: str
    families: tuple
    part: str

    vendor, library, version, top = VENDOR, LIBRARY, VERSION, TOP

    @property
    def vlnv(self):
        return f"{self.vendor}:{self.library}:{self.name}:{self.version}"

    @property
    def mapped(self):
        """The interface that the registers are behind."""
        return next(i for i in self.interfaces if i.kind[1] == "aximm")


def describe(plan, registers, model):
    """The `Block` of an accelerator's plan, for the model file named ``model``."""
    members = ip_members(plan, registers)
    ports = tuple(Port(n, "in" if m.flow == In else "out", Shape.cast(m.shape).width) for n, m in members.items())
    stem = re.sub(r"\W", "_", model.rsplit(".", 1)[0], flags=re.ASCII)
    return Block(
        name=stem if re.match(r"[A-Za-z]", stem) else f"m_{stem}",
        model=model, ports=ports, interfaces=tuple(_interfaces({p.name: p.bits for p in ports})), registers=registers,
        description=f"Neural network accelerator of {model}, made by fewbit",
        families=plan.target.ip_families, part=plan.target.vivado_part,
    )  # fmt: skip


def _interfaces(bits):
    control = {name.upper(): f"s_axi_control_{name}" for name in axilite_ports(3)}
    yield Interface("s_axi_control", ("interface", "aximm"), "slave", control, {
        "PROTOCOL": "AXI4LITE", "DATA_WIDTH": bits["s_axi_control_wdata"], "ADDR_WIDTH": bits["s_axi_control_awaddr"],
    })  # fmt: skip
    for name, mode in (("s_axis", "slave"), ("m_axis", "master")):
        maps = {p.removeprefix(f"{name}_").upper(): p for p in bits if p.startswith(f"{name}_")}
        yield Interface(name, ("interface", "axis"), mode, maps, {
            "TDATA_NUM_BYTES": bits[f"{name}_tdata"] // 8, "TUSER_WIDTH": bits.get(f"{name}_tuser", 0),
            **{f"HAS_{port}": int(port in maps) for port in ("TREADY", "TLAST", "TKEEP", "TSTRB")},
        })  # fmt: skip
    yield Interface("aclk", ("signal", "clock"), "slave", {"CLK": "aclk"}, {
        "ASSOCIATED_BUSIF": "s_axi_control:s_axis:m_axis", "ASSOCIATED_RESET": "aresetn",
    })  # fmt: skip
    yield Interface("aresetn", ("signal", "reset"), "slave", {"RST": "aresetn"}, {"POLARITY": "ACTIVE_LOW"})
    yield Interface("interrupt", ("signal", "interrupt"), "master", {"INTERRUPT": "interrupt"},
                    {"SENSITIVITY": "LEVEL_HIGH"})  # fmt: skip
