"""What a module of the Verilog is, in plain Python: its kind and its parameters, by which equal ones are known."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["EmittedModule", "ModuleDefinition", "Parameter"]

Parameter = int | str | bool | tuple["Parameter", ...]
_LABEL = 40  # characters of a label, at most: names of modules stay readable


@dataclass(frozen=True)
class ModuleDefinition:
    """A circuit that may stand in a design any number of times: where two definitions are equal, so are the circuits.

    Attributes
    ----------
    kind : str
        A word for what it is, such as ``"pe"``.
    label : str
        The parameters that tell most, in a few characters: a part of the module's name.
    parameters : tuple of (str, Parameter)
        Everything that the circuit depends on, by name. Formats and targets stand there as text.
    """

    kind: str
    label: str
    parameters: tuple[tuple[str, Parameter], ...]

    @classmethod
    def of(cls, kind: str, label: str, **parameters: Parameter) -> "ModuleDefinition":
        """Return the definition of these parameters."""
        return cls(kind, label, tuple(parameters.items()))

    @property
    def stem(self) -> str:
        """Kind and label as an identifier of Verilog."""
        return re.sub(r"\W+", "_", f"{self.kind}_{self.label[:_LABEL]}").rstrip("_")

    def __str__(self) -> str:
        return f"{self.kind}: " + ", ".join(f"{name} {_text(value)}" for name, value in self.parameters)


def _text(value):
    return f"({', '.join(map(_text, value))})" if isinstance(value, tuple) else str(value)


@dataclass(frozen=True)
class EmittedModule:
    """A module of emitted Verilog that stands in it once, however often it is used.

    Attributes
    ----------
    name : str
        The module's name in the Verilog.
    definition : ModuleDefinition
    instances : int
        How many of it the design has altogether.
    """

    name: str
    definition: ModuleDefinition
    instances: int

    def to_json(self) -> Mapping[str, Any]:
        """Return it as JSON-able values."""
        return {
            "name": self.name, "kind": self.definition.kind, "instances": self.instances,
            "parameters": dict(self.definition.parameters),
        }  # fmt: skip
