"""Quantization-aware training in JAX and export to QONNX (the extra ``train``)."""
