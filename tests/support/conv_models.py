"""Random convolutional models: geometry, groups, padding, pools, residual sums, concatenations, layouts."""

import numpy as np

from fewbit.golden.model_file.domains import QONNX_DOMAINS
from tests.support.conv_parts import ConvParts
from tests.support.graphs import _SPECS, OPSETS, Case, Graph

BLOCKS = ("conv", "conv", "conv", "depthwise", "residual", "residual", "concat", "maxpool", "avgpool", "upsample",
          "pad", "slice", "trunc", "shuffle")  # fmt: skip
ENDS = ("flatten", "flatten", "gap", "mean", "gmp", "image", "fully", "two", "label")


def random_conv_case(seed, *, samples=6, batch=None):
    """Return a random convolutional model; ``batch`` 0 makes the batch axis symbolic."""
    rng = np.random.default_rng(seed)
    pick = lambda *options: options[rng.integers(len(options))]  # noqa: E731
    style = {
        "opset": int(pick(*OPSETS)), "domain": pick(*QONNX_DOMAINS), "dyadic": bool(pick(0, 1)),
        "exporter": pick("torchscript", "keras"), "signal": bool(rng.random() < 0.25),
        "layout": pick("NCHW", "NCHW", "NHWC"), "input": pick("quant", "quant", "sign", *_SPECS),
        "before": pick("", "", "2x-1", "/255", "channels"), "end": pick(*ENDS),
        "blocks": [pick(*BLOCKS) for _ in range(rng.integers(1, 5))],
    }  # fmt: skip
    if style["opset"] < 10:
        style["blocks"] = [b for b in style["blocks"] if b not in ("slice", "upsample", "pad")] or ["conv"]
    size = (int(pick(9, 16, 17)),) if style["signal"] else tuple(int(n) for n in rng.integers(5, 9, 2))
    shape = (int(pick(1, 2, 3)), *size)
    dims = (*size, shape[0]) if style["layout"] == "NHWC" else shape
    batch = samples if batch is None else batch
    graph = Graph([batch or "N", *dims], opset=style["opset"], domain=style["domain"])
    maker = ConvMaker(graph, rng, style, shape)
    spec = style["input"] if style["input"] in _SPECS else None
    if spec:
        lo, hi, floats = _SPECS[spec]
        x = floats(rng.integers(lo, hi + 1, (samples, *dims)).astype(np.float32))
    else:
        x = rng.normal(0, 1, (samples, *dims))
    maker.start(spec)
    for block in style["blocks"]:
        getattr(maker, block)()
    graph.end(*maker.ending(style["end"]))
    return Case(graph, spec, x.astype(np.float32), style)


