"""Why operators are refused that no dialect declares: one reason for each kind, and what to do instead."""

from collections.abc import Sequence

import onnx

from fewbit.golden.model_file.domains import ONNX, STANDARD_DOMAINS
from fewbit.golden.model_file.file import describe

from .registry import DECLARED, Role
from .tensors import Closed, Data, Tensor

__all__ = ["LISTED", "refusal", "refusal_of_scale"]

LISTED = "`fewbit supported-ops` lists what is"

_DATA_NORM = (
    "it divides by a deviation of the data itself, so no scale is known before the frame is there; "
    "train with BatchNormalization, whose numbers are constants in inference"
)
_RECURRENT = (
    "it carries a state from step to step, and a frame here is computed without any; "
    "use 1-D convolutions over a window of samples, or keep the cell on the host"
)
_ATTENTION = (
    "its weights are products of two tensors of data behind a Softmax; keep it on the host, or use convolutions and "
    "matrix products with constant weights"
)
_DYNAMIC = (
    "its scale is computed from the data of each frame; quantize statically, with scales from calibration samples "
    "(onnxruntime's quantize_static, or fewbit quantize of the float model)"
)
_RANDOM = "it draws random numbers; export the model for inference"
_CONTROL = "which nodes run depends on the data; export the model without them (a simplifier helps)"
_SEQUENCE = "sequences and optional values are no tensors; export the model with tensors alone"
_BOXES = "how many values it gives depends on the data; let the model end in front of it, and do it on the host"
_SPECTRUM = "it is a transformation of signals; do it on the host in front of the accelerator"
_STRINGS = "it works on texts; do it on the host"
_HALF = "it has arithmetic of 8-bit or 4-bit floats or of blocks, which is not built; quantize to integers"

_REASONS: dict[str, str] = {
    **dict.fromkeys(("InstanceNormalization", "LayerNormalization", "SimplifiedLayerNormalization",
                     "SkipLayerNormalization", "GroupNormalization", "GroupNorm", "RMSNormalization",
                     "MeanVarianceNormalization", "LpNormalization", "LRN", "L2_NORMALIZATION",
                     "LOCAL_RESPONSE_NORMALIZATION"),
                    _DATA_NORM),
    **dict.fromkeys(("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM",
                     "BIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN",
                     "SVDF"),
                    _RECURRENT),
    **dict.fromkeys(("Attention", "MultiHeadAttention", "GroupQueryAttention", "QAttention", "RotaryEmbedding"),
                    _ATTENTION),
    **dict.fromkeys(("DynamicQuantizeLinear", "DynamicQuantizeMatMul"), _DYNAMIC),
    **dict.fromkeys(("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial",
                     "Bernoulli"), _RANDOM),
    **dict.fromkeys(("Loop", "Scan", "If", "WHILE", "IF"), _CONTROL),
    **dict.fromkeys(("SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceMap",
                     "SplitToSequence", "ConcatFromSequence", "Optional", "OptionalGetElement"), _SEQUENCE),
    **dict.fromkeys(("NonMaxSuppression", "NonZero", "Unique", "Compress", "RoiAlign", "MaxRoiPool"), _BOXES),
    **dict.fromkeys(("DFT", "STFT", "MelWeightMatrix"), _SPECTRUM),
    **dict.fromkeys(("StringNormalizer", "StringConcat", "StringSplit", "TfIdfVectorizer", "RegexFullMatch"), _STRINGS),
    **dict.fromkeys(("MatMulBnb4", "FloatQuant"), _HALF),
}  # fmt: skip


def refusal(name: str, domain: str = ONNX) -> str:
    """Return what an error says of an operator that is not declared: its name, the reason, and what to do instead."""
    standard = domain in STANDARD_DOMAINS
    others = sorted({repr(where) if where else "ONNX itself" for where, known in DECLARED if known == name})
    reason = _REASONS.get(name)
    if reason is None and others:
        reason = f"its name is known in {' and '.join(others)} only"
    said = f"operation {name}{'' if standard else f' of domain {domain!r}'} is not supported on data"
    return f"{said}{f': {reason}' if reason else ''}; {LISTED}"


def refusal_of_scale(
    nodes: Sequence[onnx.NodeProto], node: onnx.NodeProto, inputs: Sequence[Tensor | None]
) -> str | None:
    """Return what an error says of a quantizer whose scale or zero point is data, and of a node that computes such.

    It is None for other nodes. ``nodes`` are those of the model, in order, and ``inputs`` what the node reads. A path
    from a node to a scale ends at a quantizer or a layer.
    """
    if _role(node) is Role.QUANTIZER and any(isinstance(t, Data | Closed) for t in inputs[1:3]):
        return _DYNAMIC
    made = set(node.output)
    for other in nodes:
        role = _role(other)
        if role is None or made.isdisjoint(other.input):
            continue
        if role is Role.QUANTIZER and not made.isdisjoint(other.input[1:3]):
            return f"it is part of what {describe(other)} quantizes with: {_DYNAMIC}"
        if role not in (Role.QUANTIZER, Role.PRODUCT):
            made.update(other.output)
    return None


def _role(node: onnx.NodeProto) -> Role | None:
    operator = DECLARED.get((ONNX if node.domain in STANDARD_DOMAINS else node.domain, node.op_type))
    return None if operator is None else operator.role
