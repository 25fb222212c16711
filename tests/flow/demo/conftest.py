"""What tests of the demo share: a build of the digits, and the demo of it by the golden model."""

import os
import shutil

import pytest

from fewbit.flow.demo.demo import Demo
from fewbit.flow.images import load_images
from fewbit.flow.project.project import Project
from fewbit.host import Accelerator
from fewbit.places import BUILD
from tests.host.test_accelerator import written
from tests.support.golden_connection import GoldenConnection


@pytest.fixture(scope="module")
def project():
    folder = BUILD / "test" / f"demo-{os.getpid()}"  # another worker may make it too
    shutil.rmtree(folder, ignore_errors=True)
    made = Project("examples/digits/w1a1.onnx", directory=folder)
    written(made, folder)
    yield made
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def demo(project):
    images = load_images("examples/digits/test.npz", project.network)
    return Demo(Accelerator(project.directory, GoldenConnection(project)), "golden", images)
