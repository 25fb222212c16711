"""Ports that blocks of the shell share: clock and reset, AXI4-Streams, and members that pass from one to another."""

from collections.abc import Callable, Mapping

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.memory.read_master import axi_read_ports
from fewbit.hw.pipeline.accelerator import AcceleratorPlan

from .stream_names import input_streams

__all__ = ["WEIGHT_BUS", "bytes_of", "clock_members", "clocked", "passed", "stream_members", "weight_bus_members"]

WEIGHT_BUS = "m_axi_weights"
"""The bus through which external weights come: what its ports begin with."""


def bytes_of(bits: int) -> int:
    """Return the TDATA bytes of a beat of ``bits`` bits."""
    return -(-bits // 8)


def clock_members() -> dict[str, wiring.Member]:
    """Return the members of a block's clock ``aclk`` and of its reset ``aresetn``, synchronous and active low."""
    return {"aclk": In(1), "aresetn": In(1)}


def clocked(m: Module, block: wiring.Component) -> list:
    """Make the domain ``sync`` of module ``m``.

    Return the statements that drive it from the `clock_members` of ``block``.
    """
    m.domains.sync = ClockDomain()
    return [ClockSignal().eq(block.aclk), ResetSignal().eq(~block.aresetn)]


def stream_members(plan: AcceleratorPlan) -> dict[str, wiring.Member]:
    """Return the members of the AXI4-Streams of an accelerator: ``s_axis`` and others of `input_streams` for frames,
    ``m_axis`` for results.

    Lanes are packed from bit 0 upwards without gaps, TDATA is padded with zeros to whole bytes. A link from another
    device has ``tuser`` too.

    Parameters
    ----------
    plan : hw.pipeline.accelerator.AcceleratorPlan
    """
    bytes_out = bytes_of(plan.format.bits * plan.lanes_out)
    members: dict[str, wiring.Member] = {}
    for name, entry in zip(input_streams(plan.network), plan.entries, strict=True):
        members |= {
            f"{name}_tdata": In(8 * bytes_of(entry.format.bits * entry.lanes)), f"{name}_tvalid": In(1),
            f"{name}_tready": Out(1), f"{name}_tlast": In(1),
        } | ({f"{name}_tuser": In(1)} if plan.link is not None else {})  # fmt: skip
    return members | {
        "m_axis_tdata": Out(8 * bytes_out), "m_axis_tvalid": Out(1), "m_axis_tready": In(1), "m_axis_tlast": Out(1),
        "m_axis_tuser": Out(1),
    }  # fmt: skip


def weight_bus_members(plan: AcceleratorPlan) -> dict[str, wiring.Member]:
    """Return the members of the AXI4 master that reads external weights, ``m_axi_weights_…``; none without such."""
    port = plan.weight_port
    return {} if port is None else {f"{WEIGHT_BUS}_{name}": w for name, w in axi_read_ports(port.bus).items()}


def passed(members: Mapping[str, wiring.Member], outer: Callable[[str], Value], inner: Callable[[str], Value]) -> list:
    """Return the statements that make ``members`` of a block ``outer`` those of a part ``inner``.

    Parameters
    ----------
    members : dict of str to Member
        Members of the part by name.
    outer, inner : callable
        ``outer(name)`` and ``inner(name)`` give the signal of a member.
    """
    return [
        inner(name).eq(outer(name)) if member.flow == In else outer(name).eq(inner(name))
        for name, member in members.items()
    ]
