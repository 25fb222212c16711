"""Every target by name, and those that are taken where none is asked for."""

import importlib
import pkgutil

from . import families
from .families.portable import Portable
from .families.xilinx import Xilinx
from .parts import Part
from .target import REGISTERED, Target

__all__ = ["DEFAULT", "USUAL", "all_parts", "all_targets", "target_named"]

# Each file of the folder registers its target when it is imported, so that a new family is only put there.
for _found in sorted(module.name for module in pkgutil.iter_modules(families.__path__)):
    importlib.import_module(f"{families.__name__}.{_found}")

DEFAULT = Portable()  # what components and tools of other vendors take
USUAL = Xilinx()  # what the commands make unless told otherwise, and what costs are estimated of


def all_targets() -> tuple[Target, ...]:
    """Return one target of every family, in the order in which they are named to users."""
    return tuple(cls() for cls in REGISTERED.values())


def target_named(name: str, **options: bool) -> Target:
    """Return the target of that name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in tuple(REGISTERED):
        raise ValueError(f"target must be one of {', '.join(REGISTERED)}, not {name!r}")
    return REGISTERED[name](**options)


def all_parts() -> dict[str, Part]:
    """Return the parts of all targets, by name in lower case."""
    return {part.name.lower(): part for target in all_targets() for part in target.parts}
