"""What share of a part each row's accelerator takes, and which resource fills it."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from fewbit.hw.targets.parts import Part

__all__ = ["RESOURCES", "part_in", "part_note", "shares_of"]

RESOURCES = {"lut": "LUTs", "ff": "FFs", "dsp": "DSPs", "bram18": "BRAMs"}
"""What the resources of `hw.targets.parts.Part.use` are called in tables."""

_NOTE = """- **{name}**: {lut:,} LUTs, {ff:,} flip-flops, {dsp:,} DSPs and {bram:g} BRAMs. Shares are the row's counts
  at the common folding divided by these; *filled first by* is the resource of which the largest share is taken, the one
  that ends a faster folding or a second accelerator. The counts are those before place and route: a design that takes
  nearly all of a part may not route, or only at a low clock, and what surrounds the accelerator comes on top."""


def part_in(result: Mapping[str, Any]) -> Part | None:
    """Return the part that a run of the survey was given, from its result; None if it was given none."""
    given = result.get("run", {}).get("part")
    return None if given is None else Part(**given)


def shares_of(part: Part, cost: Mapping[str, float]) -> tuple[dict[str, float], str]:
    """Return ``(shares, fullest)`` of a design: its counts divided by the part's, and the name of the largest share.

    Parameters
    ----------
    part : hw.targets.parts.Part
    cost : dict
        Counts ``lut``, ``ff``, ``dsp`` and ``bram``, the last in blocks of 36 Kbit, of which a half counts.

    Returns
    -------
    tuple
        Shares by the names in `RESOURCES`, 1 being all of the part, and the one of these names of which most is taken.
    """
    halves = round(2 * cost["bram"])
    counts = SimpleNamespace(lut=cost["lut"], ff=cost["ff"], dsp=cost["dsp"], bram18=halves, bram36=0)
    shares = {RESOURCES[name]: share for name, share in part.use(counts).items()}
    return shares, max(shares, key=lambda name: shares[name])


def part_note(part: Part) -> str:
    """Return the item of a page's list that says what the shares of a part are."""
    return _NOTE.format(name=part.name, lut=part.lut, ff=part.ff, dsp=part.dsp, bram=part.bram18 / 2)
