"""The exchange dialect: our own operators, for quantizers that QONNX has none of (docs/exchange.md)."""
