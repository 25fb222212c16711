"""Networks of 64-64-32-10 that all tools build: the same integers, as a model for ours and as arrays for theirs.

A hidden layer is ``clip((x @ weights + bias) >> shift, 0, 2**bits - 1)``, or, with one bit, +1 where
``x @ weights + bias`` is not negative, else -1. The last layer gives ten sums.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewbit.golden.model_file.builder import ModelBuilder
from fewbit.golden.model_file.file import INPUT_KEY

__all__ = ["WIDTHS", "PeerNetwork", "networks", "write_model"]

WIDTHS = (64, 64, 32, 10)


@dataclass(frozen=True)
class PeerNetwork:
    """A network as arrays of integers.

    Attributes
    ----------
    bits : int
        The bits of inputs and activations; 1 is bipolar.
    weight_bits : int
        The bits of weights: 1 is bipolar, 2 ternary, more are signed without the lowest code.
    weights : list of int arrays ``(inputs, neurons)``
    biases : list of int arrays ``(neurons,)``
        The biases of the hidden layers.
    shifts : list of int
        The distances by which the sums of the hidden layers are shifted right.
    """

    bits: int
    weight_bits: int
    weights: list[np.ndarray]
    biases: list[np.ndarray]
    shifts: list[int]

    def inputs(self, count: int, seed: int = 2) -> np.ndarray:
        """Return random inputs, values ``(count, 64)``."""
        values = [-1, 1] if self.bits == 1 else np.arange(2**self.bits)
        return np.random.default_rng(seed).choice(values, (count, WIDTHS[0]))

    def activate(self, sums: np.ndarray, layer: int) -> np.ndarray:
        """Return the activations of a hidden layer, of its sums without biases."""
        sums = sums + self.biases[layer]
        if self.bits == 1:
            return np.where(sums >= 0, 1, -1)
        return np.clip(sums >> self.shifts[layer], 0, 2**self.bits - 1)

    def hidden(self, x: np.ndarray) -> list[np.ndarray]:
        """Return the activations of every hidden layer."""
        found = []
        for layer in range(len(self.biases)):
            x = self.activate(x @ self.weights[layer], layer)
            found.append(x)
        return found

    def sums(self, x: np.ndarray) -> np.ndarray:
        """Return the ten results of every row of ``x``."""
        return self.hidden(x)[-1] @ self.weights[-1]


def random_network(bits: int, weight_bits: int, seed: int = 1) -> PeerNetwork:
    """Return a network of random weights whose activations take all of their values.

    Biases and shifts follow from the sums of random inputs.
    """
    rng = np.random.default_rng([seed, bits, weight_bits])
    most = max(1, 2 ** (weight_bits - 1) - 1)
    values = [-1, 1] if weight_bits == 1 else np.arange(-most, most + 1)
    weights = [rng.choice(values, shape) for shape in zip(WIDTHS[:-1], WIDTHS[1:], strict=True)]
    network = PeerNetwork(bits, weight_bits, weights, [], [])
    x = network.inputs(500)
    for layer in range(len(weights) - 1):
        sums = x @ weights[layer]
        spread = float(sums.std(axis=0).mean())
        shift = 0 if bits == 1 else max(0, round(np.log2(3 * spread / 2**bits)))  # three deviations are all codes
        middle = 0 if bits == 1 else 2 ** (bits + shift - 1)
        jitter = rng.normal(0, 0.3 * spread, sums.shape[1])
        network.biases.append(np.rint(middle - sums.mean(axis=0) + jitter).astype(np.int64))
        network.shifts.append(shift)
        x = network.activate(sums, layer)
    return network


def networks() -> dict[str, PeerNetwork]:
    """Return the three networks of the benchmark by name."""
    return {
        "1-bit": random_network(1, 1),
        "ternary weights, 2-bit activations": random_network(2, 2),
        "4-bit": random_network(4, 4),
    }


def write_model(network: PeerNetwork, path: Path) -> None:
    """Write a network as QONNX."""
    model = ModelBuilder(name="peers")

    def quantized(x, bits, signed):
        if bits == 1:
            return model.bipolar_quant(x, 1)
        return model.quant(x, 1, 0, bits, signed=signed, narrow=signed, rounding="FLOOR")

    x = quantized(model.add_input("x", [1, WIDTHS[0]]), network.bits, 0)
    for layer, weights in enumerate(network.weights):
        x = model.add("MatMul", x, quantized(model.constant(weights), network.weight_bits, 1))
        if layer < len(network.biases):
            x = model.add("Mul", model.add("Add", x, network.biases[layer]), 2.0 ** -network.shifts[layer])
            x = quantized(x, network.bits, 0)
    model.add_output(x, [1, WIDTHS[-1]])
    model.save(path, {INPUT_KEY: "bipolar" if network.bits == 1 else f"uint{network.bits}"})
