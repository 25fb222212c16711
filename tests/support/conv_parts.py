"""Parts of random convolutional models: quantizers, weights, windows that fit, convolutions."""

import numpy as np

from tests.support.graphs import _Maker


class ConvParts(_Maker):
    """Parts of a model behind one another: tensor ``t`` of ``shape`` (channels first), its floats about ``spread``."""

    def __init__(self, graph, rng, style, shape):
        super().__init__(graph, rng, style)
        self.t, self.shape, self.spread = "input", shape, 1.0

    @property
    def rank(self):
        return len(self.shape) - 1

    def per_channel(self, values):
        return np.reshape(values, (1, -1, *[1] * self.rank))

    def start(self, spec):
        g, how = self.graph, self.style["before"]
        if self.style["layout"] == "NHWC":
            perm = [0, self.rank + 1, *range(1, self.rank + 1)]
            self.t = g.op("Transpose", self.t, perm=perm)
        if how == "channels":
            mean = self.rng.integers(-2, 3, self.shape[0]) / 4
            self.t = g.op("Div", g.op("Sub", self.t, self.per_channel(mean)), self.per_channel([0.5] * self.shape[0]))
        else:
            self.t = self.before(self.t)
        if spec is None or self.rng.random() < 0.5 or how == "channels":
            self.quantize(sign=self.style["input"] == "sign")

    def quantize(self, *, sign=None, channels=False, scale=None, t=None):
        """Add a quantizer; scales per channel differ by powers of two, so that the sum behind them stays one
        integer."""
        g, t = self.graph, self.t if t is None else t
        bits, signed = int(self.pick(2, 3, 4, 5, 8)), int(self.rng.integers(2))
        if sign or (sign is None and self.rng.random() < 0.15):
            self.t = g.bipolar(t, self.scale(self.spread))
            return self.t
        if scale is None:
            scale = self.scale(self.spread * 4 / 2**bits)
            if channels and self.rng.random() < 0.4:
                scale = scale * self.per_channel(2.0 ** self.rng.integers(0, 3, self.shape[0]))
        zero = float(self.rng.integers(-2, 4)) if self.rng.random() < 0.3 else 0.0
        self.t = g.quant(
            t, scale, zero, bits, signed, int(self.rng.integers(2)), self.pick("ROUND", "FLOOR", "HALF_UP")
        )
        self.spread = max(self.spread, float(np.abs(scale).mean()))
        return self.t

    def conv_weights(self, shape):
        g = self.graph
        w, bits = self.rng.normal(0, 0.3, shape), int(self.rng.integers(1, 5))
        scales = self.pick((), (), (shape[0], *[1] * (len(shape) - 1)))
        if bits == 1:
            return g.bipolar(g.const(w), self.scale(0.3, scales))
        zero = float(self.rng.integers(-1, 2)) if self.rng.random() < 0.2 else 0.0
        return g.quant(g.const(w), self.scale(0.9 / 2 ** (bits - 1), scales), zero, bits, 1, int(self.rng.integers(2)))

    def geometry(self, *, kernel=None, pool=False, same=False):
        """Return attributes of a window that fits, and the size that it gives."""
        size, n = self.shape[1:], self.rank
        while True:
            k = kernel or [int(self.rng.choice([1, 2, 3, 3, 5])) for _ in range(n)]
            s = [1] * n if same else [int(self.rng.choice([1, 1, 2, 3])) for _ in range(n)]
            d = [int(self.rng.choice([1, 1, 1, 2])) for _ in range(n)]
            if pool and self.graph.opset < 11:
                d = [1] * n
            spans = [(a - 1) * b + 1 for a, b in zip(k, d, strict=True)]
            auto = "NOTSET" if same or self.rng.random() < 0.6 else self.pick("SAME_UPPER", "SAME_LOWER", "VALID")
            if same:
                pads = [(p - 1) // 2 for p in spans] + [p // 2 for p in spans]
            else:
                pads = [int(self.rng.integers(0, 2 if pool else 3)) for _ in range(2 * n)]
                pads = [min(p, a - 1) if pool else p for p, a in zip(pads, k * 2, strict=True)]
            if auto != "NOTSET" and any(b > 1 for b in d):  # onnxruntime supports no dilation there
                continue
            if pool and any(a < b for a, b in zip(k, s, strict=True)):  # nor negative padding
                continue
            total = [a + pads[i] + pads[n + i] if auto == "NOTSET" else a for i, a in enumerate(size)]
            out = [(a - b) // c + 1 for a, b, c in zip(total, spans, s, strict=True)]
            if auto.startswith("SAME"):
                out = [-(-a // c) for a, c in zip(size, s, strict=True)]
            if min(out) >= 1 and all(a >= b for a, b in zip(total, spans, strict=True)):
                attributes = {"kernel_shape": k, "strides": s, "dilations": d, "auto_pad": auto}
                if auto == "NOTSET":
                    attributes["pads"] = pads
                return attributes, tuple(out)

    def add_conv(self, channels, *, groups=1, quantized=True, affine=False, t=None, **geometry):
        g = self.graph
        attributes, out = self.geometry(**geometry)
        shape = (channels, self.shape[0] // groups, *attributes["kernel_shape"])
        inputs = [self.t if t is None else t, self.conv_weights(shape)]
        if self.rng.random() < 0.5:
            inputs.append(self.bias_constant(channels))
        if self.rng.random() < 0.5:
            del attributes["kernel_shape"]
        self.t = g.op("Conv", *inputs, group=groups, **attributes)
        self.shape = (channels, *out)
        self.t, self.spread = self.norm(self.t, channels, self.spread * 0.3 * np.sqrt(np.prod(shape[1:])))
        if self.rng.random() < 0.6 and not affine:
            self.t = self.activation(self.t)
        if quantized:
            self.quantize(channels=groups == channels)
        return self.t
