# amaranth: UnusedElaboratable=no
"""What tells processing elements apart, so that two that differ are never one module; each is in a design once."""

import json
from collections import Counter

import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.arrays.coded_plan import CodedPEPlan, HeapPart
from fewbit.hw.arrays.dsp_products import PackedProducts
from fewbit.hw.arrays.float32 import FloatPE
from fewbit.hw.arrays.float32_plan import FloatArrayPlan
from fewbit.hw.folding import Folding
from fewbit.hw.heap.pe_plans import HeapPEPlan, IntegerPEPlan
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shapes import IntShape
from fewbit.hw.shell.verilog import emission
from fewbit.hw.xilinx.dsp_packing import best_packing
from fewbit.hw.xilinx.pe_plans import LutHeapPEPlan, LutIntegerPEPlan, LutRowsPlan
from tests.support.small_network import SPEC, small
from tests.support.targets import EXPRESSIONS, PORTABLE, XILINX

WIDER, SIGNED = IntShape(13), IntShape(12, True)
PRODUCTS = {"x_format": [Unsigned(2), Unsigned(3)], "w_format": [Bipolar(), Ternary()], "simd": [4, 5]}
SUM = {"acc_shape": [IntShape(12), WIDER, SIGNED], "feedback": [True, False]}
PART = HeapPart(Unsigned(2), Bipolar(), (0, 1), (0, 1, 1, 0))


def coded(**changed):
    """A coded PE whose parameters are those of its unit, too."""
    p = {"x_bits": 2, "w_bits": 2, "simd": 4, "acc_shape": IntShape(12), "target": XILINX, "parts": (PART,)} | changed
    target, unit = p.pop("target"), {"simd": p["simd"], "feedback": True}
    return CodedPEPlan(unit_of=lambda x, w, acc: target.integer_pe(x_format=x, w_format=w, acc_shape=acc, **unit), **p)


KINDS = [
    (IntegerPEPlan, PRODUCTS | SUM | {"target": [PORTABLE, XILINX]}),
    (HeapPEPlan, {"heights": [{0: 3}, {0: 3, 1: 1}], "fan_in": [1, 2]} | SUM),
    (LutIntegerPEPlan, PRODUCTS | SUM | {"target": [XILINX, EXPRESSIONS], "smallest": [False, True]}),
    (LutHeapPEPlan, {"heights": [{0: 3}, {0: 3, 1: 1}], "target": [XILINX, EXPRESSIONS]} | SUM),
    (LutRowsPlan, PRODUCTS | {"width": [12, 13], "target": [XILINX, EXPRESSIONS]}),
    (coded, {"simd": [4, 5], "acc_shape": SUM["acc_shape"], "target": [XILINX, PORTABLE],
             "parts": [(PART,), (HeapPart(Unsigned(2), Bipolar(), (0, 1), (0, 1, 1, 1)),),
                       (HeapPart(Unsigned(2), Bipolar(), (1, 0), (0, 1, 1, 0)),), (PART, PART)]}),
    (PackedProducts, {"x_format": [Unsigned(4), Signed(4)], "packing": [best_packing(Unsigned(4), -7, 7),
                      best_packing(Unsigned(4), -8, 7)], "count": [2, 1]}),
]  # fmt: skip


@pytest.mark.parametrize(("make", "choices"), KINDS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_parameter_tells_modules_apart(make, choices):
    first = {name: values[0] for name, values in choices.items()}
    changed = [first | {name: value} for name, values in choices.items() for value in values[1:]]
    definitions = [make(**parameters).definition for parameters in (first, *changed)]
    assert len(set(definitions)) == len(changed) + 1
    assert make(**first).definition == definitions[0]
    assert all(json.loads(json.dumps(dict(d.parameters))).keys() == dict(d.parameters).keys() for d in definitions)


def test_float_pes_are_told_apart():
    plans = [FloatArrayPlan(pe=1, simd=simd, steps=steps, lanes=1, dsp=dsp)
             for simd, steps, dsp in ((1, 8, True), (2, 8, True), (1, 1, True), (1, 8, False))]  # fmt: skip
    assert len({FloatPE(plan).definition for plan in plans}) == 4


@pytest.mark.sampled(2)
@pytest.mark.parametrize("target", [XILINX, PORTABLE], ids=["xilinx", "portable"])
def test_a_design_has_each_pe_once(target, scratch):
    network = import_model(small(scratch / "m.onnx"), SPEC)
    folding = Folding.of(**{layer: (2, 4) for layer in ("MatMul_3", "MatMul_7")})
    plan = AcceleratorPlan(network, folding, target=target)
    found, again = emission(plan), emission(plan)
    assert found == again and len({m.name for m in found.modules}) == len(found.modules)
    pes = Counter({m.definition: m.instances for m in found.modules if m.definition.kind == "pe"})
    assert pes == Counter(pe.definition for layer in plan.layers.values() for pe in layer.array.pes.values()
                          for _ in range(layer.array.pe))  # fmt: skip
    for module in found.modules:
        assert found.text.count(f"\n// {module.definition}\nmodule {module.name}(") == 1
        assert module.name.startswith("accelerator_")
    renamed = emission(plan, prefix="other")
    assert all(m.name.startswith("other_accelerator_") for m in renamed.modules)
    assert not {m.name for m in renamed.modules} & {m.name for m in found.modules}
