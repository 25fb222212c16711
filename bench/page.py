"""The page ``docs/benchmarks.md``, assembled from sections that are measured one by one.

A section is a module with ``NAME``, ``HEADING``, ``measure()``, which returns what JSON can hold, and
``render(results)``, which makes Markdown of it. Results are kept as ``docs/benchmarks/<NAME>.json``, so that
each section, or a part of it, can be measured at a time of its own, in any checkout.
"""

import importlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from fewbit.flow.cache import atomic_write, digest, source_digest
from fewbit.places import HOME

from . import markdown

__all__ = ["PAGE", "SECTIONS", "assemble", "is_measured", "keep", "measured", "section", "table", "write"]

PAGE = HOME / "docs" / "benchmarks.md"
KEPT = HOME / "docs" / "benchmarks"
SECTIONS = (
    "bench.sections.steps",
    "bench.sections.estimate",
    "bench.sections.finn",
    "bench.sections.mvu",
    "bench.sections.clock",
    "bench.peers.compare",
)
HEAD = """# Benchmarks

Made by `make bench`, or section by section by the commands that stand under the headings."""


def table(heads: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table; numbers get thousands separators, None is an empty cell."""

    def cell(value: object) -> str:
        if value is None:
            return ""
        return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}" if isinstance(value, float) else str(value)

    return markdown.table(heads, [[cell(value) for value in row] for row in rows])


def section(module: str, kept: Path = KEPT, path: Path = PAGE, **options: object) -> None:
    """Measure one section if anything that it depends on has changed since the last time, and write the page.

    A section may say by ``complete(results)`` that something is left to be measured by the next run.

    Parameters
    ----------
    module : str
        The whole name of the section's module.
    kept, path : Path
        The folder of the results, and the page.
    options
        Arguments of the section's ``measure``.
    """
    if is_measured(module, kept):
        print(f"bench: {_file(module, kept).stem}: nothing has changed since {_file(module, kept)} was written")
    else:
        keep(module, measured(module, **options), kept)
    write(kept, path)


def is_measured(module: str, kept: Path = KEPT) -> bool:
    """Return whether nothing that a section depends on has changed since it was measured."""
    file = _file(module, kept)
    return file.is_file() and json.loads(file.read_text(encoding="utf-8")).get("key") == _key()


def measured(module: str, **options: object) -> dict[str, Any]:
    """Measure one section here and now, and return what `keep` keeps of it."""
    found = importlib.import_module(module)
    results = found.measure(**options)
    whole = getattr(found, "complete", lambda _: True)(results)
    machine = f"{os.cpu_count()} cores ({_processor()})"
    return {"machine": machine, "results": results, "key": _key() if whole else None}


def keep(module: str, found: dict[str, Any], kept: Path = KEPT) -> None:
    """Keep what was measured of a section."""
    atomic_write(_file(module, kept), json.dumps(found, indent=1) + "\n")


def _file(module, kept):
    return kept / f"{importlib.import_module(module).NAME}.json"


def _key():
    return digest(source_digest(), HOME / "bench", version("pyosys"))


def write(kept: Path = KEPT, path: Path = PAGE) -> None:
    """Assemble the page from what is kept, and from the page itself where nothing is."""
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    atomic_write(path, assemble([importlib.import_module(m) for m in SECTIONS], kept, old))
    print(f"bench: {path.relative_to(HOME) if path.is_relative_to(HOME) else path}", flush=True)


def assemble(modules: Iterable[ModuleType], kept: Path, old: str = "") -> str:
    """Return the page as Markdown, from the results in ``kept``; ``old`` is the page as it was."""
    before = dict(part.split("\n", 1) for part in re.split(r"^## ", old, flags=re.MULTILINE)[1:])
    parts = [HEAD]
    for module in modules:
        file = Path(kept) / f"{module.NAME}.json"
        if file.is_file():
            found = json.loads(file.read_text(encoding="utf-8"))
            body = f"`python -m {module.__name__}`, on {found['machine']}.\n\n{module.render(found['results'])}"
        else:
            body = before.get(module.HEADING, f"Not measured yet: `python -m {module.__name__}`.")
        parts.append(f"## {module.HEADING}\n\n{body.strip()}")
    return "\n\n".join(parts) + "\n"


def _processor():
    """Return what the processor is called, as far as that is known."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
