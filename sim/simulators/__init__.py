"""Verilator and Icarus Verilog: simulators and programs of generated Verilog, built once and run."""
