"""QONNX models for tests: a small graph builder, and random models in the styles of the exporters."""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper

from fewbit.golden.model_file.builder import ModelBuilder
from fewbit.golden.model_file.domains import QONNX, QONNX_DOMAINS

OPSETS = (9, 11, 13, 15, 17, 18, 21)
ROUNDINGS = ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN", "round", "floor", "half_up")


class Graph(ModelBuilder):
    """A model under construction, as exporters of one domain write it. ``op`` and ``const`` return tensor names."""

    def __init__(self, shape, *, opset=13, domain=QONNX, named=True, elem_type=TensorProto.FLOAT):
        super().__init__(opset=opset, ir_version=7 if opset < 19 else 10)
        self.domain, self.named = domain, named
        self.add_input("input", shape, helper.tensor_dtype_to_np_dtype(elem_type))

    def const(self, value, dtype=np.float32):
        return self.constant(np.array(value, dtype=dtype), f"const{len(self.constants)}", dtype)

    def op(self, kind, /, *inputs, count=1, domain="", **attributes):
        """Add a node; constants may be given as arrays."""
        inputs = [self.const(i) if not isinstance(i, str) else i for i in inputs]
        at = len(self.nodes)
        outputs = [f"t{at}" if i == 0 else f"t{at}_{i}" for i in range(count)]
        name = f"{kind}_{at}" if self.named else ""
        self.add(kind, *inputs, y=outputs, name=name, domain=domain, **attributes)
        return outputs[0] if count == 1 else outputs

    def quant(self, x, scale, zero=0.0, bits=4, signed=1, narrow=0, rounding_mode="ROUND"):
        return self.op("Quant", x, scale, zero, float(bits), domain=self.domain, signed=signed, narrow=narrow,
                       rounding_mode=rounding_mode)  # fmt: skip

    def bipolar(self, x, scale=1.0):
        return self.op("BipolarQuant", x, scale, domain=self.domain)

    def axes(self, kind, x, axes):
        """Add Squeeze or Unsqueeze, whose axes became an input in opset 13."""
        if self.opset >= 13:
            return self.op(kind, x, self.const(axes, np.int64))
        return self.op(kind, x, axes=axes)

    def clip(self, x, lo, hi):
        """Add Clip, whose bounds became inputs in opset 11."""
        return self.op("Clip", x, lo, hi) if self.opset >= 11 else self.op("Clip", x, min=lo, max=hi)

    def top_k(self, x, k):
        """Add TopK, whose k became an input in opset 10."""
        if self.opset >= 10:
            return self.op("TopK", x, self.const([k], np.int64), count=2)
        return self.op("TopK", x, k=k, count=2)

    def flatten(self, x, how, size):
        """Reshape to (batch, size), as the exporters do it."""
        if how == "flatten":
            return self.op("Flatten", x)
        if how == "reshape":
            return self.op("Reshape", x, self.const([-1, size], np.int64))
        batch = self.op("Gather", self.op("Shape", x), self.const(0, np.int64), axis=0)
        shape = [self.axes("Unsqueeze", t, [0]) for t in (batch, self.const(-1, np.int64))]
        return self.op("Reshape", x, self.op("Concat", *shape, axis=0))

    def end(self, *outputs):
        """Declare outputs; their types are the float or int64 that the making node gives."""
        for name in outputs:
            node = next((n for n in self.nodes if name in n.output), None)
            label = node is not None and (node.op_type == "ArgMax" or (node.op_type == "TopK" and name.endswith("_1")))
            self.add_output(name, dtype=np.int64 if label else np.float32)
        return self

    def model(self, **metadata):
        return super().model(metadata)

    def save(self, path, external=False, **metadata):
        if external:
            onnx.save(self.model(**metadata), str(path), save_as_external_data=True, location=path.name + ".data",
                      size_threshold=0)  # fmt: skip
        else:
            onnx.save(self.model(**metadata), str(path))
        return path


@dataclass
class Case:
    """A random model: its graph (for ``batch`` samples), how its input is declared, and floats to feed it."""

    graph: Graph
    spec: str | None
    x: np.ndarray
    style: dict


