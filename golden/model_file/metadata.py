"""The input declaration in a model's own metadata."""

import onnx

__all__ = ["INPUT_KEY", "declared"]

INPUT_KEY = "fewbit.input"  # of the model's metadata: how raw integers become its floats
UNDECLARED = ("codes", "float32")  # what stands for a declaration where there is none


def declared(proto, text):
    """Return the model as bytes, weights inside, with ``text`` as its input declaration.

    The texts "codes" and "float32" are no declarations.

    ``proto`` is that of a `golden.model_file.file.ModelSource`; it stays as it is.
    """
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    kept = [p for p in model.metadata_props if p.key != INPUT_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    if text not in UNDECLARED:
        model.metadata_props.add(key=INPUT_KEY, value=text)
    return model.SerializeToString()
