"""Where fewbit reads and writes: its own folder, builds, and what is kept between them."""

import os
from pathlib import Path

import platformdirs

__all__ = ["BUILD", "CACHE", "HOME"]

HOME = Path(__file__).resolve().parent
"""The folder of the rooms and of ``examples``: the checkout, or the installed package."""
if not (HOME / "golden").is_dir():
    HOME = HOME.parent

BUILD = Path(os.environ.get("FEWBIT_BUILD") or "build").absolute()
"""Where commands write unless told otherwise: ``build`` in the working directory, or what ``FEWBIT_BUILD`` names."""

CACHE = Path(os.environ.get("FEWBIT_CACHE") or platformdirs.user_cache_dir("fewbit")).absolute()
"""Where results are kept by their content, for all builds: the user's cache folder, or what ``FEWBIT_CACHE`` names."""
