"""Brief training of a network in the formats that a search chose, from its float weights on (needs the extra `train`).

It is for models that came out of ``fewbit train``, whose recipe is known: the float recipe of the example with a
quantizer for each layer. Steps of weights and activations are learned (Esser and others 2020, LSQ), bipolar weights
have ``E|w|`` (Rastegari and others 2016). Only training images are used.
"""

from dataclasses import replace

import numpy as np

from golden.onnxfile import ModelError

__all__ = ["STEPS", "Retraining"]

STEPS = 2000
RATE = 1e-3  # peak of the learning rate: the network is trained already


class Retraining:
    """Trains the layers of a float model anew in few bits.

    Parameters
    ----------
    project : flow.floatmodel.FloatProject
    example : str
        An example of `train.catalogue` that has a recipe ``float32`` of the same layers.
    steps : int
    """

    def __init__(self, project, example, steps=STEPS):
        try:
            from train.catalogue import EXAMPLES
        except ModuleNotFoundError as error:
            raise ModelError(
                f"retraining needs the package {error.name}: run `make train`, which installs it"
            ) from None
        known = [name for name, e in EXAMPLES.items() if "float32" in e.recipes]
        if example not in known:
            raise ModelError(f"retraining is for examples with a float recipe, {', '.join(known)}, not {example!r}")
        self.project, self.example, self.steps = project, EXAMPLES[example], steps
        self.recipe = self.example.recipes["float32"]
        self.start = _parameters(project, self.recipe)
        self.split, _ = self.example.dataset.load()
        self.images = self.example.dataset.augment(self.split.raw, copies=self.recipe.copies, seed=self.recipe.seed)

    def train(self, bits, progress=None):
        """QONNX, as bytes, of the network trained with `ptq.quantize.Bits` by layer."""
        from train import export, fit

        recipe = self._recipe(bits)
        images, label = self.images, self.split.label
        params, _ = fit.train(recipe, self.example.dataset, images, label, progress, start=self.start)
        return export.build(recipe, self.example.dataset, params).SerializeToString(deterministic=True)

    def _recipe(self, bits):
        from train.layers import ByLayer
        from train.quantize import Float
        from train.scaled import Lsq, Symmetric, Xnor

        def weights(b, last):
            return Xnor(per_channel=not last) if b == 1 else Symmetric(2**b - 1)

        names, wanted = self.recipe.names, [bits[layer.name] for layer in self.project.model.layers]
        by_name = {name: weights(b.weights, name == names[-1]) for name, b in zip(names, wanted, strict=True)}
        # What a layer reads is the activation behind the one in front of it.
        behind = {name: Lsq(b.activations) for name, b in zip(names, wanted[1:], strict=False)}
        return replace(
            self.recipe, name="retrained", weight=ByLayer(Float(), **by_name), act=ByLayer(Float(), **behind),
            steps=self.steps, rate=RATE, decay=0.0,
        )  # fmt: skip


def _parameters(project, recipe):
    """The float network's parameters, from the initializers that `train.export` named."""
    constants = project.model.file.constants
    params = []
    for number, name in enumerate(recipe.names, 1):
        p = {"weight": constants.get(f"{name}.weight")}
        if number < len(recipe.names):
            p |= {what: constants.get(f"bn{number}.{what}") for what in ("gamma", "beta", "mean", "var")}
        if any(value is None or np.ndim(value) > 2 for value in p.values()):
            raise ModelError(
                f"{project.path}: cannot be retrained, as it is not the dense float network that the example's recipe "
                "makes (`fewbit train`)"
            )
        params.append(p)
    if len(project.model.layers) != len(params):
        raise ModelError(f"{project.path}: has {len(project.model.layers)} layers, and the recipe {len(params)}")
    return params
