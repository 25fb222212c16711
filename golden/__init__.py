"""The golden model: number formats, quantizers, the integer network and its execution. NumPy only."""
