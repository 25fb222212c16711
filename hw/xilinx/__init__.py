"""Netlists of Xilinx primitives in plain Python, and how they become hardware."""
