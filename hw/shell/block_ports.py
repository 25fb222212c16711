"""The ports of the shell and of the IP block, before there is any hardware: AXI4-Streams, AXI4-Lite and AXI4."""

from fewbit.hw.memory.read_ports import axi_read_ports
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.ports import PortShape, ingoing, outgoing

from .registers import RegisterMap
from .stream_names import input_streams

__all__ = ["WEIGHT_BUS", "axilite_ports", "bytes_of", "clock_ports", "ip_ports", "stream_ports", "weight_bus_ports"]

WEIGHT_BUS = "m_axi_weights"
"""The bus through which external weights come: what its ports begin with."""
_RESPONSE = 2  # bits of a response


def bytes_of(bits: int) -> int:
    """Return the TDATA bytes of a beat of ``bits`` bits."""
    return -(-bits // 8)


def clock_ports() -> dict[str, PortShape]:
    """Return the ports of a block's clock ``aclk`` and of its reset ``aresetn``, synchronous and active low."""
    return {"aclk": ingoing(1), "aresetn": ingoing(1)}


def axilite_ports(address_bits: int) -> dict[str, PortShape]:
    """Return the ports of an AXI4-Lite slave with 32-bit data, by their names on the bus."""
    return {
        "awaddr": ingoing(address_bits), "awprot": ingoing(3), "awvalid": ingoing(1), "awready": outgoing(1),
        "wdata": ingoing(32), "wstrb": ingoing(4), "wvalid": ingoing(1), "wready": outgoing(1),
        "bresp": outgoing(_RESPONSE), "bvalid": outgoing(1), "bready": ingoing(1),
        "araddr": ingoing(address_bits), "arprot": ingoing(3), "arvalid": ingoing(1), "arready": outgoing(1),
        "rdata": outgoing(32), "rresp": outgoing(_RESPONSE), "rvalid": outgoing(1), "rready": ingoing(1),
    }  # fmt: skip


def stream_ports(plan: AcceleratorPlan) -> dict[str, PortShape]:
    """Return the ports of the AXI4-Streams of an accelerator: ``s_axis`` and others of `input_streams` for frames,
    ``m_axis`` for results.

    Lanes are packed from bit 0 upwards without gaps, TDATA is padded with zeros to whole bytes. A link from another
    device has ``tuser`` too.

    Parameters
    ----------
    plan : hw.pipeline.accelerator_plan.AcceleratorPlan
    """
    bytes_out = bytes_of(plan.format.bits * plan.lanes_out)
    ports: dict[str, PortShape] = {}
    for name, entry in zip(input_streams(plan.network), plan.entries, strict=True):
        ports |= {
            f"{name}_tdata": ingoing(8 * bytes_of(entry.format.bits * entry.lanes)), f"{name}_tvalid": ingoing(1),
            f"{name}_tready": outgoing(1), f"{name}_tlast": ingoing(1),
        } | ({f"{name}_tuser": ingoing(1)} if plan.link is not None else {})  # fmt: skip
    return ports | {
        "m_axis_tdata": outgoing(8 * bytes_out), "m_axis_tvalid": outgoing(1), "m_axis_tready": ingoing(1),
        "m_axis_tlast": outgoing(1), "m_axis_tuser": outgoing(1),
    }  # fmt: skip


def weight_bus_ports(plan: AcceleratorPlan) -> dict[str, PortShape]:
    """Return the ports of the AXI4 master that reads external weights, ``m_axi_weights_…``; none without such."""
    port = plan.weight_port
    return {} if port is None else {f"{WEIGHT_BUS}_{name}": w for name, w in axi_read_ports(port.bus).items()}


def ip_ports(plan: AcceleratorPlan, registers: RegisterMap) -> dict[str, PortShape]:
    """Return the ports of the IP block, by name."""
    control = {f"s_axi_control_{name}": port for name, port in axilite_ports(registers.address_bits).items()}
    return clock_ports() | control | stream_ports(plan) | weight_bus_ports(plan) | {"interrupt": outgoing(1)}
