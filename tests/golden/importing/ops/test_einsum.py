"""Import of ``Einsum`` of data and weights against the qonnx executor."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file.file import ModelError
from tests.support.executor import agree
from tests.support.graphs import Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

SIZES = dict(b=6, n=5, c=3, d=4, h=2, m=7)


def graph_of(equation):
    terms = equation.split("->")[0].split(",")
    data = next(term for term in terms if "b" in term)
    shapes = [[SIZES[a] for a in term] for term in terms]
    graph, rng = Graph([SIZES[a] for a in data]), np.random.default_rng(1)
    operands = [graph.quant("input", 0.25, bits=6) if term == data
                else graph.quant(graph.const(rng.normal(0, 1, shape)), 0.25)
                for term, shape in zip(terms, shapes, strict=True)]  # fmt: skip
    x = rng.normal(0, 1, [SIZES[a] for a in data]).astype(np.float32)
    return graph.end(graph.quant(graph.op("Einsum", *operands, equation=equation), 0.7, bits=6)), x


@pytest.mark.parametrize("equation", ["bd,dm->bm", "bnd,md->bnm", "dhc,bncd->bhn", "bncd,dm->bnmc"])
def test_products(equation, scratch):
    graph, x = graph_of(equation)
    agree(graph, x, scratch / "m.onnx")


@pytest.mark.parametrize("equation", ["bnd,nd->bn", "bnd,mh->bndmh", "bnd,dm"])
def test_what_is_no_product_with_a_matrix_is_refused(equation, scratch):
    graph, _ = graph_of(equation)
    with pytest.raises(ModelError, match="Einsum.*equation"):
        import_model(graph.save(scratch / "m.onnx"))
