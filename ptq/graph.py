"""A float ONNX model as post-training quantization sees it: layers with weights and biases, and the nodes between them.

They are in order: a `FloatLayer` for every product, the model's own node for everything else.
"""

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from fewbit.golden.importing.operators import Role, role_of
from fewbit.golden.model_file.file import ModelError, OnnxFile

__all__ = ["FloatLayer", "FloatModel", "Front"]

_FLOAT_BYTES = 4


@dataclass(eq=False)
class FloatLayer:
    """A product of data and weights, and its bias.

    Attributes
    ----------
    name : str
        The node's name in the model, or that of its output where it has none.
    kind : str
        ``Conv`` or ``MatMul`` (a Gemm is one, turned as needed).
    x, y : str
        The tensors in front and behind; y is behind whatever has been folded.
    weights : float32 array
        ``(N, C/groups, ...)`` of a convolution, also of a transposed one, ``(K, N)`` of a matrix product.
    bias : float32 array ``(N,)`` or None
    attributes : dict
        ONNX's attributes of a convolution, by name; empty for a matrix product.
    """

    name: str
    kind: str
    x: str
    y: str
    weights: np.ndarray
    bias: np.ndarray | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def input(self) -> list[str]:
        """The tensors that the layer reads, as a node has them."""
        return [self.x]

    @property
    def output(self) -> list[str]:
        """The tensors that the layer makes, as a node has them."""
        return [self.y]

    @property
    def axis(self) -> int:
        """The axis of the weights that stands for outputs."""
        return 0 if self.channels_first else 1

    @property
    def channels_first(self) -> bool:
        """Whether outputs are axis 1 of what the layer makes, as those of a convolution; else they are the last."""
        return self.kind != "MatMul"

    @property
    def neurons(self) -> int:
        """The number of outputs, N."""
        return self.weights.shape[self.axis]

    @property
    def rows(self) -> np.ndarray:
        """The weights as ``(N, K)``, K being the number of values that an output reads."""
        return np.moveaxis(self.weights, self.axis, 0).reshape(self.neurons, -1)

    def spread(self, values: npt.ArrayLike) -> np.ndarray:
        """Return ``values``, one number for each output, ``(N,)``, in a shape that broadcasts against the weights."""
        return np.reshape(values, (-1, *[1] * (self.weights.ndim - 1)) if self.axis == 0 else (1, -1))


@dataclass(frozen=True)
class Front:
    """A place between the steps of a model: ``tensors`` are all that the steps from ``position`` on read of data."""

    position: int
    tensors: tuple[str, ...]


@dataclass(eq=False)
class FloatModel:
    """A model that has been read.

    Attributes
    ----------
    file : golden.model_file.file.OnnxFile
    steps : list of FloatLayer and NodeProto, in order
    constants : dict of arrays
        The constant tensors by name, those that have been folded among them.
    data : set of str
        Tensors that depend on the values of the input, not on its shape alone.
    alias : dict of str
        The tensor that stands for one whose node does nothing.
    shapes : dict of tuples
        The shape of every tensor that depends on the input, for one sample.
    types : dict of NumPy types, of the same tensors
    """

    file: OnnxFile
    steps: list[FloatLayer | onnx.NodeProto]
    constants: dict[str, np.ndarray]
    data: set[str]
    alias: dict[str, str]
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    types: dict[str, np.dtype] = field(default_factory=dict)

    @property
    def layers(self) -> list[FloatLayer]:
        """The layers, in order."""
        return [s for s in self.steps if isinstance(s, FloatLayer)]

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs."""
        return [self.alias.get(name, name) for name in self.file.outputs]

    @property
    def sample_bytes(self) -> int:
        """The bytes of all tensors of data that the steps make of one sample, and of the sample."""
        names = [self.file.only.name, *(name for step in self.steps for name in step.output if name in self.data)]
        return sum(self.bytes_of(name) for name in names)

    def shape_of(self, name: str) -> tuple[int, ...]:
        """Return the shape of what a tensor of data has of one sample, without an axis of samples."""
        return (self.file.only.shape if name == self.file.only.name else self.shapes[name])[1:]

    def bytes_of(self, name: str) -> int:
        """Return the bytes of what a tensor of data has of one sample."""
        return prod(self.shape_of(name)) * _FLOAT_BYTES

    def front_at(self, position: int) -> Front:
        """Return the `Front` before the step of that number."""
        made = {self.file.only.name, *(name for step in self.steps[:position] for name in step.output)}
        read = dict.fromkeys(name for step in self.steps[position:] for name in step.input)
        return Front(position, tuple(name for name in read if name in made))

    @property
    def scores(self) -> str:
        """The tensor whose largest entry is the label: the first output, or what its ArgMax or TopK looks at."""
        name = self.outputs[0]
        made = self.maker(name)
        return made.input[0] if made is not None and role_of(made) is Role.LABEL else name

    def maker(self, name: str) -> onnx.NodeProto | None:
        """Return the node that makes a tensor; None for a layer's and for the input."""
        return next((s for s in self.steps if not isinstance(s, FloatLayer) and name in s.output), None)

    def readers(self, name: str) -> list[FloatLayer | onnx.NodeProto]:
        """Return the steps that read a tensor."""
        return [s for s in self.steps if name in s.input]

    def layer(self, which: str) -> FloatLayer:
        """Return a layer by its name, by ``first`` or ``last``, or by its number from 0 (from the end if negative).

        Raises
        ------
        ModelError
            If the model has no such layer; the message names those that it has.
        """
        names = {layer.name: layer for layer in self.layers}
        if which in names:
            return names[which]
        number = {"first": 0, "last": -1}.get(which)
        if number is None:
            try:
                number = int(which)
            except ValueError:
                number = len(self.layers)  # that of no layer
        try:
            return self.layers[number]
        except IndexError:
            raise ModelError(f"{self.file.path}: has no layer {which!r}; its layers are {', '.join(names)}") from None