_SPECS = {  # declaration: floats of raw integers, computed as a user's float32 program would
    "uint8/255": (0, 255, lambda v: v / np.float32(255)),
    "int16f10": (-20000, 20000, lambda v: v / np.float32(1024)),
    "bipolar": (0, 1, lambda v: 2 * v - 1),
    "uint8/127.5-1": (0, 255, lambda v: (v.astype(np.float64) / 127.5 - 1).astype(np.float32)),
    "int8": (-128, 127, lambda v: v),
    "uint4*0.25+1": (0, 15, lambda v: v * np.float32(0.25) + 1),
}


def random_case(seed, *, samples=32, batch=None):
    """Return a random fully connected model. ``batch`` 0 makes the batch axis symbolic, None draws; samples feed it
    anyway."""
    rng = np.random.default_rng(seed)
    pick = lambda *options: options[rng.integers(len(options))]  # noqa: E731
    style = {
        "opset": int(pick(*OPSETS)), "domain": pick(*QONNX_DOMAINS), "exporter": pick("torchscript", "dynamo", "keras"),
        "flatten": pick("flatten", "reshape", "chain"), "dyadic": bool(pick(0, 0, 1)),
        "input": pick("quant", "quant", "sign", *_SPECS), "before": pick("", "", "2x-1", "/255", "+c"),
        "layers": int(rng.integers(1, 4)),
        "end": pick("logits", "logits", "affine", "Softmax", "LogSoftmax", "ArgMax", "Softmax ArgMax", "top1", "top3",
                    "codes"),
    }  # fmt: skip
    dims = pick((12,), (1, 4, 4), (3, 2, 2), (30,))
    size = int(np.prod(dims))
    drawn = pick(samples, samples, 0)
    batch = drawn if batch is None else batch
    graph = Graph(
        [batch or "N", *dims], opset=style["opset"], domain=style["domain"], named=style["exporter"] != "keras"
    )
    maker = _Maker(graph, rng, style)
    spec = style["input"] if style["input"] in _SPECS else None
    if spec:
        lo, hi, floats = _SPECS[spec]
        x = floats(rng.integers(lo, hi + 1, (samples, *dims)).astype(np.float32)).astype(np.float32)
    else:
        x = rng.normal(0, 1, (samples, *dims)).astype(np.float32)
    t = graph.flatten("input", style["flatten"], size) if len(dims) > 1 or rng.random() < 0.5 else "input"
    t = maker.before(t)
    if spec is None or rng.random() < 0.3:
        t = graph.bipolar(t) if style["input"] == "sign" else maker.activation_quant(t, size, spread=1.0)
    for layer in range(style["layers"]):
        last = layer == style["layers"] - 1
        width = int(rng.integers(3, 12)) if last else int(rng.integers(2, 20))
        t, spread = maker.dense(t, size, width)
        if not last or rng.random() < 0.3:
            t, spread = maker.norm(t, width, spread)
        if not last:
            t = maker.activation_quant(maker.activation(t), width, spread)
        size = width
    graph.end(*maker.finish(t, size, spread))
    return Case(graph, spec, x.astype(np.float32), style)


