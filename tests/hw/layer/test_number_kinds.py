"""What a layer's kind of number decides."""

import numpy as np
import pytest

from fewbit.golden.network.dense import Dense
from fewbit.golden.network.graph import Edge
from fewbit.golden.numbers.formats import Unsigned
from fewbit.hw.folding import LayerFolding
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.targets.named import USUAL


def test_too_many_constants_are_told_at_once():
    """A layer whose shared sums would be looked for for hours; with plain products it is planned."""
    weights = np.random.default_rng(1).integers(-7, 8, (1100, 1000))
    x = Edge(Unsigned(4), np.zeros(1000, dtype=np.int64), np.full(1000, 15))
    dense = Dense("wide", "x", "y", weights)
    edges = {"x": x, "y": dense.out(x)}
    with pytest.raises(ValueError, match=r"^wide: sums .* in 17,600,000 bit products, only in 16,777,216; give it a "):
        LayerPlan(dense, None, edges, LayerFolding(1100, 1000), target=USUAL)
    assert not LayerPlan(dense, None, edges, LayerFolding(1100, 1000, "plain"), target=USUAL).numbers.constant
