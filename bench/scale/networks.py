"""The networks of ``docs/scale.md``: deep and wide ones of random weights, each quantized and folded in a few ways."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.networks.mobilenet import mobilenet_v1, mobilenet_v2
from bench.networks.residual import one_convolution, residual_cifar, resnet

__all__ = ["EDGE_BITS", "GROWING", "NETWORKS", "ScaledNetwork"]

EDGE_BITS = 8
"""Bits of the first and of the last layer, unless a network says otherwise."""


@dataclass(frozen=True)
class ScaledNetwork:
    """A network of random weights, its bits, and the cycles a frame that it is folded to.

    Attributes
    ----------
    make : callable
        Writes the float model to a path.
    bits : int
        Of weights and of activations.
    cycles : int
        A frame, at most.
    size : float
        What `GROWING` compares: its depth, its pixels or its width, against the others of its family.
    samples : int
        Random samples for calibration.
    first : int
        Bits of the first layer; the last one has `EDGE_BITS`, as is usual.
    frames : int
        Whole frames that are simulated in Verilator, the proofs of what is simulated by its behaviour included.
    """

    make: Callable[[Path], None]
    bits: int
    cycles: int
    size: float = 0
    samples: int = 4
    first: int = EDGE_BITS
    frames: int = 0


NETWORKS = {
    "MobileNetV1 x0.25, 96 px, w4a4": ScaledNetwork(partial(mobilenet_v1, size=96, width=0.25), 4, 24_576, frames=1),
    "MobileNetV1 x0.25, 224 px, w4a4": ScaledNetwork(partial(mobilenet_v1, size=224, width=0.25), 4, 200_000),
    "MobileNetV1, 224 px, w4a4": ScaledNetwork(mobilenet_v1, 4, 200_000),
    "MobileNetV2, 224 px, w4a4": ScaledNetwork(mobilenet_v2, 4, 200_000),
    "ResNet-20, 32 px, w2a2": ScaledNetwork(partial(residual_cifar, depth=20), 2, 16_384, frames=1),
    "ResNet-56, 32 px, w2a2": ScaledNetwork(partial(residual_cifar, depth=56), 2, 16_384),
    "ResNet-18, 224 px, w2a2": ScaledNetwork(partial(resnet, depth=18), 2, 200_000),
    "ResNet-18, 224 px, w4a4": ScaledNetwork(partial(resnet, depth=18), 4, 200_000),
    "ResNet-50, 224 px, w2a2": ScaledNetwork(partial(resnet, depth=50), 2, 200_000),
    "ResNet-50, 224 px, w4a4": ScaledNetwork(partial(resnet, depth=50), 4, 200_000),
    "A layer of ResNet-50 (3x3, 256 to 256 channels, 14 px), w4a4": ScaledNetwork(
        partial(one_convolution, size=14, channels=256, neurons=256, kernel=3), 4, 200_000, first=4, frames=1
    ),
}

GROWING = {
    "depth": {
        f"ResNet-{n}": ScaledNetwork(partial(residual_cifar, depth=n), 2, 65_536, size=n) for n in (8, 14, 20, 32, 56)
    },
    "pixels": {
        f"{n} px": ScaledNetwork(partial(mobilenet_v1, size=n, width=0.25), 4, 4 * n * n, size=n * n)
        for n in (64, 96, 128, 192, 256)
    },
    "weights": {
        f"x{w}": ScaledNetwork(partial(mobilenet_v1, size=64, width=w), 4, 65_536, size=w * w)
        for w in (0.25, 0.5, 0.75, 1.0)
    },
}
"""Families in which one thing grows: blocks of a residual network, pixels of the image, and weights by channels."""
