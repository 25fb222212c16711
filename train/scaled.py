"""Quantizers whose scale is measured from the weights, or learned.

Scales have ``precision`` significant bits (`golden.methods.to_grid`), so that the exported floats are integers times a
power of two and the hardware computes with just these. Learned scales are kept as their logarithm, ``2**exponent``:
they stay positive, and a step of the optimizer is a ratio.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from fewbit.golden import methods
from fewbit.golden.model_file.domains import EXCHANGE

from .autodiff import apply
from .parameters import Array
from .quantize import ESTIMATORS, Operator, Quantizer, bipolar_operator, check_bits, quant

__all__ = [
    "Lsq",
    "Pact",
    "Symmetric",
    "TernaryLearned",
    "Ttq",
    "Twn",
    "Xnor",
]


def channels(x: Array, per_channel: bool) -> tuple[int, ...] | None:
    """Return the axes that share a scale: None for all, or all but the last, which is that of channels."""
    return tuple(range(x.ndim - 1)) if per_channel else None


@dataclass(frozen=True)
class Xnor(Quantizer):
    """XNOR-Net's weights (`golden.methods.xnor`; Rastegari and others 2016): the sign times ``E|w|``."""

    per_channel: bool = True
    precision: int | None = 8
    ste: str = "clipped"

    roles = ("weights",)
    limit = 1.0
    rectified = False

    def __call__(self, x, state=None):
        axis = channels(x, self.per_channel)
        return apply(methods.xnor, x, axis=axis, bits=self.precision, ste=ESTIMATORS[self.ste])

    def operator(self, x, state):
        y = np.abs(np.asarray(self(x)))
        return bipolar_operator(y.max(channels(x, self.per_channel), keepdims=True))

    def started(self, x):
        return x


@dataclass(frozen=True)
class Twn(Quantizer):
    """Ternary weight networks (`golden.methods.twn`; Li and others 2016)."""

    per_channel: bool = False
    precision: int | None = 8

    roles = ("weights",)

    def __call__(self, x, state=None):
        return apply(methods.twn, x, axis=channels(x, self.per_channel), bits=self.precision)

    def operator(self, x, state):
        scale = np.abs(np.asarray(self(x))).max(channels(x, self.per_channel), keepdims=True)
        return quant(np.where(scale > 0, scale, 1), 2, signed=True)


@dataclass(frozen=True)
class TernaryLearned(Quantizer):
    """Ternary weights of `golden.methods.ternary_learned`: threshold and scale are learned, beginning with TWN's."""

    precision: int | None = 8

    roles = ("weights",)

    def init(self, x, reach):
        delta = methods.twn_threshold(x)
        scale = methods.ternary_scale(x, delta)
        return {"delta": jnp.log2(delta.reshape(())), "scale": jnp.log2(scale.reshape(()))}

    def _scale(self, state):
        return apply(methods.exponential, state["scale"], bits=self.precision)

    def __call__(self, x, state):
        delta = apply(methods.exponential, state["delta"], bits=None)
        return apply(methods.ternary_learned, x, delta, self._scale(state))

    def operator(self, x, state):
        return quant(self._scale(state), 2, signed=True)


@dataclass(frozen=True)
class Ttq(Quantizer):
    """Trained ternary quantization (`golden.methods.ternary`; Zhu and others 2017), two learned scales, for weights.

    The threshold is ``threshold * max|w|``.
    """

    threshold: float = 0.05
    precision: int | None = 8

    roles = ("weights",)

    def _delta(self, x):
        return self.threshold * jnp.max(jnp.abs(x))

    def init(self, x, reach):
        scale = methods.ternary_scale(x, self._delta(x)).reshape(())
        return {"exponents": jnp.log2(jnp.stack([scale, scale]))}

    def _scales(self, state):
        return apply(methods.exponential, state["exponents"], bits=self.precision)

    def __call__(self, x, state):
        positive, negative = self._scales(state)
        return apply(methods.ternary, x, self._delta(x), positive, negative)

    def stored(self, x, state):
        """Return the codes -1, 0 and 1, for which the operator's threshold is 1/2."""
        return np.sign(np.asarray(self(x, state)))

    def operator(self, x, state):
        positive, negative = self._scales(state)
        return Operator("TernaryQuant", {"delta": 0.5, "positive": positive, "negative": negative}, domain=EXCHANGE)


class _Learned(Quantizer):
    """A quantizer of a learned step, ``2**state["exponent"]`` on the grid."""

    precision: int | None

    def _step(self, state):
        return apply(methods.exponential, state["exponent"], bits=self.precision)


@dataclass(frozen=True)
class Lsq(_Learned):
    """Learned step size (`golden.methods.lsq`; Esser and others 2020).

    The integers are ``-2**(bits-1)`` to ``2**(bits-1) - 1`` if signed, else 0 to ``2**bits - 1``.
    """

    bits: int
    signed: bool = False
    precision: int | None = 5

    def __post_init__(self):
        check_bits(self.bits, 2 if self.signed else 1)

    @property
    def lo(self):
        return -(2 ** (self.bits - 1)) if self.signed else 0

    @property
    def hi(self):
        return 2 ** (self.bits - self.signed) - 1

    @property
    def rectified(self):
        return not self.signed

    def init(self, x, reach):
        return {"exponent": jnp.log2(methods.lsq_init(x, self.hi))}

    def __call__(self, x, state, count):
        return apply(methods.lsq, x, self._step(state), lo=self.lo, hi=self.hi, count=count)

    def weights(self, x, state, draws):
        return self(x, state, x.size)

    def activations(self, x, state, draws):
        return self(x, state, x[0].size)

    def operator(self, x, state):
        return quant(self._step(state), self.bits, signed=self.signed, narrow=False)


@dataclass(frozen=True)
class Pact(_Learned):
    """PACT's activations (`golden.methods.pact`; Choi and others 2018): a learned clip."""

    bits: int
    precision: int | None = 5

    roles = ("activations",)

    def __post_init__(self):
        check_bits(self.bits, 1)

    def init(self, x, reach):
        return {"exponent": jnp.float32(np.log2(reach / (2**self.bits - 1)))}

    def __call__(self, x, state):
        return apply(methods.pact, x, self._step(state), bits=self.bits)

    def operator(self, x, state):
        return quant(self._step(state), self.bits, signed=False)


@dataclass(frozen=True)
class Symmetric(_Learned):
    """An odd number of levels, zero in the middle, with a learned step (`golden.methods.symmetric`).

    Raises
    ------
    ValueError
        If ``levels`` is no odd number from 3 to 255.
    """

    levels: int
    precision: int | None = 5

    rectified = False

    def __post_init__(self):
        if self.levels not in range(3, 256, 2):
            raise ValueError(f"Levels must be an odd number from 3 to 255, not {self.levels!r}")

    def init(self, x, reach):
        return {"exponent": jnp.log2(methods.lsq_init(x, (self.levels - 1) // 2))}

    def __call__(self, x, state):
        return apply(methods.symmetric, x, self._step(state), levels=self.levels)

    def operator(self, x, state):
        step, top = np.asarray(self._step(state)), (self.levels - 1) // 2
        if self.levels + 1 == 1 << self.levels.bit_length():
            return quant(step, self.levels.bit_length(), signed=True)
        return Operator("LevelQuant", {"levels": step * np.arange(-top, top + 1, dtype=np.float32)}, domain=EXCHANGE)
