"""Layers of float32: affine operations in front and behind fold into their weights, a ReLU into the layer."""

from dataclasses import replace

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.dense import FloatDense
from fewbit.golden.network.joins import FloatAdd
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.elementwise import Chain

from .onnx_import_state import OnnxImportState
from .tensors import Data

__all__ = ["FloatLayers"]

_UNSUPPORTED = (
    "between two products of a float model only affine operations and one Relu are supported; fewbit quantize makes a "
    "model of few bits of it, in which any function is thresholds"
)


class FloatLayers:
    """The layers of a float32 network that is being made, and what each of them has been given to do behind it.

    Parameters
    ----------
    importer : OnnxImportState
        The import whose network it adds layers to.
    """

    def __init__(self, importer: OnnxImportState):
        self._importer = importer
        # Of edges whose layer has got operations behind it: for each chain that stood behind the edge, the edge and
        # the chain that took their place.
        self._folded: dict[str, dict[Chain, tuple[str, Chain]]] = {}

    def add(self, edge: str, weights: np.ndarray, bias: np.ndarray, *, relu: bool = False, groups: int = 1) -> str:
        """Append a layer of weights (N, K) and return its edge.

        Raises
        ------
        ModelError
            If a weight or a bias is not finite in float32.
        """
        name = self._importer.new("dense")
        return self._importer.add(
            FloatDense(name, edge, name, _finite(weights), _finite(bias), relu=relu, groups=groups)
        )

    def affine_before(self, data: Data) -> tuple[str, np.ndarray, np.ndarray]:
        """Return the edge in front of a product, and the scale and shift by channel of what stands between them.

        Raises
        ------
        ModelError
            If what stands there is not affine, or as `end`.
        """
        edge, chain = self.end(data)
        coefficients = ew.affine(chain)
        if coefficients is None:
            raise ModelError(_UNSUPPORTED)
        scale, shift = (np.broadcast_to(c, self._importer.channels(data)) for c in coefficients)
        return edge, scale, shift

    def end(self, data: Data) -> tuple[str, Chain]:
        """Give the layer that made ``data`` what is affine and the ReLU behind it; return the edge and what is left.

        A ReLU behind what is no layer (a pool, branches side by side) becomes a layer of one weight a channel.

        Raises
        ------
        ModelError
            If the layer is read both in front of its ReLU and behind it.
        """
        if self._importer.input_on(data.edge) and not _relu_of(data.chain):
            return data.edge, data.chain
        known = self._folded.setdefault(data.edge, {})
        if data.chain not in known:
            if any(edge == data.edge and left != chain for chain, (edge, left) in known.items()):
                raise ModelError(
                    "in a float model a layer's output may be read behind its ReLU only, not in front as well"
                )
            known[data.chain] = self._fold(data, alone=not known and not self._is_read_before(data))
        return known[data.chain]

    def finished(self, data: Data) -> str:
        """Return the edge behind which nothing is left of the data's chain.

        Raises
        ------
        ModelError
            If that takes more than layers can do.
        """
        edge, chain = self.end(data)
        return self._pointwise(edge, chain, relu=False) if chain else edge

    def _is_read_before(self, data: Data) -> bool:
        """Say whether the model also reads what stands in front of the chain's end."""
        return any(
            isinstance(t, Data)
            and t.edge == data.edge
            and len(t.chain) < len(data.chain)
            and self._importer.readers[name] > 1
            for name, t in self._importer.tensors.items()
        )

    def _fold(self, data: Data, alone: bool) -> tuple[str, Chain]:
        """Put the chain into the layer that made the data if nobody else reads that (``alone``), or into a new one.

        Return the edge and what is left of the chain.
        """
        chain, nodes = data.chain, self._importer.result.nodes
        relu = _relu_of(chain)
        end = relu - 1 if relu else len(chain)
        coefficients = ew.affine(chain[:end])
        if coefficients is None or not chain:
            return data.edge, chain
        at = next((i for i, node in enumerate(nodes) if node.y == data.edge), None)
        made = nodes[at] if at is not None else None
        if at is not None and isinstance(made, FloatAdd) and relu == 1 and alone:
            nodes[at] = replace(made, relu=True)
        elif at is not None and isinstance(made, FloatDense) and not made.relu and alone:
            scale, shift = (np.broadcast_to(c, len(made.weights)) for c in coefficients)
            weights, bias = _finite(made.weights * scale[:, None]), _finite(made.bias * scale + shift)
            nodes[at] = replace(made, weights=weights, bias=bias, relu=bool(relu))
        elif relu:
            return self._pointwise(data.edge, chain[:end], relu=True), chain[relu:]
        else:
            return data.edge, chain
        return data.edge, chain[end + bool(relu) :]

    def _pointwise(self, edge: str, chain: Chain, *, relu: bool) -> str:
        """Append a layer that scales and shifts every channel by itself; return its edge."""
        coefficients = ew.affine(chain)
        if coefficients is None:
            raise ModelError(_UNSUPPORTED)
        scale, shift = (np.broadcast_to(c, self._importer.edge(edge).channels) for c in coefficients)
        return self.add(edge, scale[:, None], shift, relu=relu, groups=len(scale))


def _relu_of(chain: Chain) -> int:
    """Return how many operations stand in front of the ReLU, plus one; 0 if there is none."""
    return next((i + 1 for i, op in enumerate(chain) if getattr(op, "name", "") == "Relu"), 0)


def _finite(values: np.ndarray) -> np.ndarray:
    """Return weights or biases in float32, in which they must be finite."""
    with np.errstate(over="ignore"):
        values = np.asarray(values).astype(np.float32)
    if not np.isfinite(values).all():
        raise ModelError("its weights or biases are not finite in float32")
    return values
