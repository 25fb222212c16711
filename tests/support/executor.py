"""The qonnx executor as the reference, and the comparison of a golden network with it."""

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.infer_shapes import InferShapes

from fewbit.golden.importing.importer import import_model, walked
from fewbit.golden.importing.qonnx.quantizers import QUANTIZERS
from fewbit.golden.importing.tensors import Data
from fewbit.golden.model_file.source import ModelSource
from fewbit.golden.network import execute
from fewbit.golden.network.execute import labels_of


def cleaned(model):
    """Return a ModelWrapper as qonnx wants it, its tensors named as they were."""
    return ModelWrapper(model).transform(InferShapes())


def raw_network(path, spec=None):
    """Return the network as the walk makes it, before `golden.rewrite.tidy`, and what the walk knows of the model's
    tensors."""
    walk = walked(ModelSource(path), spec)
    return walk.network, walk.tensors


class Executor:
    """The execution of a model for a fixed batch, with every tensor.

    ``outputs``: arrays in the model's order. ``quantized``: for each quantizer, in order, the float32 values that went
    in and the integer codes that came out.
    """

    def __init__(self, model, x):
        wrapper = cleaned(model)
        tensors = execute_onnx(wrapper, {wrapper.graph.input[0].name: x}, return_full_exec_context=True)
        self.outputs = [np.asarray(tensors[o.name]) for o in wrapper.graph.output]
        self.quantized = []
        for node in wrapper.graph.node:
            if node.op_type in QUANTIZERS:
                scale, zero = tensors[node.input[1]], tensors[node.input[2]] if len(node.input) > 2 else 0
                codes = np.rint(tensors[node.output[0]].astype(np.float64) / scale + zero).astype(np.int64)
                self.quantized.append((tensors[node.input[0]], codes, node))
        self.scores = [self._scores_of(wrapper, o.name, tensors) for o in wrapper.graph.output]
        self.tensors = tensors

    @staticmethod
    def _scores_of(wrapper, name, tensors):
        """Return what an ArgMax or TopK that gives the output chose from, or None."""
        node = wrapper.find_producer(name)
        return tensors[node.input[0]] if node.op_type in ("ArgMax", "TopK") else None


def compare(network, raw, executor, x, *, ulps=8):
    """Compare golden with the executor on floats ``x``; returns counts.

    ``raw`` is what `raw_network` gives: the network whose codes are those of the model's quantizers. A code may differ
    only where the quantizer itself changes its code within ``ulps`` of the executor's value (ulps of the
    largest value of the tensor, which is what a float32 sum rounds at). Samples with such a code are left out of what
    follows; everything else is compared.
    """
    (raw, known), values = raw, network.encode(x)
    result, plain = execute.run(network, values), execute.run(raw, values)
    samples = len(x)
    good = np.ones(samples, dtype=bool)
    explained = codes = 0
    for before, reference, node in executor.quantized:
        data = known[node.output[0]]
        if not isinstance(data, Data):
            continue
        mine = plain.edges[data.edge][:, data.index.reshape(-1)]
        reference, before = reference.reshape(samples, -1), before.reshape(samples, -1)
        differs = (mine != reference) & good[:, None]
        codes += mine[good].size
        if differs.any():
            near = np.abs(before[good]).max() * np.finfo(np.float32).eps * ulps
            ends = [_codes(executor, node, before + d) for d in (-near, near)]
            lo, hi = np.minimum(*ends), np.maximum(*ends)
            assert ((mine >= lo) & (mine <= hi) & (hi > lo))[differs].all(), (
                f"{node.op_type} {node.name}: unexplained code"
            )
            explained += int(differs.sum())
            good &= ~differs.any(axis=1)
    labels = 0
    for (name, y), reference, scores in zip(result.outputs.items(), executor.outputs, executor.scores, strict=True):
        assert y.shape == reference.shape, name
        assert np.array_equal(y, plain.outputs[name]), f"golden.rewrite.tidy changed output {name}"
        labels += _compare_output(y[good], reference[good], None if scores is None else scores[good])
    return {"samples": int(good.sum()), "codes": codes, "explained": explained, "left out": int((~good).sum()),
            "labels": labels}  # fmt: skip


def _codes(executor, node, x):
    """Return the codes that qonnx's own operation gives for ``x``."""
    shape = executor.tensors[node.input[0]].shape
    context = {i: executor.tensors[i] for i in node.input} | {node.input[0]: x.reshape(shape).astype(np.float32)}
    getCustomOp(node).execute_node(context, None)
    scale, zero = context[node.input[1]], context[node.input[2]] if len(node.input) > 2 else 0
    return np.rint(context[node.output[0]].astype(np.float64) / scale + zero).astype(np.int64).reshape(len(x), -1)


def _compare_output(y, reference, scores):
    """Compare floats up to the rounding of float32 sums, and labels exactly where no two scores lie within that.

    Returns how many labels were compared."""
    if not len(y):
        return 0
    flat = (reference if scores is None else scores).reshape(len(y), -1)
    tolerance = 1e-5 * np.abs(flat).max() + 1e-7
    gaps = np.diff(np.sort(flat, axis=1)[:, ::-1], axis=1) if flat.shape[1] > 1 else np.abs(flat)
    if np.issubdtype(reference.dtype, np.integer):
        count = reference.reshape(len(y), -1).shape[1]
        clear = (np.abs(gaps[:, :count]) > 2 * tolerance).all(axis=1)
        assert np.array_equal(y[clear], reference[clear])
        return int(clear.sum())
    assert np.abs(y - reference).max() <= tolerance
    if scores is not None:
        return 0  # the largest values themselves
    same = (np.abs(gaps[:, 0]) > 2 * tolerance) | (y == reference).reshape(len(y), -1).all(axis=1)
    assert np.array_equal(labels_of(y)[same], labels_of(reference)[same])
    return int(same.sum())


def agree(graph, x, path, spec=None, **metadata):
    """Import ``graph``, whose codes must all be the executor's for ``x``; returns the network."""
    graph.save(path, **metadata)
    network = import_model(path, spec)
    counts = compare(network, raw_network(path, spec), Executor(graph.model(), x), x)
    assert counts["samples"] == len(x) and counts["explained"] == 0, counts
    return network
