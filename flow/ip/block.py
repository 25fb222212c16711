"""What a design tool needs to know of the IP block: its name, its ports, and which of them make an interface."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from fewbit.golden.numbers.format import Format
from fewbit.hw.memory.external_plan import OUTSTANDING
from fewbit.hw.memory.read_ports import axi_read_ports
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.block_ports import WEIGHT_BUS, axilite_ports, ip_ports
from fewbit.hw.shell.registers import RegisterMap
from fewbit.hw.shell.stream_names import input_streams

from .destination import Destination

__all__ = ["ADDRESS_BLOCK", "Block", "FrameLayout", "Interface", "Port", "describe"]

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
    open : tuple of str
        Those that the design around the block may say otherwise: the rate of the clock is the design's.
    """

    name: str
    kind: tuple[str, str]
    mode: str
    maps: dict[str, str]
    parameters: dict[str, int | str] = field(default_factory=dict)
    open: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrameLayout:
    """How the frames of an input, or the results, lie in their stream, and in memory.

    Attributes
    ----------
    stream, meaning : str
        The name of the stream, and what it carries in words.
    beats, bytes : int
        Beats of a frame, and bytes of each.
    bits, lanes, codes : int
        Bits of a code, codes of a beat, and codes of a frame.
    signed : bool
    spacing, origin : int
        A value is ``spacing*code + origin``, where the code is signed if it is ``signed``; 1 and 0 where the format is
        not of integers: its codes are taken as they are.
    """

    stream: str
    meaning: str
    beats: int
    bytes: int
    bits: int
    lanes: int
    codes: int
    signed: bool
    spacing: int
    origin: int

    @classmethod
    def of(cls, stream: str, meaning: str, fmt: Format, *, lanes: int, beats: int, codes: int) -> "FrameLayout":
        """Return the layout of frames of ``codes`` codes of a format."""
        whole = fmt.integral and fmt.linear
        return cls(
            stream, meaning, beats, (fmt.bits * lanes + 7) // 8, fmt.bits, lanes, codes,
            bool(whole and fmt.signed), int(fmt.spacing) if whole else 1, int(fmt.origin) if whole else 0,
        )  # fmt: skip

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame."""
        return self.beats * self.bytes


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
    family : str or None
        Vivado's name of its family, if the part was asked for and that is known.
    top : str
        Name of the top module.
    clock_mhz : float
        The clock that it is made for.
    prefix : str
        What names of its software begin with, "fewbit" unless it is asked for another.
    inputs : tuple of FrameLayout
        The frames of each input.
    results : FrameLayout
    """

    name: str
    model: str
    ports: tuple[Port, ...]
    interfaces: tuple[Interface, ...]
    registers: RegisterMap
    description: str
    families: tuple[str, ...]
    part: str
    family: str | None
    top: str
    clock_mhz: float
    prefix: str
    inputs: tuple[FrameLayout, ...]
    results: FrameLayout

    vendor: ClassVar[str] = VENDOR
    library: ClassVar[str] = LIBRARY
    version: ClassVar[str] = VERSION

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


def describe(plan: AcceleratorPlan, registers: RegisterMap, model: str, destination: Destination) -> Block:
    """Return the `Block` of an accelerator's plan, for the model file named ``model`` and a destination."""
    ports = tuple(Port(name, port.direction, port.bits) for name, port in ip_ports(plan, registers).items())
    stem = re.sub(r"\W", "_", model.rsplit(".", 1)[0], flags=re.ASCII)
    if destination.prefix:
        stem = f"{destination.prefix}_{stem}"
    interfaces = _interfaces({p.name: p.bits for p in ports}, input_streams(plan.network), destination.clock)
    return Block(
        name=stem if re.match(r"[A-Za-z]", stem) else f"m_{stem}",
        model=model, ports=ports, interfaces=tuple(interfaces), registers=registers,
        description=f"Neural network accelerator of {model}, made by fewbit",
        families=destination.families_for(plan.target), part=destination.part_for(plan.target),
        family=destination.family,
        top=destination.ip_top, clock_mhz=destination.clock, prefix=destination.prefix or "fewbit",
        inputs=tuple(
            FrameLayout.of(
                stream, f"input {given.name}: {given.format}", entry.format, lanes=entry.lanes, beats=entry.beats,
                codes=entry.length,
            )
            for stream, given, entry in zip(
                input_streams(plan.network), plan.network.inputs, plan.entries, strict=True
            )
        ),
        results=FrameLayout.of(
            "m_axis", f"results: {plan.format}", plan.format, lanes=plan.lanes_out, beats=plan.beats_out,
            codes=plan.length_out,
        ),
    )  # fmt: skip


def _interfaces(bits: dict[str, int], inputs: Sequence[str], clock: float) -> Iterator[Interface]:
    """Yield the interfaces of a block whose ports have so many ``bits``, whose streams of frames are ``inputs``, and
    that is made for ``clock`` in MHz."""
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
        "FREQ_HZ": round(1e6 * clock),
    }, open=("FREQ_HZ",))  # fmt: skip
    yield Interface("aresetn", ("signal", "reset"), "slave", {"RST": "aresetn"}, {"POLARITY": "ACTIVE_LOW"})
    yield Interface("interrupt", ("signal", "interrupt"), "master", {"INTERRUPT": "interrupt"},
                    {"SENSITIVITY": "LEVEL_HIGH"})  # fmt: skip
