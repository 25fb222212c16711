"""Residual networks (He and others, CVPR 2016) of random weights: those of ImageNet, and those of CIFAR-10."""

from pathlib import Path

from .float_network import FloatNetwork

__all__ = ["BLOCKS", "one_convolution", "residual_cifar", "resnet"]

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}  # of each of the four stages, by depth
_BOTTLENECK = 4  # times the width of a block's convolutions, from depth 50 on


def resnet(
    path: Path, depth: int = 18, *, size: int = 224, width: int = 64, classes: int = 1000, seed: int = 1
) -> None:
    """Write a residual network as a float model.

    Parameters
    ----------
    path : Path
    depth : int
        One of `BLOCKS`.
    size : int
        The pixels along each side of the image of three channels; from 64 on the first layers reduce it by four.
    width : int
        The channels of the first stage; each further one has twice as many.
    classes, seed : int
    """
    network = FloatNetwork(size, 3, seed, f"resnet{depth}")
    large = size >= 64
    network.conv(width, 7 if large else 3, stride=2 if large else 1)
    network.relu()
    if large:
        network.max_pool(3, 2)
    for stage, blocks in enumerate(BLOCKS[depth]):
        for block in range(blocks):
            _block(network, width << stage, 2 if stage and not block else 1, bottleneck=depth >= 50)
    network.classifier(classes)
    network.save(path)


def residual_cifar(
    path: Path, depth: int = 20, *, size: int = 32, width: int = 16, classes: int = 10, seed: int = 1
) -> None:
    """Write a residual network of CIFAR-10 as a float model: three stages of ``(depth - 2) / 6`` blocks.

    Where a stage begins with another size, its shortcut is a 1x1 convolution (the paper's option B).

    Parameters
    ----------
    path : Path
    depth : int
        ``6*n + 2`` for blocks of two convolutions: 8, 20, 32, 44, 56, …
    size : int
        The pixels along each side of the image of three channels.
    width : int
        The channels of the first stage; each further one has twice as many.
    classes, seed : int

    Raises
    ------
    ValueError
        If there is no such network of this depth.
    """
    blocks, rest = divmod(depth - 2, 6)
    if blocks < 1 or rest:
        raise ValueError(f"Depth must be 6*n + 2 (8, 14, 20, …), not {depth!r}")
    network = FloatNetwork(size, 3, seed, f"resnet{depth}")
    network.conv(width, 3)
    network.relu()
    for stage in range(3):
        for block in range(blocks):
            _block(network, width << stage, 2 if stage and not block else 1, bottleneck=False)
    network.classifier(classes)
    network.save(path)


def one_convolution(path: Path, *, size: int, channels: int, neurons: int, kernel: int, seed: int = 1) -> None:
    """Write a convolution with a Relu alone, and behind it the average and ten neurons, as a float model.

    Parameters
    ----------
    path : Path
    size, channels : int
        The pixels along each side of what it reads, and its channels.
    neurons, kernel : int
        Its output channels, and the pixels along each side of its kernel.
    seed : int
    """
    network = FloatNetwork(size, channels, seed, "convolution")
    network.conv(neurons, kernel)
    network.relu()
    network.classifier(10)
    network.save(path)


def _block(network: FloatNetwork, width: int, stride: int, *, bottleneck: bool) -> None:
    """Add a block of two convolutions, or of three with a wide end, beside which its input is added."""
    shortcut, channels = network.x, network.channels
    end = width * _BOTTLENECK if bottleneck else width
    if bottleneck:
        network.conv(width, 1)
        network.relu()
        network.conv(width, 3, stride=stride)
        network.relu()
        branch = network.conv(end, 1, spread=0.5)
    else:
        network.conv(width, 3, stride=stride)
        network.relu()
        branch = network.conv(end, 3, spread=0.5)
    if stride > 1 or channels != end:
        network.x, network.channels = shortcut, channels
        shortcut = network.conv(end, 1, stride=stride, spread=0.7)
    network.x, network.channels = branch, end
    network.sum_with(shortcut)
    network.relu()
