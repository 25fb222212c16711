"""Simulation: the cycle model, the cocotb bench and the Verilator runner."""
