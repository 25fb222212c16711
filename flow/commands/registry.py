"""Where commands register: each is one file of this folder, which declares its command by the decorator `command`."""

import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import wraps
from importlib import import_module
from typing import Any

import typer

__all__ = ["command", "register_all"]

_COMMANDS: list[tuple[int, Callable[..., None], dict[str, Any]]] = []
_PACKAGE = __name__.rpartition(".")[0]
_MAIN = "cli"  # the module that asks for the commands, and may run as a program


def command(*, rank: int, **settings: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Declare the decorated function a command of its own name.

    A parameter whose annotation is a dataclass stands for that dataclass's fields, each an option that several commands
    share: the function gets the dataclass.

    Parameters
    ----------
    rank : int
        Commands are listed by it, in the order in which they are used.
    settings
        As `typer.Typer.command` takes them.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        _COMMANDS.append((rank, function, settings))
        return function

    return register


def register_all(app: typer.Typer) -> None:
    """Give the ``app`` every command."""
    for found in pkgutil.iter_modules(import_module(_PACKAGE).__path__, f"{_PACKAGE}."):
        if found.name != f"{_PACKAGE}.{_MAIN}":
            import_module(found.name)
    for _, function, settings in sorted(_COMMANDS, key=lambda one: one[0]):
        app.command(**settings)(_flat(function))


def _flat(function: Callable[..., None]) -> Callable[..., None]:
    """Return the function with the fields of its dataclass parameters in place of these, for typer to read."""
    given = inspect.signature(function).parameters.values()
    groups: dict[str, Any] = {p.name: p.annotation for p in given if is_dataclass(p.annotation)}
    fields = {name: list(inspect.signature(group).parameters.values()) for name, group in groups.items()}
    flat = [option for p in given for option in fields.get(p.name, [p])]

    @wraps(function)
    def call(**options):
        made = {name: groups[name](**{o.name: options.pop(o.name) for o in fields[name]}) for name in groups}
        return function(**options, **made)

    vars(call).pop("__wrapped__")  # whose signature it no longer has
    signature = inspect.Signature([p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in flat])
    vars(call)["__signature__"] = signature
    call.__annotations__ = {p.name: p.annotation for p in flat}
    return call
