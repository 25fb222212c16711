"""Kinds of simulators, each in a file, which register themselves in `sim.simulators.simulator`."""
