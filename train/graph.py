"""A `ptq.graph.FloatModel` becomes a function in JAX by a walk over its steps, up to what the label is chosen by."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import onnx

from fewbit.golden.importing.operators import Role, role_of
from fewbit.golden.model_file.file import ModelError, attributes_of, describe, evaluate
from fewbit.ptq.graph import FloatLayer, FloatModel

from .operations import OPERATIONS, OperatorCall, convolution
from .parameters import Array

__all__ = ["Graph"]


class Graph:
    """A float model as a function in JAX, up to what its label is chosen by.

    Parameters
    ----------
    model : ptq.graph.FloatModel

    Raises
    ------
    ModelError
        If the model has an operation that cannot be differentiated.
    """

    def __init__(self, model: FloatModel):
        self.model, self.end = model, model.scores
        last = model.maker(self.end)
        if last is not None and role_of(last) is Role.PROBABILITIES:  # the loss has its own
            self.end = last.input[0]
        wanted = {self.end}
        self.steps: list[FloatLayer | onnx.NodeProto] = []
        for step in reversed(model.steps):
            if wanted.intersection(step.output):
                wanted.update(step.input)
                self.steps.insert(0, step)
                if not isinstance(step, FloatLayer) and step.op_type not in OPERATIONS and step.output[0] in model.data:
                    raise ModelError(f"{describe(step)}: cannot be retrained; supported are {', '.join(OPERATIONS)}")

    @property
    def layers(self) -> list[FloatLayer]:
        """The layers, in order."""
        return [step for step in self.steps if isinstance(step, FloatLayer)]

    def logits(
        self, x: Array, parameters: Callable[[FloatLayer], tuple[Array, Array | None]],
        coded: Callable[[str, jax.Array], jax.Array] = lambda name, x: x,
        watch: Callable[[FloatLayer, jax.Array], object] | None = None,
    ) -> jax.Array:  # fmt: skip
        """Return what the label is chosen by, ``(B, ...)``, of samples ``x`` ``(B, ...)``.

        Parameters
        ----------
        parameters : callable
            ``parameters(layer)`` gives the layer's weights, and its bias or None.
        coded : callable
            ``coded(tensor, values)`` gives what the readers of a tensor see of it, as a quantizer behind it leaves it.
        watch : callable or None
            Told every layer and the outputs of it, ``(B, ...)``.

        Raises
        ------
        ModelError
            If shapes or attributes are such that a node cannot be differentiated.
        """
        start, x = self.model.file.only.name, jnp.asarray(x)
        made, seen = x, {start: coded(start, x)}
        for step in self.steps:
            operands = [seen.get(name, self.model.constants.get(name)) if name else None for name in step.input]
            if isinstance(step, FloatLayer):
                found = [self._product(step, operands[0], *parameters(step))]
                if watch:
                    watch(step, found[0])
            else:
                found = self._made(step, operands)
            for name, values in zip(step.output, found, strict=True):
                seen[name] = coded(name, values) if name in self.model.data else values
                made = values if name == self.end else made
        return made if self.end == self.model.scores else seen[self.end]

    def _product(self, layer, x, weights, bias):
        if layer.kind == "MatMul":
            y = x @ weights
            return y if bias is None else y + bias
        y = convolution(x, weights, layer.attributes, self.model.shapes[layer.y])
        return y if bias is None else y + bias.reshape(-1, *[1] * (y.ndim - 2))

    def _made(self, node, operands):
        """Return the outputs of a node; what depends on shapes alone is computed by onnxruntime."""
        known = all(a is None or isinstance(a, np.ndarray | np.generic) for a in operands)
        if known and role_of(node) is not Role.SHAPE:
            return evaluate(self.model.file, node, operands)
        shapes = [self.model.shapes.get(name) for name in node.output]
        try:
            call = OperatorCall(self.model.file, node, attributes_of(node), shapes)
            found = OPERATIONS[node.op_type](call, *operands)
        except (TypeError, NotImplementedError) as error:  # JAX's, of shapes that do not fit and of what it lacks
            raise ModelError(f"{describe(node)}: cannot be retrained: {error}") from None
        return found if isinstance(found, list) else [found]
