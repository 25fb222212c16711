"""The dialect of FINN-ONNX: networks that FINN and qonnx have streamlined, whose weights are whole numbers and whose
quantizers are thresholds."""
