"""The domains of the operators in model files: their names, and the versions that fewbit writes."""

__all__ = ["EXCHANGE", "MICROSOFT", "ONNX", "QONNX", "QONNX_DOMAINS", "STANDARD_DOMAINS", "VERSIONS"]

ONNX = ""
STANDARD_DOMAINS = (ONNX, "ai.onnx")  # both names stand for ONNX's own operators
QONNX = "qonnx.custom_op.general"
QONNX_DOMAINS = (QONNX, "onnx.brevitas", "finn.custom_op.general")  # what exporters have called it, the usual one first
MICROSOFT = "com.microsoft"  # onnxruntime's own operators
EXCHANGE = "fewbit"  # our own operators (`golden.model_file.exchange`)
VERSIONS = {**dict.fromkeys(QONNX_DOMAINS, 1), EXCHANGE: 1}  # of all but ONNX's own, in the order of a file's imports
