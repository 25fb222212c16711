"""Import of convolutional networks against the qonnx executor: trained models and random ones."""

import collections
from pathlib import Path

import pytest

from golden.importer import import_model
from tests.golden.convmodels import random_conv_case
from tests.golden.reference import Executor, compare, raw_network

MODELS = Path(__file__).resolve().parent.parent / "models"
BLOCKS, PER_BLOCK = 8, 20

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_models(block, scratch):
    """Every code and label equals the executor's; the few codes that differ lie within ulps of a threshold."""
    total = collections.Counter()
    for seed in range(block * PER_BLOCK, (block + 1) * PER_BLOCK):
        case = random_conv_case(seed, batch=0)
        path = case.graph.save(scratch / f"{seed}.onnx")
        executor = Executor(random_conv_case(seed).graph.model(), case.x)
        network = import_model(path, case.spec)
        total.update(compare(network, raw_network(path, case.spec), executor, case.x))
        total["models"] += 1
    assert total["models"] == PER_BLOCK
    assert total["explained"] <= total["codes"] / 500, total
