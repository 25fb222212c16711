"""Registration: what belongs to a class is put down beside it, and found by whoever has a thing of that class."""

import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

__all__ = ["ByClass", "import_all"]

Found = TypeVar("Found", bound=Callable[..., Any])


class ByClass:
    """What is registered for classes of things, by themselves or by what they inherit from.

    An instance is a decorator, ``@instance(Kind, ...)``, and ``instance.of(thing)`` is what it decorated.

    Parameters
    ----------
    what : str
        What is registered, in words of a message: "golden execution".
    """

    def __init__(self, what: str):
        self._what = what
        self._found: dict[type, Callable[..., Any]] = {}

    def __call__(self, *kinds: type) -> Callable[[Found], Found]:
        """Return a decorator that registers a function or a class for things of these classes.

        The decorator raises `TypeError` where one of the classes has something registered already.
        """

        def register(found: Found) -> Found:
            for kind in kinds:
                if kind in self._found:
                    raise TypeError(f"{kind.__name__} has two of: {self._what}")
                self._found[kind] = found
            return found

        return register

    def of(self, thing: object) -> Callable[..., Any]:
        """Return what is registered for the class of ``thing``, or for the nearest one that it inherits from.

        Raises
        ------
        TypeError
            If nothing is registered for any of them.
        """
        for kind in type(thing).__mro__:
            if kind in self._found:
                return self._found[kind]
        raise TypeError(f"{type(thing).__name__} has no {self._what}")

    def __contains__(self, kind: type) -> bool:
        return kind in self._found


def import_all(package: ModuleType, ending: str = "") -> None:
    """Import every module of a package whose name ends in ``ending``.

    Each of them registers what it holds, so that a new one is only put there.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    for name in names:
        if name.endswith(ending):
            importlib.import_module(f"{package.__name__}.{name}")
