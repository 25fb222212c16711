"""Import of ``ConvTranspose``: a convolution whose channels are the pixels of a block, ``stride`` times ``stride``.

Output pixel ``o`` of an axis takes input pixel ``i`` by tap ``k`` where ``o = i*stride + k*dilation - pad``. With
``o + pad = q*stride + r`` that is ``i = q - (k*dilation - r)/stride``, so pixels of one remainder ``r`` are those of an
ordinary convolution over ``q``, and no product with an inserted zero is computed. What stands where is the index's
affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd

import numpy as np

from fewbit.golden.importing.layout import by_channel, image
from fewbit.golden.importing.operands import constant, data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant, Data, Integers
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.window import Window
from fewbit.golden.numbers import elementwise as ew

from .convolutions import convolution


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """One axis of a transposed convolution: sizes in and out, taps, stride, dilation, and what is cut off in front."""

    size: int
    out: int
    taps: int
    stride: int
    dilation: int
    pad: int

    @cached_property
    def offsets(self) -> list[tuple[int, int, int]]:
        """``(r, k, e)``: output pixels of the remainder r read input pixel ``q - e`` by tap k."""
        found = []
        for k in range(self.taps):
            place = k * self.dilation
            found.append((place % self.stride, k, place // self.stride))
        return found

    @property
    def most(self) -> int:
        """The largest offset, which the first tap of a window reads."""
        return max(e for _, _, e in self.offsets)

    @property
    def step(self) -> int:
        """What all offsets are a multiple of: the dilation of the windows."""
        return gcd(*(e for _, _, e in self.offsets)) or 1

    @property
    def kernel(self) -> int:
        """Taps of a window, the last of which reads the offset 0."""
        return self.most // self.step + 1

    @property
    def first(self) -> int:
        """The ``q`` of the first window: that of the first output pixel, or an earlier one without padding."""
        return min(self.pad // self.stride, self.most)

    @property
    def pads(self) -> tuple[int, int]:
        """Pixels in front of and behind the image."""
        last = (self.out - 1 + self.pad) // self.stride
        return self.most - self.first, max(0, last - (self.size - 1))

    def tap(self, r: int, t: int) -> int:
        """Return the model's tap that tap ``t`` of a window is for the remainder ``r``; -1 if it is none."""
        offset = self.most - t * self.step
        return next((k for rest, k, e in self.offsets if (rest, e) == (r, offset)), -1)

    def place(self, o: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the window, and the remainder, of output pixels."""
        q, r = np.divmod(o + self.pad, self.stride)
        return q - self.first, r


@handles("ConvTranspose", role=Role.PRODUCT)
def conv_transpose(importer, node, inputs, attributes):
    """Import ONNX ``ConvTranspose`` of one or two dimensions."""
    data = data_of(inputs[0])
    if not isinstance(inputs[1], Constant):
        raise ModelError("weights must be a constant")
    shape, groups = constant(inputs[1], "weights").shape, attributes.get("group", 1)
    if len(shape) not in (3, 4) or len(shape) != len(data.shape):
        raise ModelError(
            f"only transposed convolutions of one or two dimensions are supported, not data of shape {data.shape} and "
            f"weights of shape {shape}"
        )
    if groups < 1 or data.shape[1] != shape[0] or shape[0] % groups or 0 in shape:
        raise ModelError(f"{groups} groups, data of shape {data.shape} and weights of shape {shape} do not fit")
    signal = len(shape) == 3
    axes = _axes(data.shape[2:], shape[2:], attributes)
    weights = inputs[1].reshaped(lambda w: w[:, :, None, :]) if signal else inputs[1]
    if signal:
        axes = [_Axis(size=1, out=1, taps=1, stride=1, dilation=1, pad=0), *axes]
    data = image(importer, data)
    try:
        window = Window(
            size=data.shape[2:],
            kernel=tuple(a.kernel for a in axes),
            dilation=tuple(a.step for a in axes),
            pads=tuple(a.pads[end] for end in (0, 1) for a in axes),
        )
    except ValueError as error:
        raise ModelError(error) from None
    edge, chain = convolution(importer, data, _by_block(weights, axes, groups), window, groups)
    index = _index(window, axes, groups, shape[1])
    y = Data(edge, index[:, :, 0] if signal else index, chain)
    if len(inputs) > 2 and inputs[2] is not None:
        bias = constant(inputs[2], "bias").astype(np.float32)
        if bias.shape != (groups * shape[1],):
            raise ModelError(f"a bias of shape {bias.shape} does not fit {groups * shape[1]} channels")
        y, bias = by_channel(importer, y, bias.reshape(1, -1, *[1] * (len(shape) - 2)))
        y = y.then(ew.WithConstant("add", bias))
    return [y]


def _axes(size: Sequence[int], kernel: Sequence[int], attributes) -> list[_Axis]:
    """Return the axes, with the output's size as ONNX defines it."""
    rank = len(size)

    def values(name: str, default: int) -> list[int]:
        given = list(attributes.get(name) or [default] * rank)
        if len(given) != rank:
            raise ModelError(f"{name} must be {rank} numbers, not {given}")
        return given

    strides, dilations, extra = values("strides", 1), values("dilations", 1), values("output_padding", 0)
    named = tuple(values("kernel_shape", 0))
    if min(strides + dilations) < 1 or min(extra) < 0 or named not in (tuple(kernel), (0,) * rank):
        raise ModelError(f"strides {strides}, dilations {dilations} or kernel_shape do not fit a kernel of {kernel}")
    pads, auto = list(attributes.get("pads") or [0] * 2 * rank), attributes.get("auto_pad", "NOTSET")
    wanted = attributes.get("output_shape")
    found = []
    for k in range(rank):
        full = strides[k] * (size[k] - 1) + extra[k] + (kernel[k] - 1) * dilations[k] + 1
        if wanted or auto in ("SAME_UPPER", "SAME_LOWER"):
            out = wanted[-rank + k] if wanted else size[k] * strides[k]
            total = max(0, full - out)
            before = total // 2 if auto == "SAME_UPPER" else total - total // 2
        else:
            before, after = (0, 0) if auto == "VALID" else (pads[k], pads[rank + k])
            out = full - before - after
        if out < 1 or before < 0:
            raise ModelError(f"pads {pads} of a kernel of {kernel} leave nothing of its output")
        found.append(_Axis(size=size[k], out=out, taps=kernel[k], stride=strides[k], dilation=dilations[k], pad=before))
    return found


def _by_block(b: Constant, axes: Sequence[_Axis], groups: int) -> Constant:
    """Return weights (C, N/groups, kh, kw) as rows of a convolution, (groups * blocks * N/groups, taps * C/groups)."""
    blocks = [range(a.stride) for a in axes]
    ky, kx = (
        np.array([[a.tap(r, t) for t in range(a.kernel)] for r in rs]) for a, rs in zip(axes, blocks, strict=True)
    )
    there = ((ky >= 0)[:, None, :, None] & (kx >= 0)[None, :, None, :])[None, :, :, None, :, :, None]

    def rows(w: np.ndarray) -> np.ndarray:
        picked = w[:, :, np.maximum(ky, 0)][..., np.maximum(kx, 0)]  # C, N/groups, ry, ty, rx, tx
        picked = picked.reshape(groups, -1, *picked.shape[1:])
        picked = picked.transpose(0, 3, 5, 2, 4, 6, 1)  # group, ry, rx, neuron, ty, tx, channel
        return picked

    def flat(w: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(w).reshape(np.prod(w.shape[:4]), -1)

    array = flat(np.where(there, rows(b.array), np.zeros(1, dtype=b.array.dtype)))
    if b.integers is None:
        return Constant(array)
    codes, scale, zero = (rows(v) for v in (b.integers.codes, b.integers.scale, b.integers.zero))
    codes = np.where(there, codes, np.rint(zero).astype(np.int64))
    zero = np.where(there, zero, np.rint(zero))
    return Constant(array, Integers(flat(codes), flat(scale), flat(zero)))


def _index(window: Window, axes: Sequence[_Axis], groups: int, neurons: int) -> np.ndarray:
    """Return where output pixels stand on the edge of the convolution: (1, N, H, W)."""
    (qy, ry), (qx, rx) = (a.place(np.arange(a.out)) for a in axes)
    shape = *window.out_size, groups, axes[0].stride, axes[1].stride, neurons
    places = np.arange(np.prod(shape)).reshape(shape)
    picked = places[qy[:, None], qx[None, :], :, ry[:, None], rx[None, :]]  # H, W, group, neuron
    return picked.reshape(*picked.shape[:2], -1).transpose(2, 0, 1)[None]
