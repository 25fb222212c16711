"""MobileNets of random weights: V1 (Howard and others 2017) and V2 (Sandler and others, CVPR 2018)."""

from pathlib import Path

from .float_network import FloatNetwork

__all__ = ["mobilenet_v1", "mobilenet_v2"]

_V1 = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
_V2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
_DIVISOR = 8  # of the channels of a network that is made narrower
_MOST = 6.0  # of a Relu6


def _narrowed(channels: int, width: float) -> int:
    """Return channels times ``width``, as a multiple of `_DIVISOR`."""
    return max(_DIVISOR, round(channels * width / _DIVISOR) * _DIVISOR)


def mobilenet_v1(path: Path, *, size: int = 224, width: float = 1.0, classes: int = 1000, seed: int = 1) -> None:
    """Write a MobileNetV1 as a float model: depthwise and pointwise convolutions in turn.

    Parameters
    ----------
    path : Path
    size : int
        The pixels along each side of the image of three channels.
    width : float
        What all channels are multiplied by.
    classes, seed : int
    """
    network = FloatNetwork(size, 3, seed, "mobilenet_v1")
    network.conv(_narrowed(32, width), 3, stride=2)
    network.relu(_MOST)
    for neurons, stride in _V1:
        network.conv(network.channels, 3, stride=stride, depthwise=True)
        network.relu(_MOST)
        network.conv(_narrowed(neurons, width), 1)
        network.relu(_MOST)
    network.classifier(classes)
    network.save(path)


def mobilenet_v2(path: Path, *, size: int = 224, width: float = 1.0, classes: int = 1000, seed: int = 1) -> None:
    """Write a MobileNetV2 as a float model: inverted residuals with linear bottlenecks.

    The parameters are those of `mobilenet_v1`.
    """
    network = FloatNetwork(size, 3, seed, "mobilenet_v2")
    network.conv(_narrowed(32, width), 3, stride=2)
    network.relu(_MOST)
    for expansion, neurons, count, first_stride in _V2:
        for k in range(count):
            _inverted_residual(network, expansion, _narrowed(neurons, width), first_stride if k == 0 else 1)
    network.conv(_narrowed(1280, max(1.0, width)), 1)
    network.relu(_MOST)
    network.classifier(classes)
    network.save(path)


def _inverted_residual(network: FloatNetwork, expansion: int, neurons: int, stride: int) -> None:
    """Add a block that widens, convolves each channel, and narrows; its input is added where shapes allow it."""
    shortcut, channels = network.x, network.channels
    if expansion > 1:
        network.conv(channels * expansion, 1)
        network.relu(_MOST)
    network.conv(network.channels, 3, stride=stride, depthwise=True)
    network.relu(_MOST)
    network.conv(neurons, 1, spread=0.7)
    if stride == 1 and channels == neurons:
        network.sum_with(shortcut)
