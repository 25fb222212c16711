"""The text of the package's files as syntax trees, each parsed once for all the tests that read them."""

import ast
from functools import cache
from pathlib import Path

from fewbit.places import HOME

__all__ = ["files_of", "parsed"]


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file, which nobody may change."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def files_of(folder: str) -> tuple[Path, ...]:
    """Return all Python files of a folder of the checkout, in the order of their names."""
    return tuple(sorted((HOME / folder).rglob("*.py")))
