"""Simulation: the cycle model, the cocotb benches, and the simulators that run them."""
