"""Simulators, a file each, which register themselves in `sim.simulators.simulator`."""
