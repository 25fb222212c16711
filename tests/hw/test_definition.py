"""What a module is: equal parameters make equal modules, and a name says what tells most."""

import json

from fewbit.hw.definition import EmittedModule, ModuleDefinition


def test_a_definition_is_its_parameters():
    made = ModuleDefinition.of("pe", "uint2_int4n_8", x="uint2", w="int4n", simd=8)
    assert made == ModuleDefinition.of("pe", "uint2_int4n_8", x="uint2", w="int4n", simd=8)
    assert len({made, ModuleDefinition.of("pe", "uint2_int4n_8", x="uint2", w="int4n", simd=9)}) == 2
    assert str(made) == "pe: x uint2, w int4n, simd 8"


def test_a_stem_is_an_identifier_of_verilog():
    def stem(label):
        return ModuleDefinition.of("pe", label).stem

    assert stem("uint2_int4n_8") == "pe_uint2_int4n_8" and stem("") == "pe"
    assert stem("excess4 of 5_{-1, 0.5}_8") == "pe_excess4_of_5__1_0_5__8" and len(stem("x" * 1000)) < 50


def test_a_module_is_written_as_json():
    definition = ModuleDefinition.of("sum", "3_bits", heights=((0, 2), (1, 1)), accumulates=True)
    found = json.loads(json.dumps(EmittedModule("top_sum_3_bits", definition, 7).to_json()))
    assert found == {
        "name": "top_sum_3_bits", "kind": "sum", "instances": 7,
        "parameters": {"heights": [[0, 2], [1, 1]], "accumulates": True},
    }  # fmt: skip
    assert str(definition) == "sum: heights ((0, 2), (1, 1)), accumulates True"
