"""cocotb benches. They run inside the simulator and touch top-level ports alone."""
