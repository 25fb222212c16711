"""Model files: reading and writing ONNX, the metadata that a build writes into it, and our own operators."""
