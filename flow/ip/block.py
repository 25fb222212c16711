"""What a design tool needs to know of the IP block: its name, its ports, and which of them make an interface."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from amaranth.hdl import Shape
from amaranth.lib.wiring import In

from fewbit.hw.memory.external_plan import OUTSTANDING
from fewbit.hw.memory.read_master import axi_read_ports
from fewbit.hw.pipeline.accelerator import AcceleratorPlan
from fewbit.hw.shell.axi_lite import axilite_ports
from fewbit.hw.shell.ip import ip_members
from fewbit.hw.shell.ports import WEIGHT_BUS
from fewbit.hw.shell.registers import RegisterMap
from fewbit.hw.shell.stream_names import input_streams

__all__ = ["ADDRESS_BLOCK", "Block", "Interface", "Port", "TOP", "describe"]

TOP = "accelerator_ip"
VENDOR, LIBRARY, VERSION = "fewbit", "accelerator", "1.0"
_STREAM = ("TDATA", "TVALID", "TREADY", "TLAST", "TUSER")  # ports of an AXI4-Stream, in the order of the block's
ADDRESS_BLOCK = "reg0"
"""Name of the block of registers, as Vivado names the first of an interface."""


@dataclass(frozen=True)
class Port:
    """A port of the top module; ``direction`` is "in" or "out"."""

    name: str
    direction: str
    bits: int


@dataclass(frozen=True)
class Interface:
    """Ports that belong together as an interface of a bus.

    Attributes
    ----------
    name : str
    kind : tuple of str
        The bus's library and name, as Vivado has them.
    mode : str
        "slave" or "master".
    maps : dict of str to str
        The port of every logical one.
    parameters : dict of str to int or str
        The interface's parameters, as Vivado names them.
    """

    name: str
    kind: tuple[str, str]
    mode: str
    maps: dict[str, str]
    parameters: dict[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Block:
    """The block as a whole.

    Attributes
    ----------
    name : str
        Name of the block, a plain identifier.
    model : str
        Name of the model's file.
    ports : tuple of Port
    interfaces : tuple of Interface
    registers : hw.shell.registers.RegisterMap
    description : str
    families : tuple of str
        The devices that the block is for, as Vivado names them.
    part : str
        A device of one of them.
    """

    name: str
    model: str
    ports: tuple[Port, ...]
    interfaces: tuple[Interface, ...]
    registers: RegisterMap
    description: str
    families: tuple[str, ...]
    part: str

    vendor: ClassVar[str] = VENDOR
    library: ClassVar[str] = LIBRARY
    version: ClassVar[str] = VERSION
    top: ClassVar[str] = TOP

    @property
    def vlnv(self) -> str:
        """Vendor, library, name and version, as design tools identify a block."""
        return f"{self.vendor}:{self.library}:{self.name}:{self.version}"

    @property
    def spaces(self) -> list[Interface]:
        """The interfaces that reach memory, each with an address space of its own."""
        return [i for i in self.interfaces if i.kind[1] == "aximm" and i.mode == "master"]

    @property
    def mapped(self) -> Interface:
        """The interface that the registers are behind."""
        return next(i for i in self.interfaces if i.kind[1] == "aximm")


def describe(plan: AcceleratorPlan, registers: RegisterMap, model: str) -> Block:
    """Return the `Block` of an accelerator's plan, for the model file named ``model``."""
    members = ip_members(plan, registers)
    ports = tuple(Port(n, "in" if m.flow == In else "out", Shape.cast(m.shape).width) for n, m in members.items())
    assert plan.target.vivado_part is not None  # every family names one
    stem = re.sub(r"\W", "_", model.rsplit(".", 1)[0], flags=re.ASCII)
    interfaces = _interfaces({p.name: p.bits for p in ports}, input_streams(plan.network))
    return Block(
        name=stem if re.match(r"[A-Za-z]", stem) else f"m_{stem}",
        model=model, ports=ports, interfaces=tuple(interfaces), registers=registers,
        description=f"Neural network accelerator of {model}, made by fewbit",
        families=plan.target.ip_families, part=plan.target.vivado_part,
    )  # fmt: skip


def _interfaces(bits: dict[str, int], inputs: Sequence[str]) -> Iterator[Interface]:
    """Yield the interfaces of a block whose ports have so many ``bits``, and whose streams of frames are ``inputs``."""
    control = {name.upper(): f"s_axi_control_{name}" for name in axilite_ports(3)}
    yield Interface("s_axi_control", ("interface", "aximm"), "slave", control, {
        "PROTOCOL": "AXI4LITE", "DATA_WIDTH": bits["s_axi_control_wdata"], "ADDR_WIDTH": bits["s_axi_control_awaddr"],
    })  # fmt: skip
    for name, mode in (*((name, "slave") for name in inputs), ("m_axis", "master")):
        maps = {port: p for port in _STREAM if (p := f"{name}_{port.lower()}") in bits}
        yield Interface(name, ("interface", "axis"), mode, maps, {
            "TDATA_NUM_BYTES": bits[f"{name}_tdata"] // 8, "TUSER_WIDTH": bits.get(f"{name}_tuser", 0),
            **{f"HAS_{port}": int(port in maps) for port in ("TREADY", "TLAST", "TKEEP", "TSTRB")},
        })  # fmt: skip
    outside = [WEIGHT_BUS] if f"{WEIGHT_BUS}_rdata" in bits else []
    for name in outside:
        ports = axi_read_ports(bits[f"{name}_rdata"])
        yield Interface(name, ("interface", "aximm"), "master", {port.upper(): f"{name}_{port}" for port in ports}, {
            "PROTOCOL": "AXI4", "DATA_WIDTH": bits[f"{name}_rdata"], "ADDR_WIDTH": bits[f"{name}_araddr"],
            "READ_WRITE_MODE": "READ_ONLY", "NUM_READ_OUTSTANDING": OUTSTANDING, "HAS_BURST": 1,
            "SUPPORTS_NARROW_BURST": 0,
        })  # fmt: skip
    yield Interface("aclk", ("signal", "clock"), "slave", {"CLK": "aclk"}, {
        "ASSOCIATED_BUSIF": ":".join(["s_axi_control", *inputs, "m_axis", *outside]), "ASSOCIATED_RESET": "aresetn",
    })  # fmt: skip
    yield Interface("aresetn", ("signal", "reset"), "slave", {"RST": "aresetn"}, {"POLARITY": "ACTIVE_LOW"})
    yield Interface("interrupt", ("signal", "interrupt"), "master", {"INTERRUPT": "interrupt"},
                    {"SENSITIVITY": "LEVEL_HIGH"})  # fmt: skip
