"""How blocks of the shell have their ports: the domain of their clock, and members that pass from one to another."""

from collections.abc import Callable, Mapping

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

__all__ = ["clocked", "passed"]


def clocked(m: Module, block: wiring.Component) -> list:
    """Make the domain ``sync`` of module ``m``.

    Return the statements that drive it from the `hw.shell.block_ports.clock_ports` of ``block``.
    """
    m.domains.sync = ClockDomain()
    return [ClockSignal().eq(block.aclk), ResetSignal().eq(~block.aresetn)]


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
