"""Models with several inputs: each has its own declaration, format and order; outputs equal the qonnx executor's."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from qonnx.core.onnx_exec import execute_onnx

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.model_file.metadata import declared
from fewbit.golden.network.execute import run
from fewbit.golden.numbers.formats import Signed, Unsigned
from tests.support.executor import cleaned
from tests.support.graphs import Graph
from tests.support.several_inputs import MODELS, several


def outputs(path, x):
    """What the executor gives for floats by input, sample by sample."""
    proto = onnx.load(path)
    for given in proto.graph.input:
        given.type.tensor_type.shape.dim[0].dim_value = 1
    model = cleaned(proto)
    count = len(next(iter(x.values())))
    each = [execute_onnx(model, {n: v[k : k + 1] for n, v in x.items()}) for k in range(count)]
    return {o.name: np.concatenate([found[o.name] for found in each]) for o in model.graph.output}


@pytest.mark.parametrize("name", MODELS)
def test_equal_to_the_executor(name, scratch):
    made = several(name, scratch / "m.onnx")
    network = import_model(scratch / "m.onnx", made.spec)
    assert [given.name for given in network.inputs] == list(made.x)
    result = run(network, network.encode(network.together(list(made.x.values()))))
    for output, theirs in outputs(scratch / "m.onnx", made.x).items():
        ours = result.outputs[output]
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-5)
        assert len(np.unique(ours)) > 10
    for k, part in enumerate(made.x.values()):  # every input counts
        others = dict(made.x) | {network.inputs[k].name: np.roll(part, 1, axis=0)}
        moved = run(network, network.encode(network.together(list(others.values()))))
        assert any((moved.outputs[o] != y).any() for o, y in result.outputs.items())


def test_formats_and_orders(scratch):
    made = several("image_and_features", scratch / "m.onnx")
    image, features = import_model(scratch / "m.onnx", made.spec).inputs
    assert (image.edge, image.format, image.size) == ("input", Unsigned(8), (6, 5)) and image.order is not None
    assert (features.edge, features.format, features.size) == ("input1", Signed(16), ()) and features.order is None


def test_declarations_survive_in_the_metadata(scratch):
    made = several("codes_and_raw", scratch / "m.onnx")
    network = import_model(scratch / "m.onnx", made.spec)
    assert network.input_spec == "input=codes; raw=int4/2"
    (scratch / "n.onnx").write_bytes(declared(onnx.load(scratch / "m.onnx"), network.input_spec))
    again = import_model(scratch / "n.onnx")
    assert [given.format for given in again.inputs] == [given.format for given in network.inputs]
    overridden = import_model(scratch / "n.onnx", "input=int6/4")
    assert [given.text for given in overridden.inputs] == ["int6/4", "int4/2"]
    for text, inputs in (("input=codes; raw=codes", None), ("int6/4", ["int6/4", "int6/4"])):
        (scratch / "o.onnx").write_bytes(declared(onnx.load(scratch / "m.onnx"), text))
        if inputs is None:
            with pytest.raises(
                ModelError, match="input 'raw' gets here without a quantizer.*--input \"raw=uint8/255\""
            ):
                import_model(scratch / "o.onnx")
        else:
            assert [given.text for given in import_model(scratch / "o.onnx").inputs] == inputs


@pytest.mark.parametrize(
    ("spec", "message"),
    [("other=uint8", "'other=uint8' must name an input of the model: input, raw"),
     ("raw=uint8; raw=int8", "has two for raw"), ("raw=uint99", "must have 1 to 16 bits"),
     ("uint8; int8", "has two for inputs without a name")],
)  # fmt: skip
def test_declarations_that_are_none(spec, message, scratch):
    several("codes_and_raw", scratch / "m.onnx")
    with pytest.raises(ModelError, match=message) as error:
        import_model(scratch / "m.onnx", spec)
    assert "\n" not in str(error.value)


def test_an_input_that_no_output_depends_on_is_left_out(scratch):
    made = several("three", scratch / "m.onnx")
    model = onnx.load(scratch / "m.onnx")
    model.graph.input.append(helper.make_tensor_value_info("unread", TensorProto.INT64, ["N"]))
    onnx.save(model, scratch / "m.onnx")
    network = import_model(scratch / "m.onnx")
    assert [given.name for given in network.inputs] == list(made.x)


def test_an_input_of_which_only_the_shape_is_read_is_left_out(scratch):
    graph = Graph((1, 4))
    graph.add_input("like", (1, 4))
    t = graph.op("Reshape", graph.quant("input", 0.5), graph.op("Shape", "like"))
    graph.end(graph.op("MatMul", t, graph.quant(graph.const(np.eye(4)), 1.0))).save(scratch / "m.onnx")
    assert [given.name for given in import_model(scratch / "m.onnx").inputs] == ["input"]


def test_batches_of_another_shape_are_refused(scratch):
    several("three", scratch / "m.onnx")
    network = import_model(scratch / "m.onnx")
    assert network.input_shape == (17,)
    with pytest.raises(ValueError, match=r"must have the shape \(batch, 17\), not \(3, 16\)"):
        run(network, np.zeros((3, 16)))
