"""Types of tensors: sparse ones become dense, and inputs of other floats go through a Cast."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.network.execute import run
from tests.support.executor import agree
from tests.support.graphs import Graph

WEIGHTS = np.random.default_rng(1).integers(-3, 4, (8, 5)) * (np.random.default_rng(2).random((8, 5)) < 0.4) * 0.25


def dense_model():
    graph = Graph(["N", 8])
    graph.constant(WEIGHTS, "w")
    x = graph.quant("input", 0.25)
    return graph.end(graph.op("MatMul", x, graph.quant("w", 0.25, bits=3))).model()


def sparse(flat, *, places=None, dims=(8, 5)):
    at = np.flatnonzero(WEIGHTS) if flat else np.argwhere(WEIGHTS)
    values = numpy_helper.from_array(WEIGHTS[WEIGHTS != 0].astype(np.float32), "w")
    indices = numpy_helper.from_array(np.asarray(at if places is None else places, dtype=np.int64), "w_places")
    return helper.make_sparse_tensor(values, indices, dims)


def with_sparse(tensor, constant):
    model = dense_model()
    kept = [t for t in model.graph.initializer if t.name != "w"]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    if constant:
        node = helper.make_node("Constant", [], ["w"])
        node.attribute.append(helper.make_attribute("sparse_value", tensor))
        model.graph.node.insert(0, node)
    else:
        model.graph.sparse_initializer.append(tensor)
    return model


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("flat", [False, True])
def test_sparse_tensors_are_the_dense_ones(scratch, flat, constant):
    (scratch / "dense.onnx").write_bytes(dense_model().SerializeToString())
    (scratch / "m.onnx").write_bytes(with_sparse(sparse(flat), constant).SerializeToString())
    x = np.random.default_rng(3).integers(-8, 8, (10, 8))
    want, found = (run(import_model(scratch / f"{name}.onnx"), x).outputs for name in ("dense", "m"))
    assert (WEIGHTS == 0).any() and (found["t2"] == want["t2"]).all() and len(np.unique(want["t2"])) > 5


@pytest.mark.parametrize("places, dims, said", [
    ([[9, 9]], (8, 5), "indices that do not fit"), ([[-1]], (8, 5), "indices that do not fit"),
    (None, (10**6, 10**6), "when dense"),
])  # fmt: skip
def test_damaged_sparse_tensors_are_refused(scratch, places, dims, said):
    model = with_sparse(sparse(False, places=places, dims=dims), False)
    (scratch / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=said):
        import_model(scratch / "m.onnx")


def through(kinds, elem_type=TensorProto.FLOAT):
    """A layer whose input goes through Casts to these types."""
    graph = Graph([1, 8], elem_type=elem_type)
    x = "input"
    for kind in kinds:
        x = graph.op("Cast", x, to=kind)
    x = graph.quant(x, 0.0625, bits=5)
    return graph.end(graph.op("MatMul", x, graph.quant(graph.const(WEIGHTS), 0.25, bits=3)))


@pytest.mark.parametrize("kinds", [
    (TensorProto.DOUBLE, TensorProto.FLOAT), (TensorProto.FLOAT16, TensorProto.FLOAT),
    (TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.FLOAT),
])  # fmt: skip
def test_casts_between_floats_are_the_executors(scratch, kinds):
    # Halves of a step and their neighbours in float32, which float16 moves onto the half.
    x = np.random.default_rng(4).integers(-20, 20, (1, 8)).astype(np.float32) / 32
    x = np.nextafter(x, np.float32(np.inf))
    agree(through(kinds), x, scratch / "m.onnx")


@pytest.mark.parametrize("kind, given", [(TensorProto.DOUBLE, np.float64), (TensorProto.FLOAT16, np.float16)])
def test_inputs_of_other_floats(scratch, kind, given):
    network = import_model(through((TensorProto.FLOAT,), kind).save(scratch / "m.onnx"))
    plain = import_model(through(()).save(scratch / "plain.onnx"))
    x = (np.random.default_rng(5).integers(-40, 40, (20, 8)) / 32 + 1e-4).astype(np.float32)
    assert (network.encode(x) == plain.encode(x.astype(given).astype(np.float32))).all()
    assert kind == TensorProto.DOUBLE or (network.encode(x) != plain.encode(x)).any()
    with pytest.raises(ModelError, match="is of type (double|float16), and only float32 is computed"):
        import_model(through((), kind).save(scratch / "m.onnx"))


def test_a_missing_file_of_weights_is_one_line(scratch):
    path = scratch / "m.onnx"
    onnx.save(dense_model(), str(path), save_as_external_data=True, location="w.data", size_threshold=0)
    assert import_model(path).nodes
    (scratch / "w.data").unlink()
    with pytest.raises(ModelError, match=r"must lie beside the model.*w.data: no such file"):
        import_model(path)
