"""Residual networks and MobileNets as onnxruntime quantizes them: every code, but those at ties of its float sums."""

import pytest

from bench.networks.mobilenet import mobilenet_v1, mobilenet_v2
from bench.networks.quantized import FORMATS, quantized, samples_for
from bench.networks.residual import resnet
from tests.support.qdq_models import compared

MOST_TIES = {"qdq": 1 / 20000, "qoperator": 0}  # of all codes


def check(float_model, scratch, form, *, count, **options):
    path = scratch / f"{form}.onnx"
    quantized(float_model, path, form=form, **options)
    codes, differ = compared(path, samples_for(float_model, count, seed=9))
    assert codes > 20000 and differ <= MOST_TIES[form] * codes, (codes, differ)


@pytest.mark.parametrize("form", FORMATS)
def test_residual_network(form, scratch):
    resnet(scratch / "float.onnx", size=32, width=8, classes=10)
    check(scratch / "float.onnx", scratch, form, count=2)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("form", FORMATS)
def test_mobilenet(form, scratch):
    mobilenet_v2(scratch / "float.onnx", size=32, width=0.25, classes=10)
    check(scratch / "float.onnx", scratch, form, count=2, per_channel=False, signed=form == "qdq")


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("make", [resnet, mobilenet_v1, mobilenet_v2])
def test_networks_of_full_width(make, form, scratch):
    make(scratch / "float.onnx", size=96)
    check(scratch / "float.onnx", scratch, form, count=1)