class _Maker:
    """Random parts of a model."""

    def __init__(self, graph, rng, style):
        self.graph, self.rng, self.style = graph, rng, style
        self.first = True

    def pick(self, *options):
        return options[self.rng.integers(len(options))]

    def scale(self, around, shape=()):
        """Return positive scales; powers of two in a dyadic model, so that the executor's sums are exact and ties
        occur."""
        scale = around * self.rng.uniform(0.7, 1.4, shape)
        return 2.0 ** np.round(np.log2(scale)) if self.style["dyadic"] else scale

    def before(self, t):
        g, how = self.graph, self.style["before"]
        if how == "2x-1":
            return g.op("Sub", g.op("Mul", t, 2.0), 1.0)
        if how == "/255":
            return g.op("Div", t, 255.0 / 128)
        return g.op("Add", t, 0.37) if how == "+c" else t

    def activation(self, t):
        g, how = self.graph, self.pick("", "Relu", "clip", "hardtanh", "leaky", "max")
        if how == "Relu":
            return g.op("Relu", t)
        if how == "clip":
            return g.clip(t, 0.0, 6.0)
        if how == "hardtanh":
            return g.clip(t, -1.0, 1.0)
        if how == "max":
            return g.op("Max", t, -0.5)
        return g.op("LeakyRelu", t, alpha=0.25) if how == "leaky" else t

    def activation_quant(self, t, width, spread):
        """Add any quantizer; a per-channel scale only in powers of two, so that the sum behind it stays one integer."""
        g, bits, signed = self.graph, int(self.rng.integers(1, 9)), int(self.rng.integers(2))
        if self.rng.random() < 0.15:
            return g.bipolar(t, self.scale(spread))
        step = spread * 4 / 2**bits if bits < 8 else spread / 30
        shape, scale = (), self.scale(step)
        if self.rng.random() < 0.2:
            shape = (1, width)
            scale = scale * 2.0 ** self.rng.integers(0, 3, shape)
        zero = float(self.rng.integers(0, 4)) if self.rng.random() < 0.3 else 0.0
        return g.quant(t, scale, zero, bits, signed, int(self.rng.integers(2)), self.pick(*ROUNDINGS))

    def weights(self, k, n, axis):
        """Add quantized weights with the output channels on ``axis``; returns (tensor, root mean square)."""
        g = self.graph
        shape = (n, k) if axis == 0 else (k, n)
        w = self.rng.normal(0, 0.3, shape)
        per_channel = (n, 1) if axis == 0 else (1, n)
        bits = int(self.rng.integers(1, 9))
        scales = self.pick((), (), per_channel)
        if bits == 1 and self.rng.random() < 0.7:
            return g.bipolar(g.const(w), self.scale(0.3, scales)), 0.3
        step = 0.9 / 2 ** (bits - 1) if bits > 1 else 0.3
        zero = float(self.rng.integers(-2, 3)) if self.rng.random() < 0.2 else 0.0
        signed = int(bits < 2 or self.rng.random() < 0.9)
        w = g.quant(
            g.const(w), self.scale(step, scales), zero, bits, signed, int(self.rng.integers(2)), self.pick(*ROUNDINGS)
        )
        return w, 0.3 + 2 * step * (zero != 0)

    def dense(self, t, k, n):
        g, exporter = self.graph, self.style["exporter"]
        spread = np.sqrt(k) * 0.3
        if exporter == "keras":
            w, rms = self.weights(k, n, 1)
            t = g.op("MatMul", t, w)
            return self.bias(t, n), spread * rms / 0.3
        w, rms = self.weights(k, n, 0)
        if exporter == "dynamo" or self.rng.random() < 0.5:
            attributes = {"transB": 1}
            if self.rng.random() < 0.3:
                attributes.update(alpha=0.5, beta=2.0)
            bias = [self.bias_constant(n)] if self.rng.random() < 0.7 or g.opset < 11 else []
            return g.op("Gemm", t, w, *bias, **attributes), spread * rms / 0.3
        t = g.op("MatMul", t, g.op("Transpose", w, perm=[1, 0]))
        return self.bias(t, n), spread * rms / 0.3

    def bias_constant(self, n):
        b = self.graph.const(np.round(self.rng.normal(0, 0.5, n) * 64) / 64)
        if self.rng.random() < 0.4:
            return self.graph.quant(b, 1 / 64, 0.0, 8, 1, 0)
        return b

    def bias(self, t, n):
        return self.graph.op("Add", t, self.bias_constant(n)) if self.rng.random() < 0.6 else t

    def norm(self, t, n, spread):
        if self.rng.random() < 0.4:
            return t, spread
        gamma = self.rng.normal(0, 1, n) + 0.1
        beta, mean = self.rng.normal(0, 0.5, n), self.rng.normal(0, 0.3, n)
        return self.graph.op("BatchNormalization", t, gamma, beta, mean, self.rng.uniform(0.3, 2, n) * spread**2), 1.0

    def finish(self, t, n, spread):
        g, end = self.graph, self.style["end"]
        if end == "affine":
            return [g.op("Add", g.op("Mul", t, np.full(1, 0.731)), [-0.25])]
        if end == "codes":
            return [self.activation_quant(t, n, spread)]
        if end in ("Softmax", "LogSoftmax"):
            return [g.op(end, t, axis=1)]
        if end == "Softmax ArgMax":
            return [g.op("ArgMax", g.op("Softmax", t, axis=1), axis=1)]
        if end == "ArgMax":
            return [g.op("ArgMax", t, axis=1, keepdims=int(self.rng.integers(2)))]
        return g.top_k(t, 1 if end == "top1" else 3) if end.startswith("top") else [t]
