"""The top modules that can be simulated, with their ports and their benches."""

from dataclasses import dataclass

__all__ = ["TOPS", "Top"]


@dataclass(frozen=True, kw_only=True)
class Top:
    """The ports of a top module, by patterns, and the module of its cocotb bench."""

    ports: tuple[str, ...]
    bench: str


TOPS: dict[str, Top] = {
    "accelerator": Top(
        ports=("aclk", "aresetn", "s_axis_*", "m_axis_*", "frames", "bad_frames", "m_axi_*", "weights_*"),
        bench="fewbit.sim.benches.accelerator",
    ),
    "accelerator_ip": Top(
        ports=("aclk", "aresetn", "s_axi_control_*", "s_axis_*", "m_axis_*", "interrupt", "m_axi_*"),
        bench="fewbit.sim.benches.ip",
    ),
    "pe_array": Top(
        ports=("clk", "rst", "x", "w", "init", "valid", "first", "last", "o", "o_valid"),
        bench="fewbit.sim.benches.processing_elements",
    ),
}
