"""What models of one bit with random weights are built of: layers' weights and activations, and the file."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["BipolarModel"]

DOMAIN = "qonnx.custom_op.general"


class BipolarModel:
    """A QONNX model under construction, whose weights and activations are bipolar.

    Parameters
    ----------
    seed : int
        Seed of the weights and of the batch norms.
    constants : float by name
        Scalars that nodes may name, besides ``one``.
    """

    def __init__(self, seed, **constants):
        self._rng = np.random.default_rng(seed)
        self._nodes = []
        self._constants = {name: np.float32(value) for name, value in (constants | {"one": 1}).items()}

    def add(self, kind, *inputs, **attributes):
        """Add a node of one output; return its name, which is the output's too."""
        name = f"{kind}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def quantized(self, x):
        """Return the signs of ``x``."""
        return self.add("BipolarQuant", x, "one", domain=DOMAIN)

    def weights(self, *shape):
        """Return random weights of this shape."""
        return self.quantized(self._constant(self._rng.choice([-1.0, 1.0], shape)))

    def activation(self, x, count, fan_in):
        """Return the signs of ``count`` channels of ``x``, sums of ``fan_in`` products each, behind a batch norm."""
        rng, spread = self._rng, fan_in**0.5
        norm = (rng.uniform(0.5, 1.5, count), rng.normal(0, 0.3, count), rng.normal(0, 0.3, count) * spread,
                rng.uniform(0.5, 1.5, count) * fan_in)  # fmt: skip
        return self.quantized(self.add("BatchNormalization", x, *map(self._constant, norm), epsilon=1e-5))

    def _constant(self, array):
        name = f"c{len(self._constants)}"
        self._constants[name] = np.asarray(array, dtype=np.float32)
        return name

    def write(self, path, name, *, shape, end, end_shape, declaration, end_type=TensorProto.FLOAT):
        """Write the model.

        Parameters
        ----------
        path : Path
            File; its folder is made.
        name : str
            Name of the graph.
        shape, end_shape : list of int
            Shape of the input ``x`` and of the output.
        end : str
            Name of the output.
        declaration : str
            What the input is, as `golden.numbers.declaration` reads it.
        end_type : TensorProto.DataType
            Type of the output's elements.
        """
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
        outputs = [helper.make_tensor_value_info(end, end_type, end_shape)]
        tensors = [numpy_helper.from_array(array, constant) for constant, array in self._constants.items()]
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 1)]
        graph = helper.make_graph(self._nodes, name, inputs, outputs, tensors)
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        helper.set_model_props(model, {"fewbit.input": declaration})
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, path)
