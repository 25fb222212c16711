"""The network that an import makes while it walks a graph: what handlers of operators know of it, and add to it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fewbit.golden.model_file.file import FileInput, ModelError, OnnxFile
from fewbit.golden.network.graph import Network, NetworkInput
from fewbit.golden.numbers.declaration import InputSpec
from fewbit.golden.numbers.elementwise import Chain
from fewbit.golden.numbers.formats import Float32
from fewbit.golden.rewrite.pairs import BranchSum

from .code_quantizer import HostQuantizer
from .network_builder import NetworkBuilder
from .tensors import Constant, Data, Tensor

__all__ = ["GrowingNetwork", "Layout"]

_UNKNOWN: Any = None  # the format and the encoding of an input until its first quantizer gives them


@dataclass(frozen=True, eq=False)
class Layout:
    """In which order an input's values enter: which value of a sample comes first, second, …, and the image's size.

    The order is None for the one that the values have, the size empty for a vector.
    """

    order: np.ndarray | None
    size: tuple[int, ...]


class GrowingNetwork(NetworkBuilder):
    """The tensors of a model that are known so far, and the network that is made so far.

    Parameters
    ----------
    file : OnnxFile
    specs : dict of InputSpec
        How raw integers become the model's floats, by the inputs' names; an input that is not there has a first
        quantizer that says which integers enter.
    is_float : bool
        Whether nothing in the model is quantized: the float32 baseline.
    precision : int
        Bits that the levels of non-uniform quantizers are rounded to where they are in no whole ratios.
    layouts : dict of Layout
        In which order the values of inputs enter, by edge, as far as layers have chosen one.

    Attributes
    ----------
    file, is_float, precision
        The parameters of these names.
    tensors : dict of Tensor
        The tensors by their names.
    laid_out : collection of str
        The edges of the inputs whose order has been chosen by an earlier walk.
    readers : Counter
        How often each tensor of the model is read.
    sums : dict of BranchSum
        What is known of the join, `Add` or `Multiply`, that makes an edge, by the edge's name.
    host_quantizers : dict of HostQuantizer
        The first quantizers of inputs that are not declared, by the inputs' edges.
    folded : dict
        Of a float model: edges whose layer has got the operations behind it (`golden.importing.float_layers`). For each
        chain that stood behind the edge, it has the edge and the chain that took their place.
    """

    def __init__(
        self,
        file: OnnxFile,
        specs: Mapping[str, InputSpec],
        *,
        is_float: bool,
        precision: int,
        layouts: Mapping[str, Layout] | None = None,
    ):
        self.file, self.is_float, self.precision = file, is_float, precision
        self.laid_out = layouts = layouts or {}
        self.tensors: dict[str, Tensor] = {name: Constant(array) for name, array in file.constants.items()}
        given = []
        for number, one in enumerate(file.inputs):
            edge, spec = f"input{number or ''}", specs.get(one.name)
            layout = layouts.get(edge, Layout(None, ()))
            self.tensors[one.name] = self._data(one, edge, layout, spec)
            given.append(self._given(one, edge, layout, spec))
        super().__init__(Network(file.name, tuple(given)))
        self.sums: dict[str, BranchSum] = {}
        self.host_quantizers: dict[str, HostQuantizer] = {}
        self.folded: dict[str, dict[Chain, tuple[str, Chain]]] = {}
        self.readers = Counter([name for node in file.nodes for name in node.input] + file.outputs)

    def _data(self, one: FileInput, edge: str, layout: Layout, spec: InputSpec | None) -> Data:
        """Return an input's tensor: where its values stand on its edge, and the chain that its declaration is."""
        places = np.arange(int(np.prod(one.shape)))
        if layout.order is not None:
            places[layout.order] = np.arange(places.size)
        data = Data(edge, places.reshape(one.shape), dtype=one.dtype)
        return data.then(spec.dequantize()) if spec is not None and not self.is_float else data

    def _given(self, one: FileInput, edge: str, layout: Layout, spec: InputSpec | None) -> NetworkInput:
        fmt, encode, text = _UNKNOWN, _UNKNOWN, "codes"
        if self.is_float:
            fmt, encode, text = Float32(), lambda x: np.asarray(x, dtype=np.float32), "float32"
        elif spec is not None:
            fmt, encode, text = spec.format, spec.encode, spec.text
        return NetworkInput(one.name, one.shape[1:], fmt, encode, text, edge, layout.size, layout.order)

    def declared(self, data: Data) -> bool:
        """Say whether it is known which integers enter where data stands: the input is declared, or has a quantizer."""
        given = self.input_on(data.edge)
        return given is None or given.format is not _UNKNOWN

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
