"""Results of commands as typed values, and as the JSON that ``--json`` prints and that is kept in files."""

import dataclasses
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Any, Self, Union, get_args, get_origin, get_type_hints

from .notebook import html_of

__all__ = ["JsonResult", "flat", "hidden", "key", "maybe", "or_empty"]


def key(name: str, **options: Any) -> Any:
    """Return a dataclass field whose name in JSON is ``name``, which Python keeps for itself.

    ``options`` are those of `dataclasses.field`.
    """
    return dataclasses.field(metadata={"key": name}, **options)


def maybe() -> Any:
    """Return a dataclass field that is None by default, and that JSON leaves out then."""
    return dataclasses.field(default=None, metadata={"optional": True})


def or_empty() -> Any:
    """Return a dataclass field, for a `JsonResult` or None, that is None by default and then an empty dict in JSON."""
    return dataclasses.field(default=None, metadata={"empty": True})


def flat() -> Any:
    """Return a dataclass field, for a `JsonResult` or a dict, whose own keys stand in JSON in place of it."""
    return dataclasses.field(metadata={"flat": True})


def hidden() -> Any:
    """Return a dataclass field that JSON does not have: what the methods of a result work with."""
    return dataclasses.field(repr=False, compare=False, metadata={"hidden": True})


@dataclass(frozen=True, kw_only=True)
class JsonResult:
    """What a command, or a part of one, gives; its fields in their order are the keys of its JSON."""

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-able dicts, lists, numbers and texts."""
        found: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.metadata.get("hidden"):
                continue
            if field.metadata.get("flat"):
                found |= _plain(value)
            elif value is None and field.metadata.get("empty"):
                found[_key(field)] = {}
            elif value is not None or not field.metadata.get("optional"):
                found[_key(field)] = _plain(value)
        return found

    def _repr_html_(self) -> str:
        """Return the result as notebooks show it (`flow.notebook.html_of`)."""
        return html_of(type(self).__name__, self.summary())

    def summary(self) -> dict[str, Any]:
        """Return what notebooks show of the result: all of it, unless a class says what of its large arrays to show."""
        return self.to_dict()

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Return the result of which `to_dict` gave ``content``.

        Raises
        ------
        KeyError
            If a field is missing.
        TypeError
            If the class has a field that JSON does not have.
        """
        hints, given = _hints(cls), {}
        for field in dataclasses.fields(cls):
            if field.metadata.get("hidden"):
                continue
            if field.metadata.get("flat"):
                given[field.name] = _typed(hints[field.name], content)
            elif field.metadata.get("empty"):
                given[field.name] = _typed(hints[field.name], content[_key(field)] or None)
            elif _key(field) in content or not field.metadata.get("optional"):
                given[field.name] = _typed(hints[field.name], content[_key(field)])
        return cls(**given)


_hints: Callable[[Any], dict[str, Any]] = cache(get_type_hints)


def _key(field):
    return field.metadata.get("key", field.name)


def _plain(value):
    """Return a value of a field as JSON can hold it."""
    if isinstance(value, JsonResult):
        return value.to_dict()
    if dataclasses.is_dataclass(value):
        return _plain(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if hasattr(value, "tolist"):  # an array or number of NumPy
        return value.tolist()
    return str(value) if isinstance(value, PurePath) else value


def _typed(hint, value):
    """Return the JSON ``value`` as the type ``hint``: a `JsonResult`, a path, a list or dict of them, or what it is."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value is None else _typed(next(kind for kind in inner if kind is not type(None)), value)
    if isinstance(hint, type) and issubclass(hint, JsonResult):
        return hint.from_dict(value)
    if hint is Path:
        return Path(value)
    if origin is list:
        return [_typed(inner[0], one) for one in value]
    if origin is dict:
        return {name: _typed(inner[1], one) for name, one in value.items()}
    return value
