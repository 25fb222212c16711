"""Model files: reading ONNX, the metadata that a build writes into it, and the domain of our own operators."""
