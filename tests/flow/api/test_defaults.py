"""A default has one value, whether the command line or the Python API takes it."""

import inspect

import pytest

from fewbit.flow import defaults
from fewbit.flow.api.build import HardwareBuild
from fewbit.flow.api.elements import processing_elements
from fewbit.flow.api.model import Model
from fewbit.flow.api.ranges import RangeOptions
from fewbit.flow.commands import board, float_options, pe, pnr, quantize, search, sensitivity, sim, synth
from fewbit.flow.quantizing import mixed
from fewbit.flow.quantizing import sensitivity as work
from fewbit.flow.quantizing.bits import Request
from fewbit.ptq.quantize import Options

# Arguments of a call that stand for something else in the command of that name.
OTHERS = {"images", "samples", "x", "progress", "weights_of", "activations_of"}


@pytest.mark.parametrize(
    ("call", "command"),
    [
        (Model.quantize, quantize.quantize), (Model.sensitivity, sensitivity.sensitivity),
        (Model.search, search.search), (HardwareBuild.simulate, sim.sim), (HardwareBuild.synthesize, synth.synth),
        (processing_elements, pe.pe), (HardwareBuild.place_and_route, pnr.pnr), (HardwareBuild.board, board.board),
    ],
)  # fmt: skip
def test_calls_and_commands_agree(call, command):
    here, there = inspect.signature(call).parameters, inspect.signature(command).parameters
    same = [name for name in here if name in there and name not in {*OTHERS, "self", "name", "directory"}]
    assert len(same) >= 2
    for name in same:
        assert here[name].default == there[name].default, name


def test_the_work_has_them_too():
    assert (mixed.FORMATS, work.BITS) == (defaults.FORMATS, defaults.TRIED_BITS)
    assert Options() == float_options.QuantizationMethod().options(defaults.SUM_BITS)
    assert Request() == Request(weights=defaults.WEIGHT_BITS, activations=defaults.ACTIVATION_BITS)
    assert inspect.signature(work.sensitivity).parameters["others"].default == defaults.OTHER_BITS
    fields = set(Options.__dataclass_fields__)
    from fewbit.flow.api.ranges import _NAMES

    assert {_NAMES.get(name, name) for name in RangeOptions.__annotations__} == fields
