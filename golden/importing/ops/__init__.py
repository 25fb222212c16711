"""ONNX's own operators, a family a file, which the models of every dialect have."""
