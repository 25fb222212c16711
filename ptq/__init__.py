"""Post-training quantization: a trained float ONNX model and some samples become a QONNX model, without training."""
