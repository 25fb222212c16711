"""How ranges are chosen when a float model is quantized, as the calls of the API take it."""

from typing import Any, TypedDict

from fewbit.ptq.quantize import Options

__all__ = ["RangeOptions", "options_of"]


class RangeOptions(TypedDict, total=False):
    """How ranges, scales and biases are chosen when a float model is quantized; what is left out is the default.

    Attributes
    ----------
    ranges, weight_ranges : str
        How far activations and weights reach: ``minmax``, ``percentile``, ``mse`` (the default) or ``kl``.
    percent : float
        Of the range ``percentile``; default 99.9.
    per_channel : bool
        Whether every output of a layer has a scale of its own; default True.
    bias_correction : bool
        Whether biases make up for the shift of the mean; default True.
    sums : int
        Bits of branches that a sum joins; default 8.
    """

    ranges: str
    weight_ranges: str
    percent: float
    per_channel: bool
    bias_correction: bool
    sums: int


_NAMES = {"ranges": "activations", "weight_ranges": "weights", "bias_correction": "correct"}


def options_of(ranges: RangeOptions) -> Options:
    """Return how ranges are chosen, with the defaults of what is left out.

    Raises
    ------
    TypeError
        If there is no such option.
    """
    if others := [name for name in ranges if name not in RangeOptions.__annotations__]:
        raise TypeError(f"there is no option {others[0]!r}; there are {', '.join(RangeOptions.__annotations__)}")
    given: dict[str, Any] = {_NAMES.get(name, name): value for name, value in ranges.items()}
    return Options(**given)
