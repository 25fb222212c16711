"""How long work on a float model will take, said before it begins where that is long."""

from fewbit.flow.reporting import Report

from .float_model import FloatProject

__all__ = ["PASSES", "say_if_long"]

PASSES = 4
"""Runs over all samples that a quantization takes whose biases are corrected, about: each layer runs twice, and with
quantizers a run takes twice as long as one of floats."""

_LONG = 600  # seconds
_MINUTE, _HOUR = 60, 3600


def say_if_long(report: Report, project: FloatProject, what: str, passes: int, advice: str = "") -> None:
    """Say how long work will take if it is more than ten minutes, and how it takes less.

    Parameters
    ----------
    report : flow.reporting.Report
    project : flow.quantizing.float_model.FloatProject
        It knows how long its calibration took, which is one run over all samples.
    what : str
        The work.
    passes : int
        How many such runs the work takes.
    advice : str
        What else than fewer samples makes it shorter.
    """
    seconds = passes * project.seconds
    if seconds > _LONG:
        unit, name = (_HOUR, "hours") if seconds >= 2 * _HOUR else (_MINUTE, "minutes")
        count = len(project.calibration.samples)
        less = f"--frames {max(1, count // 4)} takes a quarter of them{advice}" if count > 1 else advice.lstrip(",; ")
        samples = f"{count} samples" if count > 1 else "1 sample"
        report.say(f"{what} on {samples} takes about {seconds / unit:.0f} {name}; {less}")
