"""onnxruntime's own operators on floats, which its optimizer and its quantization of weights put into models."""
