"""Yosys and nextpnr: what a design costs, and how fast it may be."""
