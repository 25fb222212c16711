"""The commands around post-training quantization: ``quantize``, ``sensitivity``, ``search``."""
