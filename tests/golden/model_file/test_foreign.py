"""Files of other tools are refused in one line that names the format and what converts it."""

import io
import zipfile

import numpy as np
import pytest

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.model_file.foreign import FORMATS
from tests.support.small_network import small


def archive(*members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in members:
            file.writestr(name, b"x")
    return content.getvalue()


def arrays():
    content = io.BytesIO()
    np.savez(content, x=np.zeros(3))
    return content.getvalue()


FILES = {  # name: (its bytes, what the line says)
    "m.keras": (archive("config.json", "model.weights.h5"), "a Keras model, not an ONNX or TFLite file; export it"),
    "named_otherwise": (b"\x89HDF\r\n\x1a\n" + bytes(64), "a Keras model in HDF5"),
    "m.pt": (archive("m/data.pkl", "m/version"), "a PyTorch file"),
    "m.pth": (b"\x80\x02}q\x00.", "a pickle of Python"),
    "m.pt2": (archive("archive_format", "models/model.json"), "a program of torch.export"),
    "m.pb": (
        b"\x0a\x04\x0a\x00\x12\x00",
        "a TensorFlow graph, not an ONNX or TFLite file; convert it: python",
    ),
    "m.engine": (b"ptrt" + bytes(30), "a TensorRT engine"),
    "m.mlmodel": (b"\x08\x07\xff\xff", "a Core ML model"),
    "m.xml": (b'<?xml version="1.0"?><net name="m" version="11">', "an OpenVINO model"),
    "m.bin": (b"\xff" * 40, "an OpenVINO model"),
    "m.ort": (b"\x20\x00\x00\x00ORTM" + bytes(30), "a model in onnxruntime's own format"),
    "m.safetensors": ((30).to_bytes(8, "little") + b'{"a":{"dtype":"F32"}}' + bytes(40), "weights without a graph"),
    "m.gguf": (b"GGUF\x03\x00", "a GGUF file"),
    "m.npz": (arrays(), "an archive of arrays"),
    "m.txt": (b"\xff\xfe text", "not a readable ONNX file"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_tool_is_named(scratch, name):
    content, said = FILES[name]
    (scratch / name).write_bytes(content)
    with pytest.raises(ModelError) as error:
        import_model(scratch / name)
    text = str(error.value)
    assert said in text and str(scratch / name) in text and "\n" not in text and "{" not in text


def test_folders_of_other_tools_are_named(scratch):
    for member, said in {"saved_model.pb": "--saved-model", "Manifest.json": "a Core ML package"}.items():
        (scratch / said).mkdir()
        (scratch / said / member).write_bytes(b"x")
        with pytest.raises(ModelError, match=said):
            import_model(scratch / said)
    (scratch / "empty").mkdir()
    with pytest.raises(ModelError, match="empty"):
        import_model(scratch / "empty")


def test_a_model_is_a_model_whatever_its_name(scratch):
    assert import_model(small(scratch / "m.qonnx.onnx")).nodes
    assert import_model(small(scratch / "m.pt")).nodes


def test_every_format_says_what_to_do():
    assert all(len(f.advice) > 20 and (f.endings or f.claims) for f in FORMATS)
    endings = [ending for f in FORMATS for ending in f.endings]
    assert len(endings) == len(set(endings))
