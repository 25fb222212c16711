"""Float models of random weights, made layer by layer: what networks of images are made of before quantization."""

from pathlib import Path

import numpy as np

from fewbit.golden.model_file.builder import ModelBuilder

__all__ = ["FloatNetwork"]


class FloatNetwork:
    """A convolutional network under construction, batch norms folded into its convolutions as exporters do it.

    Weights are drawn so that values keep their spread from layer to layer (He and others 2015).

    Parameters
    ----------
    size, channels : int
        The pixels along each side of the image, and its channels.
    seed : int
    name : str
        The graph's name.

    Attributes
    ----------
    x : str
        The tensor behind which the network grows.
    channels : int
        The channels of that tensor.
    """

    def __init__(self, size: int, channels: int, seed: int, name: str):
        self.model, self.rng = ModelBuilder(name=name, opset=17), np.random.default_rng(seed)
        self.x, self.channels = self.model.add_input("image", ["N", channels, size, size]), channels

    def conv(self, neurons: int, kernel: int, *, stride: int = 1, depthwise: bool = False, spread: float = 1.0) -> str:
        """Add a convolution that pads to keep the size; with ``depthwise``, of each channel by itself."""
        fan_in = kernel * kernel * (1 if depthwise else self.channels)
        weights = self.rng.normal(0, spread * (2 / fan_in) ** 0.5, (neurons, fan_in // kernel**2, kernel, kernel))
        bias = self.rng.normal(0, 0.1 * spread, neurons)
        self.x = self.model.add("Conv", self.x, weights, bias, strides=[stride] * 2, pads=[kernel // 2] * 4,
                                kernel_shape=[kernel] * 2, group=self.channels if depthwise else 1)  # fmt: skip
        self.channels = neurons
        return self.x

    def relu(self, most: float | None = None) -> str:
        """Add a Relu, or a Clip from 0 to ``most``."""
        self.x = self.model.add("Relu", self.x) if most is None else self.model.add("Clip", self.x, 0.0, most)
        return self.x

    def sum_with(self, other: str) -> str:
        """Add the sum with another tensor of the same shape."""
        self.x = self.model.add("Add", self.x, other)
        return self.x

    def max_pool(self, kernel: int, stride: int) -> str:
        """Add a max pool that pads by half of its kernel."""
        self.x = self.model.add("MaxPool", self.x, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                                pads=[kernel // 2] * 4)  # fmt: skip
        return self.x

    def classifier(self, classes: int) -> None:
        """End the network in the average over all pixels and a dense layer."""
        x = self.model.add("Flatten", self.model.add("GlobalAveragePool", self.x))
        weights = self.rng.normal(0, (1 / self.channels) ** 0.5, (classes, self.channels))
        x = self.model.add("Gemm", x, weights, self.rng.normal(0, 0.1, classes), transB=1, y="logits")
        self.model.add_output(x, ["N", classes])

    def save(self, path: Path) -> None:
        """Write the model."""
        self.model.save(path)
