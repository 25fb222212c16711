"""The ports of an AXI4 master that only reads."""

from fewbit.hw.ports import PortShape, ingoing, outgoing

__all__ = ["ADDRESS_BITS", "axi_read_ports"]

ADDRESS_BITS = 64


def axi_read_ports(bus: int) -> dict[str, PortShape]:
    """Return the ports of an AXI4 master that only reads, of ``bus`` data bits, by their names on the bus."""
    return {
        "araddr": outgoing(ADDRESS_BITS), "arlen": outgoing(8), "arsize": outgoing(3), "arburst": outgoing(2),
        "arcache": outgoing(4), "arprot": outgoing(3), "arvalid": outgoing(1), "arready": ingoing(1),
        "rdata": ingoing(bus), "rresp": ingoing(2), "rlast": ingoing(1), "rvalid": ingoing(1), "rready": outgoing(1),
    }  # fmt: skip
