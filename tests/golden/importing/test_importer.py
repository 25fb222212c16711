"""Import against the qonnx executor: trained models, and random ones in all styles."""

import collections

import numpy as np
import onnx
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file.domains import QONNX_DOMAINS
from fewbit.golden.network import execute
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.formats import Unsigned
from fewbit.places import HOME
from tests.support.executor import Executor, compare, raw_network
from tests.support.graphs import OPSETS, random_case

MODELS = HOME / "tests" / "models"
BLOCKS, PER_BLOCK = 12, 25

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["tfc_w1a1", "tfc_w2a2", "mlp_w4a4_bias_perch"])
def test_trained_models(name):
    path = MODELS / f"{name}.onnx"
    io = np.load(MODELS / f"{name}.io.npz")
    network = import_model(path)
    values = network.encode(io["x"])
    network.inputs[0].format.encode(values)
    result = execute.run(network, values)
    (y,) = result.outputs.values()
    assert np.array_equal(result.labels, io["y_torch"].argmax(axis=1))
    assert np.abs(y - io["y_torch"]).max() <= 1e-6 * np.abs(y).max()
    model = onnx.load(path)
    total = collections.Counter()
    for x in io["x"]:  # exported for a batch of one
        total.update(compare(network, raw_network(path), Executor(model, x[None]), x[None]))
    assert total["explained"] == 0 and total["samples"] == total["labels"] == 10


@pytest.mark.parametrize("name", ["tfc_w1a1", "tfc_w2a2"])
def test_raw_pixels_of_a_trained_model(name):
    """With a declaration the hardware takes the sensor's integers: 2x-1 and the first quantizer become thresholds."""
    io = np.load(MODELS / f"{name}.io.npz")
    by_codes, by_pixels = (import_model(MODELS / f"{name}.onnx", spec) for spec in (None, "uint8/255"))
    assert by_pixels.inputs[0].format == Unsigned(8) and isinstance(by_pixels.nodes[0], Threshold)
    pixels = by_pixels.encode(io["x"])
    assert pixels.max() == 255
    (a,), (b,) = (execute.run(n, n.encode(io["x"])).outputs.values() for n in (by_codes, by_pixels))
    assert np.array_equal(a, b)


# Random models in the styles of all exporters


@pytest.mark.sampled(12)
@pytest.mark.long
@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_models(block, scratch):
    """Every code and label equals the executor's; the few codes that differ lie within ulps of a threshold."""
    total = collections.Counter()
    for seed in range(block * PER_BLOCK, (block + 1) * PER_BLOCK):
        case = random_case(seed)
        path = case.graph.save(scratch / f"{seed}.onnx", external=seed % 3 == 0)
        executor = Executor(random_case(seed, batch=len(case.x)).graph.model(), case.x)
        network = import_model(path, case.spec)
        total.update(compare(network, raw_network(path, case.spec), executor, case.x))
        total["models"] += 1
    assert total["models"] == PER_BLOCK
    assert total["codes"] > 200 * PER_BLOCK and total["labels"] > 20 * PER_BLOCK
    assert total["explained"] <= total["codes"] / 200, total  # sums that are exactly 0 in front of a sign, mostly
    assert total["left out"] <= total["samples"] / 20, total


def test_random_models_cover_what_they_claim():
    """Every opset, domain, exporter and ending occurs, and outputs are not all alike."""
    seen = collections.defaultdict(set)
    for seed in range(BLOCKS * PER_BLOCK):
        for key, value in random_case(seed, samples=1).style.items():
            seen[key].add(value)
    assert seen["opset"] == set(OPSETS) and seen["domain"] == set(QONNX_DOMAINS)
    assert {len(seen[k]) for k in ("exporter", "flatten", "layers")} == {3}
    assert len(seen["end"]) == 9 and len(seen["input"]) == 8 and len(seen["before"]) == 4
