"""What handlers of ONNX's operators know of the import that they add to: its state, and the model file."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from fewbit.golden.model_file.file import FileInput, ModelError, OnnxFile
from fewbit.golden.network.graph import Network, NetworkInput
from fewbit.golden.numbers.declaration import InputSpec

from .builder import Builder, InputForm
from .import_state import ImportState, Layout
from .tensors import Constant, Data

__all__ = ["OnnxImportState"]


class OnnxImportState(ImportState):
    """The state of the import of an ONNX model: handlers of its operators get it as ``importer``.

    Parameters
    ----------
    file : OnnxFile
    specs : dict of InputSpec
        How raw integers become the model's floats, by the inputs' names; an input that is not there has a first
        quantizer that says which integers enter.
    builder : callable
        Returns the import's `Builder`, given the import.
    precision : int
        Bits that the levels of non-uniform quantizers are rounded to where they are in no whole ratios.
    layouts : dict of Layout
        In which order the values of inputs enter, by edge, as far as layers have chosen one.

    Attributes
    ----------
    file, precision
        The parameters of these names.
    readers : Counter
        How often each tensor of the model is read.
    """

    def __init__(
        self,
        file: OnnxFile,
        specs: Mapping[str, InputSpec],
        builder: Callable[["OnnxImportState"], Builder],
        *,
        precision: int,
        layouts: Mapping[str, Layout] | None = None,
    ):
        super().__init__(Network(file.name, ()))
        self.builder = builder(self)
        self.file, self.precision = file, precision
        self.laid_out = layouts = layouts or {}
        self.tensors |= {name: Constant(array) for name, array in file.constants.items()}
        given = []
        for number, one in enumerate(file.inputs):
            edge, form = f"input{number or ''}", self.builder.input_form(specs.get(one.name))
            layout = layouts.get(edge, Layout(None, ()))
            self.tensors[one.name] = _data(one, edge, layout, form)
            given.append(NetworkInput(one.name, one.shape[1:], form.format, form.encode, form.text, edge, layout.size,
                                      layout.order))  # fmt: skip
        self.result.inputs = tuple(given)
        self.readers = Counter([name for node in file.nodes for name in node.input] + file.outputs)

    def known(self, data: Data) -> None:
        """Check that it is known which integers the data is made of.

        Raises
        ------
        ModelError
            If the data stands behind an input whose integers are not declared.
        """
        given = self.input_on(data.edge)
        if given is not None and (not self.declared(data) or data.edge != given.edge):
            example = "uint8/255" if len(self.file.inputs) == 1 else f'"{given.name}=uint8/255"'
            raise ModelError(
                f"input {given.name!r} gets here without a quantizer; declare how raw integers become its "
                f"floats, for example --input {example}"
            )

    def used(self, network: Network) -> Network:
        """Return the network without inputs that nothing reads."""
        return replace(network, inputs=tuple(i for i in network.inputs if network.readers(i.edge)))


def _data(one: FileInput, edge: str, layout: Layout, form: InputForm) -> Data:
    """Return an input's tensor: where its values stand on its edge, and what makes them the model's floats."""
    places = np.arange(int(np.prod(one.shape)))
    if layout.order is not None:
        places[layout.order] = np.arange(places.size)
    return Data(edge, places.reshape(one.shape), form.chain, one.dtype)
