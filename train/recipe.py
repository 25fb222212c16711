"""A recipe is all that determines a trained network."""

from dataclasses import dataclass, field

from .layers import Choice, DenseLayer, Layer, product_names, quantizer_of
from .quantize import Float, Quantizer, Uniform
from .stochastic import GradientBits

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """Everything that determines one trained network.

    Parameters
    ----------
    name : str
        The name of the network, and of its file.
    weight, act : quantize.Quantizer or layers.ByLayer
        Quantizers of weights and of activations. Activations come behind a ReLU unless theirs takes both signs.
    input : quantize.Quantizer
        The quantizer of the input; a bipolar one takes ``2x - 1``.
    gradient : stochastic.GradientBits or None
        The quantizer of what comes back to the output of each product.
    branch : quantize.Quantizer
        The quantizer of what goes into a sum.
    layers : tuple of layers.Layer
        All layers but the last, which gives a logit for each class.
    steps, batch, copies : int
        Steps of the optimizer, images of each step, and versions of each image (`data.Dataset`).
    calibration : int or None
        How many images measure the statistics of batch norm; None means all.
    rate : float
        The peak of the learning rate, which falls along a cosine.
    smoothing : float
        The share of the target that is spread over all classes.
    decay : float
        The weight decay (AdamW); 0 where latent weights are clipped.
    pull : float
        The weight of the loss that pulls weights to their levels, summed over the layers (`golden.methods.deviation`).
    gain : float
        The loss sees ``gain * logits``. Integer logits are too steep for the softmax otherwise. It does not change
        which is the largest, so it is not exported.
    seed : int
        The seed of the weights to begin with, of the order of the images, and of random numbers.

    Raises
    ------
    ValueError
        If a number is too small, a layer is named that does not exist, or a quantizer has not the role that it is
        given.
    """

    name: str
    weight: Choice = field(default_factory=Float)
    act: Choice = field(default_factory=Float)
    input: Quantizer = field(default_factory=Float)
    gradient: GradientBits | None = None
    branch: Quantizer = field(default_factory=lambda: Uniform(8, signed=True))
    layers: tuple[Layer, ...] = (DenseLayer(64), DenseLayer(64))
    steps: int = 6000
    batch: int = 256
    copies: int = 32
    calibration: int | None = None
    rate: float = 1e-2
    smoothing: float = 0.1
    decay: float = 0.0
    pull: float = 0.0
    gain: float = 1.0
    seed: int = 1

    def __post_init__(self):
        for what in ("steps", "batch", "copies"):
            if getattr(self, what) < 1:
                raise ValueError(f"Recipe's {what} must be at least 1, not {getattr(self, what)!r}")
        known = {"first", "last", *self.names}
        for what in ("weight", "act"):
            unknown = {name for name, _ in getattr(getattr(self, what), "others", ())} - known
            if unknown:
                raise ValueError(
                    f"Layers of Recipe's {what} must be of {', '.join(sorted(known))}, not {', '.join(sorted(unknown))}"
                )
        for role, quantizers in (("weights", self.weights), ("activations", (*self.activations, self.input))):
            for quantizer in quantizers:
                if role not in quantizer.roles:
                    raise ValueError(
                        f"Recipe's {role} cannot be quantized by {quantizer}, which is for {quantizer.roles[0]}"
                    )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the products, in order."""
        return product_names(self.layers)

    @property
    def weights(self) -> tuple[Quantizer, ...]:
        """The quantizer of each product's weights, in order."""
        return tuple(quantizer_of(self.weight, name, self.names) for name in self.names)

    @property
    def activations(self) -> tuple[Quantizer, ...]:
        """The quantizer behind each product but the last, in order."""
        return tuple(quantizer_of(self.act, name, self.names) for name in self.names[:-1])

    @property
    def random(self) -> bool:
        """Whether inference takes random numbers."""
        return any(quantizer.random for quantizer in self.activations)
