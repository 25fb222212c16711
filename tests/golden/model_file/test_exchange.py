"""The exchange operators: worked values, and the qonnx executor running them."""

import numpy as np
import onnx
import pytest
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.util.cleanup import cleanup_model

from fewbit.golden.model_file import exchange
from fewbit.golden.model_file.builder import ModelBuilder

F32 = np.float32


def test_levels_ties_go_up_and_ends_are_open():
    x = F32([-9, -1.5, -1.4999, -0.5, 0, 0.4999, 0.5, 1.5, 9])
    assert list(exchange.level_quant(x, [-2, -1, 0, 1, 2])) == [-2, -1, -1, 0, 0, 0, 1, 2, 2]


def test_levels_of_every_channel():
    x = np.tile(F32([[0.4], [1.1]]), (1, 2))
    levels = F32([[[0, 1], [-1, 3]]])  # (1, 2 channels, 2 levels): midpoints 0.5 and 1
    assert exchange.level_quant(x, levels).tolist() == [[0, -1], [1, 3]]


def test_a_basis_of_powers_of_two_is_dorefa():
    """quantize_2 of DoReFa on [-1, 1]: 2*quantize_2(x/2 + 1/2) - 1 has the levels -1, -1/3, 1/3, 1."""
    assert np.allclose(exchange.basis_levels(F32([1, 2]) / F32(3)), F32([-1, -1 / 3, 1 / 3, 1]))


def test_a_basis_that_overlaps_is_sorted():
    assert exchange.basis_levels([1, 5, 2]).tolist() == [-8, -6, -4, -2, 2, 4, 6, 8]
    assert exchange.basis_levels([3, 1]).tolist() == [-4, -2, 2, 4]
    assert exchange.basis_levels([-3, 1]).tolist() == [-4, -2, 2, 4]


def test_ternary_with_two_scales():
    x = F32([-2, -0.5, -0.4, 0, 0.5, 0.6])
    assert exchange.ternary_quant(x, 0.5, 3, 2).tolist() == [-2, 0, 0, 0, 0, 3]


@pytest.mark.parametrize("kind", exchange.KINDS)
@pytest.mark.parametrize("generator", ["lfsr", "xorshift"])
def test_the_mean_of_a_stochastic_quantizer_is_its_clipped_operand(kind, generator):
    x = np.repeat(F32([[-9, -2, -1.5, -0.25, 0, 0.5, 1, 2, 9]]), 20_000, axis=0)
    y = exchange.stochastic_quant(x, 2, kind=kind, generator=generator, seed=3)
    assert set(np.unique(y)) == ({-2, 2} if kind == "bipolar" else {-2, 0, 2})
    assert np.abs(y.mean(axis=0) - np.clip(x[0], -2, 2)).max() < 0.06  # four standard deviations
    assert (y[:, [0, 1, -2, -1]] == F32([-2, -2, 2, 2])).all()


def test_draws_count_channels_innermost_and_frames_onwards():
    x = np.zeros((4, 3, 2, 5), dtype=F32)
    y = exchange.stochastic_quant(x, 1, seed=4)
    flat = exchange.stochastic_quant(np.zeros((1, x.size), dtype=F32), 1, seed=4)
    assert (np.moveaxis(y, 1, -1).reshape(-1) == flat[0]).all()
    assert (exchange.stochastic_quant(x[:2], 1, seed=4, frame=2) == y[2:]).all()


def model_of(*nodes, constants, shape):
    builder = ModelBuilder()
    builder.add_input("x", shape)
    for name, value in constants.items():
        builder.constant(value, name)
    for node in nodes:
        builder.append(node)
    builder.add_output(nodes[-1].output[0], ["n", "m"])
    return builder.model()


def test_the_executor_runs_them_and_knows_their_shapes():
    x = np.random.default_rng(1).normal(size=(40, 3)).astype(F32)
    constants = {
        "levels": F32([-1, 0, 0.25]), "w": np.random.default_rng(2).normal(size=(3, 4)),
        "basis": np.random.default_rng(3).uniform(size=(1, 4, 2)), "delta": 0.3, "p": 2.0, "n": 1.5,
    }  # fmt: skip
    model = model_of(
        exchange.make_level_quant("x", "levels", "a"), exchange.make_basis_quant("w", "basis", "wq"),
        helper.make_node("MatMul", ["a", "wq"], ["b"]), exchange.make_ternary_quant("b", "delta", "p", "n", "c"),
        exchange.make_stochastic_quant("c", "p", "d", kind="ternary", bits=6, seed=5),
        constants=constants, shape=(40, 3),
    )  # fmt: skip
    onnx.checker.check_model(model)
    wrapper = cleanup_model(ModelWrapper(model))
    assert wrapper.get_tensor_shape(wrapper.graph.output[0].name) == [40, 4]
    y = execute_onnx(wrapper, {wrapper.graph.input[0].name: x})[wrapper.graph.output[0].name]
    weights = exchange.basis_quant(constants["w"], constants["basis"])
    inner = exchange.ternary_quant(exchange.level_quant(x, constants["levels"]) @ weights, 0.3, 2, 1.5)
    assert (y == exchange.stochastic_quant(inner, 2, kind="ternary", bits=6, seed=5)).all()
    assert len(np.unique(y)) == 3


def test_frames_are_numbered_in_the_model():
    model = model_of(exchange.make_stochastic_quant("x", "s", "y"), constants={"s": 1.0}, shape=(2, 8))
    x = np.zeros((6, 8), dtype=F32)
    expected, found = exchange.stochastic_quant(x, 1), []
    for first in (0, 2, 4):
        exchange.number_frames(model, first)
        found.append(execute_onnx(ModelWrapper(model), {"x": x[:2]})["y"])
    assert (np.concatenate(found) == expected).all()


@pytest.mark.parametrize("call, message", [
    (lambda: exchange.level_quant(0, [1, 0]), "ascending"), (lambda: exchange.level_quant(0, [0, np.inf]), "finite"),
    (lambda: exchange.make_stochastic_quant("x", "s", "y", kind="binary"), "bipolar, ternary, not 'binary'"),
    (lambda: exchange.make_stochastic_quant("x", "s", "y", bits=0), "1 to 16 bits, not 0"),
    (lambda: exchange.make_stochastic_quant("x", "s", "y", generator="rand"), "not 'rand'"),
])  # fmt: skip
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
