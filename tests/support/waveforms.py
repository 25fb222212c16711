"""What waveforms have, of either kind."""

from pathlib import Path

import pywellen

from fewbit.sim.simulators.waves import FST, VCD

__all__ = ["signals_in", "waveform_of_run"]


def waveform_of_run(folder):
    """Return the waveform in a run's folder."""
    return next(Path(folder) / name for name in (FST, VCD) if (Path(folder) / name).exists())


def signals_in(file):
    """Return the signals of a waveform by their paths."""
    return {var.full_name: var for var in pywellen.Waveform(str(file)).all_vars()}
