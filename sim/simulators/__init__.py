"""Simulators and programs of generated Verilog, which Verilator and Icarus Verilog make, and how they are run."""
