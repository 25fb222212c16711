"""fewbit: from a quantized neural network to an FPGA accelerator in plain Verilog, exact to the bit.

::

    import fewbit

    model = fewbit.load("examples/digits/w1a1.onnx")
    model.layers                              # a table
    model.predict("examples/digits/test.npz") # golden's labels, outputs and integers
    build = model.fold(fps=1_000_000).build("build/mine")
    build.simulate()                          # every bit and cycle compared

`load` and `load_build` give objects whose methods do what the commands of the same names do, and return dataclasses
with ``to_dict()``, which is what ``--json`` prints, and a table in notebooks. docs/api.md has it all. Nothing is
imported before it is used.

The folders of the checkout are the rooms of this package: ``hw/`` is ``fewbit.hw``. Data flows through them in this
order:

- `fewbit.golden`: number formats, quantizers, the integer network and its execution, and the import of model files;
- `fewbit.ptq`, `fewbit.train`: quantization after training, and during it;
- `fewbit.host`: what runs beside the hardware: packing, protocol, drivers;
- `fewbit.hw`: the hardware, in Amaranth;
- `fewbit.sim`: the cycle model, and simulation in Verilator;
- `fewbit.flow`: folding, tools, projects, commands, and the Python API.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fewbit import errors as errors
    from fewbit import hw as hw
    from fewbit.flow.api.build import HardwareBuild as HardwareBuild
    from fewbit.flow.api.build import load_build as load_build
    from fewbit.flow.api.elements import processing_elements as processing_elements
    from fewbit.flow.api.layers import LayerTable as LayerTable
    from fewbit.flow.api.model import FoldedDesign as FoldedDesign
    from fewbit.flow.api.model import Model as Model
    from fewbit.flow.api.model import QuantizedModel as QuantizedModel
    from fewbit.flow.api.model import load as load
    from fewbit.flow.api.progress import Progress as Progress
    from fewbit.flow.api.trace import Trace as Trace

    __version__: str

__all__ = ["FoldedDesign", "HardwareBuild", "LayerTable", "Model", "Progress", "QuantizedModel", "Trace", "__version__",
           "errors", "hw", "load", "load_build", "processing_elements"]  # fmt: skip

_PLACES = {
    "FoldedDesign": "flow.api.model", "HardwareBuild": "flow.api.build", "LayerTable": "flow.api.layers",
    "Model": "flow.api.model", "Progress": "flow.api.progress", "QuantizedModel": "flow.api.model",
    "Trace": "flow.api.trace", "load": "flow.api.model", "load_build": "flow.api.build",
    "processing_elements": "flow.api.elements",
}  # fmt: skip
_MODULES = ("errors", "hw")


if not TYPE_CHECKING:  # which knows the names, and would take any other one for one of them

    def __getattr__(name: str) -> Any:
        """Return what is imported when it is first used."""
        if name in _PLACES:
            found = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
        elif name in _MODULES:
            found = import_module(f"{__name__}.{name}")
        elif name == "__version__":
            from importlib import metadata

            try:
                found = metadata.version(__name__)
            except metadata.PackageNotFoundError:  # a copy that is not installed
                found = "unknown"
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
