"""Ports before there is any hardware: their names, which way they go, and their bits."""

from dataclasses import dataclass

__all__ = ["PortShape", "ingoing", "numbered", "outgoing"]


@dataclass(frozen=True)
class PortShape:
    """Which way a port goes, "in" or "out", and its bits; `hw.wires.members_of` makes members of them."""

    direction: str
    bits: int


def ingoing(bits: int) -> PortShape:
    """Return the shape of a port of ``bits`` bits that enters."""
    return PortShape("in", bits)


def outgoing(bits: int) -> PortShape:
    """Return the shape of a port of ``bits`` bits that leaves."""
    return PortShape("out", bits)


def numbered(name: str, count: int) -> list[str]:
    """Return the names of ``count`` ports of a kind: that of the kind where there is one, else with their numbers."""
    return [name] if count == 1 else [f"{name}{k}" for k in range(count)]
