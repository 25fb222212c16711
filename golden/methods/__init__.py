"""Every quantizer of fewbit, defined once, in the Python array API, with its backward rule (`docs/quantizers.md`).

The golden model and the operators of the exchange file call these functions with NumPy arrays, the training with JAX
arrays: the same lines. Golden takes codes (`uniform_level`, `level_index`, `chance`) where training takes values. All
arithmetic is float32 where the arguments are.
"""

from .binary import binary_scale, sign, xnor
from .clusters import cluster, kmeans
from .dorefa import dorefa_activations, dorefa_sign, dorefa_weights, quantize_gradient, quantize_k
from .grid import exponential, power_of_two, rounded, to_grid
from .level_tables import (
    DIGITS,
    basis_levels,
    basis_quant,
    code_table,
    digit_sums,
    level_index,
    level_quant,
    midpoints,
)
from .powers import logarithmic, logarithmic_levels
from .regularization import deviation
from .steps import ROUNDINGS, lsq, lsq_init, pact, symmetric, uniform, uniform_level
from .stochastic import chance, drawn, stochastic_sign, stochastic_ternary
from .ternaries import ternary, ternary_learned, ternary_scale, twn, twn_threshold

__all__ = [
    "DIGITS",
    "ROUNDINGS",
    "basis_levels",
    "basis_quant",
    "binary_scale",
    "chance",
    "cluster",
    "code_table",
    "deviation",
    "digit_sums",
    "dorefa_activations",
    "dorefa_sign",
    "dorefa_weights",
    "drawn",
    "exponential",
    "kmeans",
    "level_index",
    "level_quant",
    "logarithmic",
    "logarithmic_levels",
    "lsq",
    "lsq_init",
    "midpoints",
    "pact",
    "power_of_two",
    "quantize_gradient",
    "quantize_k",
    "rounded",
    "sign",
    "stochastic_sign",
    "stochastic_ternary",
    "symmetric",
    "ternary",
    "ternary_learned",
    "ternary_scale",
    "to_grid",
    "twn",
    "twn_threshold",
    "uniform",
    "uniform_level",
    "xnor",
]
