"""What can be simulated, by top module: its ports, and its bench."""

from dataclasses import dataclass

__all__ = ["TOPS", "Top"]


@dataclass(frozen=True, kw_only=True)
class Top:
    """The ports of a top module, by patterns, and the module of its cocotb bench."""

    ports: tuple
    bench: str


TOPS = {
    "accelerator": Top(
        ports=("aclk", "aresetn", "s_axis_*", "m_axis_*", "frames", "bad_frames"),
        bench="fewbit.sim.benches.accelerator",
    ),
    "accelerator_ip": Top(
        ports=("aclk", "aresetn", "s_axi_control_*", "s_axis_*", "m_axis_*", "interrupt"),
        bench="fewbit.sim.benches.ip",
    ),
}
