"""Quantization regularization: a loss that pulls weights to their levels."""

from .method import Array, namespace

__all__ = ["deviation"]


def deviation(x: Array, quantized: Array) -> Array:
    """Return ``E (x - quantized)**2`` (Choi, El-Khamy and Lee 2018, MSQE); ``quantized`` counts as constant."""
    return namespace(x).mean((x - quantized) ** 2)
