"""mypy on the package: the rooms of the checkout, seen as ``fewbit.hw`` and so on.

The checker has no notion of rooms that a build maps into a package, so it is given a folder of links to them.
"""

import os
import subprocess
import sys
from pathlib import Path

from fewbit.places import CACHE, HOME

__all__ = ["ROOMS", "check_types"]

ROOMS = ("golden", "host", "hw", "sim", "ptq", "train", "flow")


def check_types(folder: Path, script: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run mypy on the whole package, which stands in ``folder`` as links.

    Parameters
    ----------
    folder : Path
        An empty folder that the links are made in.
    script : str or None
        The text of a user's program that is checked instead.

    Returns
    -------
    The finished process; its standard output has one line for each mismatch, and its status is 0 if there is none.
    """
    package = folder / "fewbit"
    package.mkdir()
    for file in (HOME / "fewbit").glob("*.py"):
        (package / file.name).symlink_to(file)
    for room in ROOMS:
        (package / room).symlink_to(HOME / room, target_is_directory=True)
    command = [sys.executable, "-m", "mypy", "--config-file", str(HOME / "pyproject.toml"),
               "--cache-dir", str(CACHE / "mypy"), *("-p", "fewbit")[: 2 * (script is None)]]  # fmt: skip
    if script is not None:
        (folder / "program.py").write_text(script)
        command.append("program.py")
    environment = os.environ | {"MYPYPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
