"""The names of the AXI4-Streams of frames, which everything around the hardware has from here."""

import re
from itertools import chain, count

from fewbit.golden.network.graph import Network

__all__ = ["input_streams"]

_MOST_LETTERS = 40  # of an input's name in those of its ports


def input_streams(network: Network) -> list[str]:
    """Return the names of the streams of frames, one for each input of a network.

    The first is ``s_axis``; the others have the input's name behind that, as far as it is one of Verilog's.
    """
    names: list[str] = []
    for given in network.inputs[1:]:
        stem = "s_axis_" + (re.sub(r"\W+", "_", given.name, flags=re.ASCII).strip("_")[:_MOST_LETTERS] or "x")
        taken = {name.lower() for name in names}  # VHDL knows no upper case
        forms = chain([stem], (f"{stem}_{k}" for k in count(2)))
        names.append(next(name for name in forms if name.lower() not in taken))
    return ["s_axis", *names]
