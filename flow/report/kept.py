"""What commands leave in the folder of a build for its report: results that took long, each of one Verilog."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from fewbit.flow.cache import Store, digest
from fewbit.flow.results import JsonResult

__all__ = ["FOLDER", "KeptFigures"]

FOLDER = "report"
"""Name of the folder, in that of a build, that keeps them."""

_Kept = TypeVar("_Kept", bound=JsonResult)


class KeptFigures:
    """Results by name, in the folder of a build; what belongs to another Verilog than ``design`` is not there.

    Parameters
    ----------
    directory : Path
        The folder of the build.
    design : str
        What the Verilog in the folder is known by, as of `flow.project.project.Project.design`.
    """

    def __init__(self, directory: Path, design: str):
        self._store, self._design = Store(directory=directory / FOLDER), design

    def get(self, name: str, kind: type[_Kept], *inputs: Any) -> _Kept | None:
        """Return the result of a class that was kept under a name; None if there is none.

        ``inputs``, as `flow.cache.digest` takes them, are what it depends on beside the Verilog.
        """
        found = self._store[name]
        if not isinstance(found, dict) or found.get("key") != self._key(inputs):
            return None
        try:
            return kind.from_dict(found["result"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return None  # of another version

    def put(self, name: str, result: _Kept, *inputs: Any) -> _Kept:
        """Keep a result under a name, and return it; a file that says the same already stays as it is."""
        entry = {"key": self._key(inputs), "result": result.to_dict()}
        if self._store[name] != entry:
            self._store[name] = entry
        return result

    def once(self, name: str, kind: type[_Kept], make: Callable[[], _Kept], *inputs: Any) -> _Kept:
        """Return the result that was kept under a name, or keep what ``make()`` gives."""
        found = self.get(name, kind, *inputs)
        return self.put(name, make(), *inputs) if found is None else found

    def _key(self, inputs: tuple[Any, ...]) -> str:
        return digest(self._design, *inputs)
