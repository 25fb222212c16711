"""Golden on one sample, code by code beside the reference, whose own codes it goes on with where both differ.

So every code is compared for the same inputs, and what one difference does to the codes behind it is no difference
again. A code that differs is a *tie* if the bounds of the reference's float sums (`flow.checking.bounds`) reach across
the boundary between the two codes: the real value lies on it, within what float32 tells apart.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from fewbit.golden.importing.operators import operator_of
from fewbit.golden.importing.tensors import Data
from fewbit.golden.importing.walk import Walk
from fewbit.golden.network.execute import execute, output_of
from fewbit.golden.numbers.elementwise import affine, apply

from .bounds import UNIT, FloatBounds
from .references.onnx_executors import OnnxReference

__all__ = ["SteeredSample", "Steering"]


@dataclass(frozen=True)
class SteeredSample:
    """What a sample gives when golden goes on with the reference's codes.

    Attributes
    ----------
    outputs : dict of arrays
        Golden's outputs by name, ``(1, ...)``.
    codes : int
        Codes that differ, each for the same inputs.
    ties : int
        How many of them are ties.
    """

    outputs: dict[str, np.ndarray]
    codes: int
    ties: int


class Steering:
    """The network of a model as its walk makes it, and where its edges stand in the model.

    Parameters
    ----------
    walk : golden.importing.walk.Walk
    reference : OnnxReference
    """

    def __init__(self, walk: Walk, reference: OnnxReference):
        self._network, self._reference = walk.network, reference
        self._edges = walk.network.edges()
        self._quantized: dict[str, list[tuple[onnx.NodeProto, Data]]] = {}
        self._bounded = _bounded(reference.file.nodes)
        for node in reference.file.nodes:
            data = walk.tensors.get(node.output[0])
            if _gives_codes(node) and isinstance(data, Data) and data.edge in self._edges:
                self._quantized.setdefault(data.edge, []).append((node, data))

    def run(self, number: int, values: np.ndarray, tensors: Mapping[str, np.ndarray]) -> SteeredSample:
        """Execute the network on a sample.

        Parameters
        ----------
        number : int
            Number of the sample since reset.
        values : integer array (1, ...)
            What the network takes.
        tensors : dict of arrays
            Every tensor of the sample, as the reference gives them.
        """
        bounds, counts = FloatBounds(self._reference, tensors), np.zeros(2, dtype=np.int64)
        found = {}
        for given, part in zip(self._network.inputs, self._network.apart(values), strict=True):
            edge = self._edges[given.edge]
            found[given.edge] = given.arranged(part).reshape(1, edge.pixels, edge.channels)
            counts += self._compared(given.edge, found, tensors, bounds)
        for node in self._network.nodes:
            found[node.y] = execute(node.from_frame(number), *(found[name] for name in node.inputs))
            counts += self._compared(node.y, found, tensors, bounds)
        outputs = {o.name: output_of(o, found[o.edge]) for o in self._network.outputs}
        return SteeredSample(outputs, int(counts[0]), int(counts[1]))

    def _compared(
        self,
        edge: str,
        found: dict[str, np.ndarray],
        tensors: Mapping[str, np.ndarray],
        bounds: FloatBounds,
    ) -> np.ndarray:
        """Give an edge the reference's codes; return how many were others, and how many of those are ties."""
        counts = np.zeros(2, dtype=np.int64)
        for node, data in self._quantized.get(edge, ()):
            name = node.output[0]
            theirs, index = np.asarray(tensors[self._bounded.get(name, name)]).reshape(-1), data.index.reshape(-1)
            theirs = theirs[: theirs.size // self._reference.copies]
            if theirs.size != index.size:
                continue
            floats = apply(data.chain, found[edge]) if data.chain else found[edge]
            mine = floats.reshape(-1)[index]
            differs = mine != theirs
            if differs.any():
                counts += (differs.sum(), (differs & self._tied(node, bounds, mine)).sum())
                self._replace(found, edge, data, index[differs], theirs[differs])
        return counts

    def _tied(self, node: onnx.NodeProto, bounds: FloatBounds, mine: np.ndarray) -> np.ndarray:
        """Say for each value that a quantizer gives whether golden's lies within the bounds of what it reads."""
        if node.op_type == "QLinearAveragePool":
            value, away = (a.reshape(-1)[: mine.size] for a in bounds.average_of_codes(node))
            return (np.rint(value - away) <= mine) & (mine <= np.rint(value + away))
        read, *more = bounds.operands(node)
        if read is None or read.dtype.kind != "f":  # integers have no rounding
            return np.zeros(mine.shape, dtype=bool)
        x = read.astype(np.float64)
        away = bounds.of(node.input[0]) + UNIT * abs(x)
        ends = []
        for sign in (-1, 1):
            moved = np.nextafter((x + sign * away).astype(np.float32), np.float32(sign * np.inf))
            given = [moved.astype(read.dtype), *more]
            ends.append(np.asarray(self._reference.evaluate(node, given)[0], dtype=np.float64).reshape(-1))
        ends = [end[: mine.size] for end in ends]
        return (np.minimum(*ends) <= mine) & (mine <= np.maximum(*ends))

    def _replace(
        self, found: dict[str, np.ndarray], edge: str, data: Data, places: np.ndarray, theirs: np.ndarray
    ) -> None:
        """Put the integers that floats ``theirs`` stand for to some places of an edge, as far as there are such."""
        coefficients = affine(data.chain)
        if coefficients is None:
            return
        channel = places % self._edges[edge].channels
        scale, shift = (np.broadcast_to(c, self._edges[edge].channels)[channel] for c in coefficients)
        values = found[edge].copy()
        flat, wanted = values.reshape(-1), np.rint((theirs.astype(np.float64) - shift) / scale)
        fmt = self._edges[edge].format
        flat[places] = np.clip(wanted, fmt.lo, fmt.hi).astype(values.dtype)
        found[edge] = values


def _bounded(nodes: Sequence[onnx.NodeProto]) -> dict[str, str]:
    """Return what a Clip makes of each tensor that only the Clip reads, by the tensor's name.

    The import takes a quantizer and such a Clip as one quantizer of fewer codes.
    """
    readers = Counter(name for node in nodes for name in node.input)
    clips = (node for node in nodes if node.op_type == "Clip")
    return {node.input[0]: node.output[0] for node in clips if readers[node.input[0]] == 1}


def _gives_codes(node: onnx.NodeProto) -> bool:
    """Say whether a node is a quantizer, or an operator that has one in it."""
    operator = operator_of(node)
    return operator is not None and operator.quantizes
