"""ONNX's own quantization and onnxruntime's operators on integers: QDQ models, and models of ``QLinear…`` operators."""
