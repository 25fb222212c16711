"""Quantization regularization: a loss that pulls weights to their levels."""

from .method import namespace

__all__ = ["deviation"]


def deviation(x, quantized):
    """``E (x - quantized)**2`` (Choi, El-Khamy and Lee 2018, MSQE); ``quantized`` counts as constant."""
    return namespace(x).mean((x - quantized) ** 2)
