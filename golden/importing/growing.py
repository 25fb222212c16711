"""The network that an import makes while it walks a graph: what handlers of operators know of it, and add to it."""

from collections import Counter
from typing import Any

import numpy as np

from fewbit.golden.model_file.file import ModelError, OnnxFile
from fewbit.golden.network.graph import Network
from fewbit.golden.numbers.declaration import InputSpec
from fewbit.golden.numbers.elementwise import Chain
from fewbit.golden.numbers.formats import Float32
from fewbit.golden.rewrite.sums import BranchSum

from .network_builder import NetworkBuilder
from .tensors import Constant, Data, Tensor

__all__ = ["GrowingNetwork"]

_UNKNOWN: Any = None  # the format and the encoding of the input until its first quantizer gives them


class GrowingNetwork(NetworkBuilder):
    """The tensors of a model that are known so far, and the network that is made so far.

    Parameters
    ----------
    file : OnnxFile
    spec : InputSpec or None
        How raw integers become the model's floats; None where its first quantizer says which integers enter.
    is_float : bool
        Whether nothing in the model is quantized: the float32 baseline.
    precision : int
        Bits that the levels of non-uniform quantizers are rounded to where they are in no whole ratios.
    order : int64 array or None
        Which value of a sample comes first, second, … into the hardware; None until a layer chooses an order.
    size : tuple of int
        Height and width of the input if such an order makes it an image.

    Attributes
    ----------
    file, is_float, precision
        The parameters of these names.
    tensors : dict of Tensor
        The tensors by their names.
    laid_out : bool
        Whether the order in which values enter has been chosen by a first walk.
    readers : Counter
        How often each tensor of the model is read.
    sums : dict of BranchSum
        What is known of the `Add` that makes an edge, by the edge's name.
    folded : dict
        Of a float model: edges whose layer has got the operations behind it (`golden.importing.float_layers`). For each
        chain that stood behind the edge, it has the edge and the chain that took their place.
    """

    def __init__(
        self,
        file: OnnxFile,
        spec: InputSpec | None,
        *,
        is_float: bool,
        precision: int,
        order: np.ndarray | None = None,
        size: tuple[int, ...] = (),
    ):
        self.file, self.is_float, self.precision = file, is_float, precision
        self.tensors: dict[str, Tensor] = {name: Constant(array) for name, array in file.constants.items()}
        count = int(np.prod(file.input_shape))
        places = np.arange(count)
        self.laid_out = order is not None
        if order is not None:
            places[order] = np.arange(count)
        start = Data("input", places.reshape(file.input_shape), type=file.tensor_type)
        fmt, encode, text = _UNKNOWN, _UNKNOWN, "codes"
        if self.is_float:
            fmt, encode, text = Float32(), lambda x: np.asarray(x, dtype=np.float32), "float32"
        elif spec is not None:
            fmt, encode, text = spec.format, spec.encode, spec.text
            start = start.then(spec.dequantize())
        self.tensors[file.input_name] = start
        super().__init__(Network(file.name, fmt, file.input_shape[1:], encode, text))
        self.result.input_size, self.result.input_order = size, order
        self.sums: dict[str, BranchSum] = {}
        self.folded: dict[str, dict[Chain, tuple[str, Chain]]] = {}
        self.readers = Counter([name for node in file.nodes for name in node.input] + file.outputs)

    @property
    def has_input(self) -> bool:
        """Whether it is known which integers, or floats, enter."""
        return self.result.input_format is not _UNKNOWN

    def known(self, data: Data) -> None:
        """Check that it is known which integers the data is made of.

        Raises
        ------
        ModelError
            If the data stands behind an input whose integers are not declared.
        """
        if not self.has_input or not data.edge:
            raise ModelError(
                f"input {self.file.input_name!r} gets here without a quantizer; declare how raw integers become its "
                "floats, for example --input uint8/255"
            )
