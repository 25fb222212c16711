"""onnxruntime runs a model on many samples: in whole batches where the model takes them, else one sample at a time."""

from collections.abc import Iterator, Mapping
from math import prod

import numpy as np
import onnx

from fewbit.golden.limits.limit import IMPORT_SECONDS, LimitError
from fewbit.golden.model_file.file import ModelError, OnnxFile

__all__ = ["MOST_AT_ONCE", "Session", "check_work"]

MOST_AT_ONCE = 64
"""Samples that are run at once, at most."""
_PRODUCTS_A_SECOND = 1e9  # that onnxruntime makes at the least


def check_work(proto: onnx.ModelProto, file: OnnxFile) -> None:
    """Refuse a model of which one run takes longer than an import may: onnxruntime cannot be interrupted.

    Parameters
    ----------
    proto : ModelProto
    file : golden.model_file.file.OnnxFile
        The file that it comes from, which the error names.

    Raises
    ------
    LimitError
        If one run takes too many products.
    """
    try:
        inferred = onnx.shape_inference.infer_shapes(proto).graph
    except Exception:  # onnx's own kinds; of a model beyond 2 GB too
        return
    made = [*inferred.value_info, *inferred.output]
    sizes = {v.name: prod(d.dim_value for d in v.type.tensor_type.shape.dim) for v in made}
    constants = {tensor.name: tensor.dims for tensor in inferred.initializer}
    total = 0
    for node in inferred.node:
        weights = constants.get(node.input[1], ()) if len(node.input) > 1 else ()
        kernel = next((a.ints for a in node.attribute if a.name == "kernel_shape"), ())
        taps = {"Conv": prod(weights[1:]), "MatMul": prod(weights[-2:-1])}.get(node.op_type, prod(kernel))
        total += taps * max((sizes.get(name, 0) for name in node.output), default=0)
    if total > IMPORT_SECONDS.value * _PRODUCTS_A_SECOND:
        raise LimitError(f"{file.path}: one run takes {total:.2g} products; {IMPORT_SECONDS.advice}")


class Session:
    """A model of standard operations that is ready to run; the same samples give the same floats every time.

    Parameters
    ----------
    proto : ModelProto
    file : golden.model_file.file.OnnxFile
        The file that it comes from: it has the shape of the input, and errors name it.
    batch : int
        The most samples that are run at once.

    Raises
    ------
    ModelError
        If onnxruntime refuses the model.
    """

    def __init__(self, proto: onnx.ModelProto, file: OnnxFile, *, batch: int = MOST_AT_ONCE):
        import onnxruntime

        onnxruntime.set_default_logger_severity(4)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # sums in one order, and no threads that get in each other's way
        self.file, self.names, self._most = file, [o.name for o in proto.graph.output], batch
        try:
            self.session = onnxruntime.InferenceSession(
                proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise ModelError(f"{file.path}: onnxruntime cannot run it: {_line(error)}") from None

    def run(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Return every output, ``(S, ...)`` by name, of samples ``x`` ``(S, ...)``.

        Raises
        ------
        ModelError
            If onnxruntime cannot run the model, or its outputs do not have the samples as their first axis.
        """
        x = np.asarray(x, dtype=np.float32).reshape(-1, *self.file.only.shape[1:])
        parts = [dict(found) for _, found in self.batches({self.file.only.name: x})]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.names}

    def batches(self, given: Mapping[str, np.ndarray]) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
        """Yield, for one batch of samples after the other, which they are, and every output by name.

        A model whose reshapes know only the batch of its export gets that one. The outputs of a batch are dropped, and
        their dict is empty, when the next batch is asked for.

        Parameters
        ----------
        given : dict of float32 arrays ``(S, ...)``
            The inputs by name.

        Raises
        ------
        ModelError
            As `run` does.
        """
        count = len(next(iter(given.values())))
        sizes = list(dict.fromkeys((min(self._most, count), max(1, self.file.batch), 1)))
        at = 0
        while at < count:
            part = slice(at, min(at + sizes[0], count))
            try:
                found = self._batch({name: x[part] for name, x in given.items()}, sizes[0])
            except Exception as error:  # onnxruntime's, or a batch that did not stay one
                if len(sizes) == 1:
                    raise ModelError(f"{self.file.path}: onnxruntime cannot run it: {_line(error)}") from None
                del sizes[0]
                continue
            outputs = dict(zip(self.names, found, strict=True))
            del found
            at = part.stop
            yield part, outputs
            outputs.clear()

    def once(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Return every output, of whatever shape, by name, of one batch ``x`` ``(B, ...)``.

        Raises
        ------
        ModelError
            If onnxruntime cannot run the model.
        """
        try:
            found = self.session.run(None, {self.file.only.name: x})
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise ModelError(f"{self.file.path}: onnxruntime cannot run it: {_line(error)}") from None
        return dict(zip(self.names, map(np.asarray, found), strict=True))

    def _batch(self, given, size):
        """Return the outputs of one batch; where it is short of the batch of the export, the last sample fills it."""
        count = len(next(iter(given.values())))
        short = size - count if size == self.file.batch else 0
        if short:
            given = {name: np.concatenate([x, np.repeat(x[-1:], short, axis=0)]) for name, x in given.items()}
        found = self.session.run(None, given)
        if any(a.shape[:1] != (count + short,) for a in found):
            raise ValueError("its outputs do not have the batch as their first axis")
        return [a[:count] for a in found]


def _line(error):
    return " ".join(str(error).split())[:200]
