"""Sessions of a model as a plan quantizes it, which run as many samples at once as memory is meant for."""

from .emit import QuantizationPlan, plain_model
from .graph import FloatModel, Front
from .runtime import MOST_AT_ONCE, Session

__all__ = ["session_of"]

_MOST_BYTES = 1 << 28  # of all tensors of the samples that are run at once


def session_of(model: FloatModel, plan: QuantizationPlan, outputs: list[str], front: Front | None = None) -> Session:
    """Return the `ptq.runtime.Session` of a model that a plan quantizes.

    Parameters
    ----------
    model : ptq.graph.FloatModel
    plan : ptq.emit.QuantizationPlan
    outputs : list of str
    front : ptq.graph.Front or None
        As `ptq.emit.plain_model` takes both.

    Raises
    ------
    ModelError
        If onnxruntime refuses the model.
    """
    batch = min(MOST_AT_ONCE, max(1, _MOST_BYTES // model.sample_bytes))
    return Session(plain_model(model, plan, outputs, front=front), model.file, batch=batch)
