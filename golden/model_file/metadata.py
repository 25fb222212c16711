"""The input declaration in a model's own metadata."""

import onnx

from fewbit.golden.numbers.declaration import UNDECLARED

__all__ = ["INPUT_KEY", "declared"]

INPUT_KEY = "fewbit.input"  # of the model's metadata: how raw integers become its floats


def declared(proto: onnx.ModelProto, text: str) -> bytes:
    """Return a model as bytes, weights inside, with an input declaration in its metadata.

    Parameters
    ----------
    proto : ModelProto
        That of a `golden.model_file.source.ModelSource`; it stays as it is.
    text : str
        The declaration of the inputs; where each is "codes" or "float32", the model is left without one.
    """
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    kept = [p for p in model.metadata_props if p.key != INPUT_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    if any(part.rpartition("=")[2] not in UNDECLARED for part in text.split("; ")):
        model.metadata_props.add(key=INPUT_KEY, value=text)
    return model.SerializeToString()
