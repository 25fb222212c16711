"""The dialect of QONNX, which Brevitas and QKeras write (Pappalardo and others 2022, arXiv 2206.07527): quantizers of a
scale, a zero point and a bit width stand between ONNX's own operators."""
