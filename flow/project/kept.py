"""What a folder says of the build that is in it, for commands that take it as it is."""

import json
from pathlib import Path

from fewbit.flow.ip.destination import Destination
from fewbit.hw.targets.target import Target

__all__ = ["kept_destination"]


def kept_destination(directory: Path, target: Target) -> Destination | None:
    """Return the destination of the build in a folder; None if there is none, or it is of another target."""
    try:
        manifest = json.loads((directory / "manifest.json").read_text())
        given = manifest["destination"]
        kept = Destination(**given | {"notes": tuple(given["notes"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no build, or one of an earlier version
    return kept if manifest.get("target") == target.name else None
