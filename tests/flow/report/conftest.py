"""Builds that the tests of reports share: generated once, and read only."""

import numpy as np
import pytest

from fewbit.flow.folding.folding import fold
from fewbit.flow.images import images_of
from fewbit.flow.project.project import Project
from fewbit.flow.report.subject import ReportSubject
from fewbit.golden.network.execute import run
from tests.support.small_network import SPEC, samples, small


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A project of two layers, generated, and labelled samples of which golden has about two thirds right."""
    folder = tmp_path_factory.mktemp("report")
    project = Project(small(folder / "m.onnx"), input_spec=SPEC, directory=folder / "b")
    project.folding = fold(project.network, 8)
    project.generate()
    x = samples(60)
    labels = run(project.network, x).labels
    wrong = np.random.default_rng(5).random(len(x)) < 0.3
    return project, images_of({"x": x, "label": np.where(wrong, (labels + 1) % 3, labels)}, project.network)


@pytest.fixture
def subject(built):
    project, images = built
    return ReportSubject(project, images=images, clock=250.0)
