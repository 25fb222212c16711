"""Names near to one that does not exist, for messages."""

import difflib
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

__all__ = ["did_you_mean", "near_files", "near_names"]

_SHOWN = 3  # names in a message
_SCANNED = 2000  # entries of a folder that are looked at: it may have millions
_LEAST = 3  # letters that two names must share at their start where one begins with the other


def near_names(wanted: str, names: Iterable[str]) -> list[str]:
    """Return at most three of the ``names`` that are near to the one that is ``wanted``, the nearest first.

    Those are near that begin with the other or that the other begins with, such as an abbreviation; where there are
    none, those that have most letters in common, in the same order.
    """
    names = sorted(set(names))
    begun = [name for name in names if min(len(name), len(wanted)) >= _LEAST and _begins(name, wanted)]
    begun.sort(key=lambda name: abs(len(name) - len(wanted)))
    close = difflib.get_close_matches(wanted, names, n=_SHOWN)
    return (begun or close)[:_SHOWN]


def near_files(path: Path) -> list[str]:
    """Return at most three names of files in the folder of ``path`` that are near to its name, the nearest first.

    A file is near if it has the ending of ``path`` and a near name before it, or the same name before a near ending;
    ``path`` without an ending may have left out any. A folder that cannot be read has none.
    """
    try:
        files = [Path(entry.name) for entry in islice(path.parent.iterdir(), _SCANNED) if entry.is_file()]
    except (OSError, ValueError):
        return []
    stems = near_names(path.stem, (file.stem for file in files if file.suffix == path.suffix))
    endings = {file.suffix for file in files if file.stem == path.stem}
    endings_near = near_names(path.suffix, endings) if path.suffix else sorted(endings)
    return [*(path.stem + ending for ending in endings_near), *(stem + path.suffix for stem in stems)][:_SHOWN]


def did_you_mean(near: Sequence[str]) -> str:
    """Return the question that ends a message, such as ``; did you mean run or train?``; nothing where none is near."""
    if not near:
        return ""
    *others, last = near
    return f"; did you mean {', '.join(others)}{' or ' if others else ''}{last}?"


def _begins(name: str, wanted: str) -> bool:
    return name.startswith(wanted) or wanted.startswith(name)
