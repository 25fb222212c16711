"""The exceptions that calls of the Python API raise where something is wrong with what they were given, or with a tool.

Each message is a line: what, where, and what to do. All but `HostError`, `SimulationError`, `ToolError` and
`MissingPackage` are a `ValueError`; a `FileNotFoundError` and other errors of the system come as they are.

- `ModelError`: a model cannot be read, imported or quantized; a `LimitError` where that takes too much time or memory;
- `ImageError`: samples do not fit the model;
- `FoldingError`: a folding does not fit the model, or its goal cannot be met; `PartsError`: a table of parts is wrong;
- `HostError`: a folder is no build;
- `SimulationError`: a simulator is missing, or fails;
- `ToolError`: Yosys or nextpnr fails: `SynthesisError`, `PlaceError`, `BitstreamError`;
- `MissingPackage`: a package of an extra is not installed; the message has the command that installs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fewbit.extras import MissingPackage as MissingPackage
    from fewbit.flow.boards.bitstream import BitstreamError as BitstreamError
    from fewbit.flow.eda.pnr import PlaceError as PlaceError
    from fewbit.flow.eda.synth import SynthesisError as SynthesisError
    from fewbit.flow.eda.toolrun import ToolError as ToolError
    from fewbit.flow.images import ImageError as ImageError
    from fewbit.golden.limits.limit import LimitError as LimitError
    from fewbit.golden.limits.limit import ModelError as ModelError
    from fewbit.host.build import HostError as HostError
    from fewbit.hw.folding import FoldingError as FoldingError
    from fewbit.hw.targets.part_list import PartsError as PartsError
    from fewbit.sim.errors import SimulationError as SimulationError

__all__ = ["BitstreamError", "FoldingError", "HostError", "ImageError", "LimitError", "MissingPackage", "ModelError",
           "PartsError", "PlaceError", "SimulationError", "SynthesisError", "ToolError", "expected"]  # fmt: skip

_PLACES = {
    "BitstreamError": "flow.boards.bitstream", "FoldingError": "hw.folding", "HostError": "host.build",
    "ImageError": "flow.images", "LimitError": "golden.limits.limit", "MissingPackage": "extras",
    "ModelError": "golden.limits.limit", "PartsError": "hw.targets.part_list", "PlaceError": "flow.eda.pnr",
    "SimulationError": "sim.errors", "SynthesisError": "flow.eda.synth", "ToolError": "flow.eda.toolrun",
}  # fmt: skip


def expected() -> tuple[type[Exception], ...]:
    """Return the classes of all errors that say what a user did, or what a tool found, rather than a fault of ours."""
    from fewbit.extras import MissingPackage
    from fewbit.flow.eda.toolrun import ToolError
    from fewbit.host.build import HostError
    from fewbit.sim.errors import SimulationError

    return OSError, ValueError, HostError, MissingPackage, SimulationError, ToolError


if not TYPE_CHECKING:  # which knows the names, and would take any other one for one of them

    def __getattr__(name: str) -> Any:
        """Return a class, which is imported when it is first used."""
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = getattr(import_module(f"fewbit.{_PLACES[name]}"), name)
        return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
