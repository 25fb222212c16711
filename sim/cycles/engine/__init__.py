"""The cycle model compiled: the machines of `sim.cycles.machines` in C++, and runs of them.

The Python model is its reference, and does the work where there is no compiler, or a stage whose machine has no twin.
"""
