"""TensorFlow Lite files as sources of networks."""

from fewbit.golden.importing.registry import import_of
from fewbit.golden.importing.walk import Walk, walk_of
from fewbit.golden.limits import time_and_memory
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.model_file.source import SourceFile

from .file import IDENTIFIER
from .importer import import_tflite, walked_tflite

__all__ = ["TfliteSource"]


class TfliteSource(SourceFile):
    """A TensorFlow Lite model. Its input says of itself what its codes are."""

    SUFFIX = ".tflite"

    @classmethod
    def claims(cls, content: bytes) -> bool:
        return content[4:8] == IDENTIFIER


@import_of(TfliteSource)
def _of_tflite(source, input_spec, output, precision):
    network = import_tflite(source.content, source.path.stem, output=output)
    if input_spec not in (None, network.input_spec):
        raise ModelError(
            f"{source.path}: its input is of {network.input_spec}, so it cannot be declared as {input_spec!r}"
        )
    return network


@walk_of(TfliteSource)
def _walk_of_tflite(source: TfliteSource, input_spec: str | None = None) -> Walk:
    with time_and_memory.walls(source.path):
        return walked_tflite(source.content, source.path.stem)