class ConvMaker(ConvParts):
    """Blocks of a model, and its end."""

    def conv(self):
        groups = int(self.pick(*(n for n in (1, 1, 2, 3) if self.shape[0] % n == 0)))
        self.add_conv(groups * int(self.rng.integers(1, 5)), groups=groups)

    def depthwise(self):
        self.quantize(channels=True)
        self.add_conv(self.shape[0] * int(self.pick(1, 1, 2)), groups=self.shape[0])

    def residual(self):
        """Add a branch and the skipped tensor (or its projection), each with its own quantizer, one for both, or
        none."""
        g, how = self.graph, self.pick("own", "own", "shared", "raw", "twice")
        skipped, shape, spread = self.t, self.shape, self.spread
        channels = shape[0] if how == "twice" or self.rng.random() < 0.5 else int(self.rng.integers(2, 6))
        a = self.add_conv(channels, quantized=how == "own", affine=how in ("raw", "twice"), same=True)
        if channels != shape[0]:
            self.shape, self.spread, self.t = shape, spread, skipped
            kernel = [1] * self.rank
            b = self.add_conv(channels, quantized=how == "own", affine=how == "raw", kernel=kernel, same=True)
        else:
            b = skipped
        if how == "shared":
            self.spread = max(self.spread, spread)
            scale = self.scale(self.spread / 3)
            a, b = (g.quant(t, scale, 0.0, 4, 1, 0) for t in (a, b))
        elif how == "raw":
            a, b = (self.quantize(t=a), b) if channels == shape[0] else (a, b)
        kind = self.pick("Add", "Add", "Add", "Sub")
        self.t = g.op(kind, a, b)
        self.spread = (self.spread + spread) / 1.4
        if how == "twice":
            self.t = g.op("Add", self.t, self.quantize(t=skipped))
        if self.rng.random() < 0.6:
            self.t = g.op("Relu", self.t)
        self.quantize()

    def concat(self):
        g, start, shape, spread = self.graph, self.t, self.shape, self.spread
        parts, sign = [], self.pick(True, None, None)
        channels = [int(n) for n in self.rng.integers(1, 4, self.pick(2, 2, 3))]
        for n in channels:
            self.shape, self.spread = shape, spread
            self.add_conv(n, quantized=False, same=True, t=start)
            parts.append(self.quantize(sign=sign))
        if self.rng.random() < 0.5:
            parts.append(start)
            channels.append(shape[0])
        self.t = g.op("Concat", *parts, axis=self.pick(1, -self.rank - 1) if g.opset >= 11 else 1)
        self.shape = (sum(channels), *shape[1:])
        self.quantize()

    def maxpool(self):
        attributes, out = self.geometry(pool=True)
        if self.graph.opset < 11:
            del attributes["dilations"]
        raw = self.rng.random() < 0.3
        if raw:
            self.add_conv(self.shape[0], quantized=False, same=True)
        self.t, self.shape = self.graph.op("MaxPool", self.t, **attributes), (self.shape[0], *out)
        if raw or self.rng.random() < 0.3:
            self.quantize()

    def avgpool(self):
        attributes, out = self.geometry(pool=True)
        del attributes["dilations"]
        k, s = attributes["kernel_shape"], attributes["strides"]
        if attributes["auto_pad"] == "NOTSET":
            total = [n + a + b for n, a, b in zip(self.shape[1:], attributes["pads"], attributes["pads"][self.rank :],
                                                  strict=False)]  # fmt: skip
            out = tuple((n - a) // b + 1 for n, a, b in zip(total, k, s, strict=True))
        elif attributes["auto_pad"] == "VALID":
            out = tuple((n - a) // b + 1 for n, a, b in zip(self.shape[1:], k, s, strict=True))
        self.t = self.graph.op("AveragePool", self.t, count_include_pad=int(self.rng.integers(2)), **attributes)
        self.shape = (self.shape[0], *out)
        self.quantize()

    def trunc(self):
        """Add Brevitas' truncating average: the sum of the integers, of which the highest bits stay."""
        g = self.graph
        scale = self.scale(self.spread / 4)
        self.t = g.quant(self.t, scale, 0.0, 4, 0, 0)
        if min(self.shape[1:]) < 2:
            return
        k = [2] * self.rank
        t = g.op("AveragePool", self.t, kernel_shape=k, strides=k)
        t = g.op("Mul", t, float(2**self.rank))
        bits = 4.0 + self.rank
        self.t = g.op(
            "Trunc", t, scale, 0.0, bits, 4.0, domain=g.domain, rounding_mode=self.pick("FLOOR", "ROUND", "CEIL")
        )
        self.t = g.op("Div", self.t, 1.0)
        self.shape = (self.shape[0], *(n // 2 for n in self.shape[1:]))

    def upsample(self):
        factors = [int(n) for n in self.rng.integers(1, 3, self.rank)]
        scales = np.float32([1, 1, *factors])
        if self.graph.opset == 10:
            self.t = self.graph.op("Resize", self.t, scales, mode="nearest")
        else:
            roi = np.zeros(2 * len(scales)) if self.graph.opset == 11 else ""
            self.t = self.graph.op("Resize", self.t, roi, scales, mode="nearest", nearest_mode="floor",
                                   coordinate_transformation_mode="asymmetric")  # fmt: skip
        self.shape = (self.shape[0], *(n * f for n, f in zip(self.shape[1:], factors, strict=True)))

    def pad(self):
        pads = [int(n) for n in self.rng.integers(0, 3, 2 * self.rank)]
        at = [0, 0, *pads[: self.rank], 0, 0, *pads[self.rank :]]
        if self.graph.opset >= 11:
            self.t = self.graph.op("Pad", self.t, self.graph.const(at, np.int64), mode="constant")
        else:
            self.t = self.graph.op("Pad", self.t, pads=at, mode="constant")
        self.shape = (
            self.shape[0],
            *(n + a + b for n, a, b in zip(self.shape[1:], pads, pads[self.rank :], strict=False)),
        )
        self.pick(self.conv, self.conv, self.maxpool)()

    def slice(self):
        if self.shape[0] == 1:
            return self.conv()
        const = [self.graph.const(v, np.int64) for v in ([1], [self.shape[0]], [1])]
        self.t, self.shape = self.graph.op("Slice", self.t, *const), (self.shape[0] - 1, *self.shape[1:])
        return self.conv()

    def shuffle(self):
        """Mix the channels of groups, as ShuffleNet does it."""
        if self.shape[0] % 2:
            return self.conv()
        g, size = self.graph, self.shape[1:]
        t = g.op("Reshape", self.t, g.const([-1, 2, self.shape[0] // 2, *size], np.int64))
        t = g.op("Transpose", t, perm=[0, 2, 1, *range(3, 3 + self.rank)])
        self.t = g.op("Reshape", t, g.const([-1, *self.shape], np.int64))
        return self.conv()

    # Ends

    def ending(self, end):
        g, axes = self.graph, list(range(2, 2 + self.rank))
        if end == "image":
            return [self.add_conv(2, quantized=False)]
        if end == "two":
            first = self.add_conv(3)
            return [first, self.add_conv(2)]
        if end == "gap":
            t, size = g.op("GlobalAveragePool", self.t), self.shape[0]
        elif end == "gmp":
            t, size = g.op("GlobalMaxPool", self.t), self.shape[0]
        elif end == "mean":
            if g.opset >= 18:
                t = g.op("ReduceMean", self.t, g.const(axes, np.int64), keepdims=int(self.rng.integers(2)))
            else:
                t = g.op("ReduceMean", self.t, axes=axes, keepdims=int(self.rng.integers(2)))
            size = self.shape[0]
        elif end == "fully":
            self.add_conv(3, quantized=False, affine=True, kernel=[1] * self.rank, same=True)
            return [g.op("Flatten", g.op("GlobalAveragePool", self.t))]
        else:
            t, size = self.t, int(np.prod(self.shape))
        t = g.flatten(t, self.pick("flatten", "reshape"), size)
        t, _ = self.dense(t, size, 5)
        return [g.op("ArgMax", t, axis=1)] if end == "label" else [t]
