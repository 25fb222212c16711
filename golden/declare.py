"""The input declaration in a model's own metadata."""

from .onnxfile import INPUT_KEY
from .onnxload import load_model

__all__ = ["declared"]

UNDECLARED = ("codes", "float32")  # what stands for a declaration where there is none


def declared(path, text):
    """The model at ``path`` as bytes, weights inside, with ``text`` as its input declaration; "codes" and "float32" are
    none."""
    model = load_model(path)
    kept = [p for p in model.metadata_props if p.key != INPUT_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    if text not in UNDECLARED:
        model.metadata_props.add(key=INPUT_KEY, value=text)
    return model.SerializeToString()
