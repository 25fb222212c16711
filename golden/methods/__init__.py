"""Quantization methods, each defined once: formulas and their sources."""
