"""Parts and families of devices by Vivado's names, made of those that people write."""

import re
from dataclasses import dataclass

from .part_choice import find_part
from .parts import ListedPart, Part

__all__ = ["FAMILIES", "VivadoPart", "vivado_part"]

FAMILIES = {
    "Artix-7": "artix7", "Kintex-7": "kintex7", "Spartan-7": "spartan7", "Virtex-7": "virtex7", "Zynq-7000": "zynq",
    "Kintex UltraScale+": "kintexuplus", "Virtex UltraScale+": "virtexuplus", "Zynq UltraScale+": "zynquplus",
    "Alveo": "virtexuplus", "Kria": "zynquplus",
}  # fmt: skip
"""Vivado's name of the family of the parts of a series, as the tables of parts name that."""

# Behind the device: package, speed grade and temperature as Vivado writes them (cpg236-1, -sbva484-1-e), and as
# ordering codes do (-1CPG236C, -1SBVA484E).
_VIVADO = re.compile(
    r"(?P<grade>[ilq]?)-?(?P<package>[a-z]{2,4}\d{3,4}[a-z]?)-(?P<speed>\d[a-z]{0,3})(?:-(?P<heat>[a-z]))?"
)
_ORDERED = re.compile(r"(?P<grade>[ilq]?)-(?P<speed>\d[l]?)(?P<package>[a-z]{2,4}\d{3,4})(?P<heat>[a-z]?)")


@dataclass(frozen=True, kw_only=True)
class VivadoPart:
    """A part as Vivado names it.

    Attributes
    ----------
    device : hw.targets.parts.Part
    name : str
        Device, package and speed grade; the device alone if nobody said more (`whole`).
    """

    device: Part
    name: str

    @property
    def whole(self) -> bool:
        """Whether the name has package and speed grade, without which it is none of Vivado's."""
        return self.name.lower() != self.device.name.lower()

    @property
    def family(self) -> str | None:
        """Vivado's name of the device's family; None of parts whose series it is not known of."""
        return FAMILIES.get(self.device.series) if isinstance(self.device, ListedPart) else None


def vivado_part(text: str, parts: tuple[ListedPart, ...]) -> VivadoPart:
    """Return the part of ``parts`` that ``text`` names, by Vivado's name.

    Package and speed grade may follow the device in the order of Vivado or in that of ordering codes; what is there of
    only one of them is left away.

    Raises
    ------
    hw.targets.part_list.PartsError
        If there is none.
    """
    device = find_part(text, parts)
    name, written = device.name.lower(), text.strip().lower()
    rest = written.removeprefix("xc").removeprefix(name.removeprefix("xc"))
    found = _VIVADO.fullmatch(rest) or _ORDERED.fullmatch(rest)
    if not found:
        return VivadoPart(device=device, name=name)
    speed = found["speed"].upper()
    if device.family == "xc7":
        return VivadoPart(device=device, name=f"{name}{found['grade']}{found['package']}-{speed}")
    heat = f"-{found['heat']}" if found["heat"] else ""
    return VivadoPart(device=device, name=f"{name}-{found['package']}-{speed}{heat}")
