"""Non-uniform quantizers: their integers, and the golden model against the qonnx executor, every float equal."""

import numpy as np
import pytest
from qonnx.core.onnx_exec import execute_onnx

from fewbit.golden.importing.exchange.levels import LevelQuantizer, quantized_levels
from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.importing.whole_multiples import whole_multiples
from fewbit.golden.model_file import exchange
from fewbit.golden.network import execute
from fewbit.golden.network.dense import Dense
from fewbit.golden.numbers.formats import parse_format
from tests.support.executor import cleaned
from tests.support.level_models import ACTIVATIONS, WEIGHTS, LevelGraph, level_model

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")


def executor_equals_golden(graph, path, samples=8, seed=1):
    """The network, whose outputs are all the executor's, and not all the same."""
    graph.save(path)
    network = import_model(path)
    x = np.random.default_rng(seed).normal(0, 1, (samples, *network.input_shape)).astype(np.float32)
    model = cleaned(graph.model())
    reference = [execute_onnx(model, {"input": one[None]})[model.graph.output[0].name] for one in x]
    (y,) = execute.run(network, network.encode(x)).outputs.values()
    assert (y == np.concatenate(reference)).all()
    assert len(np.unique(y)) > y.size // 4
    for node in network.nodes:
        if isinstance(node, Dense) and node.coding is not None:
            assert (node.coding.weights() == node.weights).all()
    return network


@pytest.mark.sampled(2)
@pytest.mark.parametrize("conv", [False, True], ids=["dense", "conv"])
@pytest.mark.parametrize("weights, activations", [
    *((w, "uniform") for w in WEIGHTS), *(("lq2", a) for a in ACTIVATIONS), ("cluster16", "levels"), ("power", "ttq"),
])  # fmt: skip
def test_golden_is_the_executor(weights, activations, conv, scratch):
    network = executor_equals_golden(level_model(weights, activations, conv=conv), scratch / "m.onnx")
    assert not network.notes
    assert all(n.coding is not None for n in network.nodes if isinstance(n, Dense))


@pytest.mark.parametrize("levels, integers, exact", [
    ([-0.75, 0.25, 1.5], [-3, 1, 6], True), (np.float32([1, 3, 7]) / np.float32(7), [1, 3, 7], True),
    (np.float32([-0.1, 0.3]), [-1, 3], True), ([0.0, 0.0], [0, 0], True),
    ([1.0, np.sqrt(2)], [723, 1023], False),
])  # fmt: skip
def test_levels_in_whole_ratios_are_found(levels, integers, exact):
    found, scale, whole = whole_multiples(levels)
    assert list(found) == integers and whole == exact
    assert np.allclose(found * scale, levels, atol=0 if exact else 1e-3)


def test_levels_in_no_whole_ratio_are_said_to_be_rounded(scratch):
    """k-means centroids, say: the note is there, and the error is that of so few bits as 8."""
    rng = np.random.default_rng(4)
    g = LevelGraph([1, 16])
    t = g.quant("input", 0.25, bits=4)
    w = g.ours("LevelQuant", g.const(rng.normal(size=(16, 3))), np.sort(rng.normal(size=(1, 3, 4)), axis=-1))
    g.end(g.op("MatMul", t, w)).save(scratch / "m.onnx")
    network = import_model(scratch / "m.onnx")
    assert len(network.notes) == 2 and "no whole ratios; they are 8-bit" in network.notes[0]
    assert network.notes[1].startswith("levels of 8 bits: 0 of 0 codes and 0 of 256 labels")
    x = rng.normal(size=(20, 16)).astype(np.float32)
    model = cleaned(g.model())
    reference = np.concatenate([execute_onnx(model, {"input": v[None]})["t2"] for v in x])
    (y,) = execute.run(network, network.encode(x)).outputs.values()
    assert 0 < np.abs(y - reference).max() < 0.01 * np.abs(reference).max()


