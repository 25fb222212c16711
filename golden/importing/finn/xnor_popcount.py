"""Import of ``XnorPopcountMatMul``: a product of bits, which counts those that are equal."""

import numpy as np

from fewbit.golden.importing.fitting import fitting
from fewbit.golden.importing.operands import all_operands, constant
from fewbit.golden.importing.ops.matrix_products import matmul
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant
from fewbit.golden.model_file.domains import QONNX_DOMAINS
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers import elementwise as ew


@handles("XnorPopcountMatMul", domains=QONNX_DOMAINS, role=Role.PRODUCT)
def xnor_popcount_matmul(importer, node, inputs, attributes):
    """Import QONNX ``XnorPopcountMatMul`` of bits of data, 0 and 1, and constant bits w.

    For bits ``1 - (x XOR w)`` is ``x*(2w - 1) + (1 - w)``, so it is a product with -1 and 1 and a sum of constants.
    """
    x, given = all_operands(inputs, 2)
    bits = constant(given, "its second operand")
    if bits.ndim != 2 or not np.isin(bits, (0, 1)).all():
        raise ModelError("its second operand must be a matrix of zeros and ones")
    signs = Constant((2 * bits - 1).astype(np.float32))
    (y,) = matmul(importer, node, [x, signs], {})
    data, zeros = fitting(importer, y, (1 - bits).sum(axis=0))
    return [data.then(ew.WithConstant("add", zeros))]
