"""Boards: pins, clocks, and the top level of a design."""