@pytest.mark.parametrize("kind, operands", [
    ("LevelQuant", [[-0.5, 0, 0.25, 1]]), ("BasisQuant", [[0.25, 0.75, 0.125]]), ("TernaryQuant", [0.3, 0.5, 0.25]),
])  # fmt: skip
def test_what_is_made_of_constants(kind, operands):
    x = np.random.default_rng(2).normal(size=(5, 7)).astype(np.float32)
    constant, exact = quantized_levels(kind, x, operands)
    reference = {"LevelQuant": exchange.level_quant, "BasisQuant": exchange.basis_quant,
                 "TernaryQuant": exchange.ternary_quant}[kind](x, *operands)  # fmt: skip
    i = constant.integers
    assert exact and (constant.array == reference).all() and (i.codes * i.scale == reference).all()
    assert (sum(c * d[i.digits.codes] for c, d in zip(i.digits.coefficients, i.digits.digits, strict=True))
            == i.codes).all()  # fmt: skip


@pytest.mark.parametrize("basis, table, base, digits, text", [
    ([1.0, 2.0], [0, 1, 2, 3], None, None, "uint2"), ([1.25, 0.5], [0, 2, 5, 7], 0, "uint1", "levels 0,2,5,7 of 5,2"),
    ([1.25, -0.5], [-2, 0, 3, 5], -2, "uint1", "levels -2,0,3,5 of 5,2"),
])  # fmt: skip
def test_a_basis_with_binary_digits(basis, table, base, digits, text, scratch):
    """LQ-Nets' activations behind a ReLU: zero is a level. Constants have such digits too."""
    basis = np.float32(basis)
    quantizer = LevelQuantizer.of("BasisQuant", [basis], digits="binary")
    assert (
        quantizer.table.tolist() == table and str(quantizer.format) == text and parse_format(text) == quantizer.format
    )
    if base is not None:
        found = quantizer.format
        assert found.base == base and str(found.digit) == digits
        assert [base + sum(b for i, b in enumerate(found.basis) if p >> i & 1) for p in found.patterns()] == table
    x = np.random.default_rng(3).normal(size=(5, 7)).astype(np.float32)
    constant, exact = quantized_levels("BasisQuant", x, [basis], digits="binary")
    assert exact and (constant.array == exchange.basis_quant(x, basis, digits="binary")).all()
    assert set(constant.array.ravel()) == {0, *basis.tolist(), basis.sum()}


@pytest.mark.parametrize("kind, operands, message", [
    ("LevelQuant", [np.zeros((4, 2))], "one row of levels for the whole tensor"),
    ("LevelQuant", [[1, 0]], "ascending"), ("LevelQuant", [], "it must have 2 inputs, not 1"),
    ("TernaryQuant", [0.5, [1, 2], 1], "positive must be one finite number"),
    ("BasisQuant", [[[1, 2], [3, 4]]], "one row of levels"),
])  # fmt: skip
def test_errors_on_data(kind, operands, message, scratch):
    g = LevelGraph([1, 4])
    t = g.ours(kind, g.quant("input", 1.0), *[np.float32(o) for o in operands])
    g.end(g.op("MatMul", t, np.eye(4, dtype=np.float32))).save(scratch / "m.onnx")
    with pytest.raises(ModelError, match=message):
        import_model(scratch / "m.onnx")


def test_unknown_digits(scratch):
    g = LevelGraph([1, 4])
    t = g.ours("BasisQuant", g.quant("input", 1.0), np.float32([1, 2]), digits="ternary")
    g.end(g.op("MatMul", t, np.eye(4, dtype=np.float32))).save(scratch / "m.onnx")
    with pytest.raises(ModelError, match="digits must be bipolar or binary, not 'ternary'"):
        import_model(scratch / "m.onnx")


@pytest.mark.parametrize("kind, operands, message", [
    ("LevelQuant", [np.zeros((3, 2))], "do not fit"),
    ("BasisQuant", [np.ones((1, 4, 9))], "1 to 8 basis values, not 9"),
    ("TernaryQuant", [0.5, np.ones(5), 1], "do not fit"),
])  # fmt: skip
def test_errors_on_constants(kind, operands, message, scratch):
    g = LevelGraph([1, 4])
    w = g.ours(kind, g.const(np.eye(4)), *[np.float32(o) for o in operands])
    g.end(g.op("MatMul", g.quant("input", 1.0), w)).save(scratch / "m.onnx")
    with pytest.raises(ModelError, match=message):
        import_model(scratch / "m.onnx")
