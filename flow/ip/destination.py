"""Where the Verilog of a build goes: the part and the clock that scripts ask for, and what names begin with."""

import re
from dataclasses import dataclass
from pathlib import Path

from fewbit.hw.shell.names import top_name
from fewbit.hw.targets.part_choice import few_of
from fewbit.hw.targets.part_list import PartsError, parts_with
from fewbit.hw.targets.target import Target
from fewbit.hw.targets.vivado_names import vivado_part

__all__ = ["CLOCK_MHZ", "Destination", "destination"]

CLOCK_MHZ = 200.0
"""The clock that constraints ask for unless told otherwise, in MHz."""

_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MOST_LETTERS = 64  # of a prefix


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where the Verilog of a build goes.

    Attributes
    ----------
    part : str or None
        The part by Vivado's name; None takes the target's own (`hw.targets.target.Target.vivado_part`).
    family : str or None
        Vivado's name of its family, if that is known.
    clock : float
        MHz.
    prefix : str
        What the names of all modules begin with; empty for none.
    notes : tuple of str
        What the user should know of the choice, in sentences.
    """

    part: str | None = None
    family: str | None = None
    clock: float = CLOCK_MHZ
    prefix: str = ""
    notes: tuple[str, ...] = ()

    @property
    def top(self) -> str:
        """Name of the accelerator's top module."""
        return top_name(self.prefix)

    @property
    def ip_top(self) -> str:
        """Name of the IP block's top module."""
        return top_name(self.prefix, ip=True)

    @property
    def period(self) -> str:
        """The clock's period in ns, as constraints have it."""
        return f"{1000 / self.clock:.3f}"

    def part_for(self, target: Target) -> str:
        """Return the part that Vivado's scripts name for a build of ``target``."""
        return self.part or target.vivado_part

    def families_for(self, target: Target) -> tuple[str, ...]:
        """Return the families of devices that an IP block of ``target`` is declared for, that of the part too."""
        own = target.ip_families
        return own if self.family is None or self.family in own else (*own, self.family)


def destination(
    target: Target, *, part: str | None = None, clock: float = CLOCK_MHZ, prefix: str = "", parts: Path | None = None
) -> Destination:
    """Return the destination of a build of ``target``.

    Parameters
    ----------
    target : hw.targets.target.Target
    part : str or None
        Name of a part, as `hw.targets.part_choice.find_part` takes it.
    clock : float
        MHz.
    prefix : str
        Letters, digits and underscores, beginning with a letter.
    parts : path or None
        A file of further parts, as `hw.targets.part_list.read_parts` reads it.

    Raises
    ------
    hw.targets.part_list.PartsError
        If there is no such part, or ``target`` is not for it.
    ValueError
        If the prefix is none.
    """
    if prefix and not (_PREFIX.fullmatch(prefix) and len(prefix) <= _MOST_LETTERS and "__" not in prefix):
        raise ValueError(
            f"prefix must be a letter, then up to {_MOST_LETTERS - 1} letters, digits and single underscores, not "
            f"{prefix[:_MOST_LETTERS]!r}"
        )
    if part is None:
        return Destination(clock=clock, prefix=prefix)
    found = vivado_part(part, parts_with(parts))
    if not target.suits(found.device):
        raise PartsError(_unsuited(target, found.device))
    return Destination(
        part=found.name, family=found.family, clock=clock, prefix=prefix, notes=tuple(_notes(target, found))
    )


def _unsuited(target, device):
    """Return what to do about a part that a target's designs cannot be mapped to."""
    from fewbit.hw.targets.named import USUAL, all_targets

    name, few = device.name.lower(), ", ".join(few_of(target.parts))
    other = next((t for t in (USUAL, *all_targets()) if t.suits(device)), None)
    if other is None:
        return f"{name} is none of Vivado's parts: choose another one ({few}), or leave --part away"
    return (
        f"{name} does not have {target.own_cells}, which --target {target.name} makes designs of: give --target "
        f"{other.name}, or choose another part ({few})"
    )


def _notes(target, found):
    if found.family is not None and found.family not in target.ip_families:
        from fewbit.hw.targets.named import all_targets

        best = next((t for t in all_targets() if t.netlists and found.family in t.ip_families), None)
        instead = f": --target {best.name} is made for it" if best else ""
        yield f"--target {target.name} is made of {target.own_cells}, which {found.name} has in another form{instead}"
    if not found.whole:
        yield (
            f"{found.name} is a device without package and speed grade: Vivado's scripts take the first that the "
            f"Vivado at hand has of it; a FuseSoC core needs the whole name, such as {target.vivado_part}"
        )
