"""Model files of other tools that a user may pass by mistake: what each is, and how it becomes ONNX."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FORMATS", "ForeignFormat", "by_content", "by_name"]

_TORCH = (
    'load the model in Python and export it: torch.onnx.export(model, sample, "model.onnx"); a Brevitas model with '
    'brevitas.export.export_qonnx(model, sample, "model.onnx")'
)
_KERAS = (
    "export it: python -m tf2onnx.convert --keras {path} --output model.onnx; a QKeras model with "
    "qonnx.converters.keras.from_keras(model) of qonnx 0.4 (pip install 'qonnx<1', in an environment of its own)"
)
_OPENVINO = "take the ONNX file that it was converted from; NNCF quantizes such a file itself"


@dataclass(frozen=True)
class ForeignFormat:
    """A format of model files that is none of fewbit's.

    Attributes
    ----------
    name : str
        What it is, as an error says it.
    advice : str
        What to do; ``{path}`` stands for the file.
    endings : tuple of str
        What names of such files end with.
    claims : callable or None
        Whether a file is of the format, by its bytes; None where these say nothing.
    """

    name: str
    advice: str
    endings: tuple[str, ...]
    claims: Callable[[bytes], bool] | None = None

    def refusal(self, path: Path) -> str:
        """Return the line that refuses a file."""
        return f"{path}: {self.name}, not an ONNX or TFLite file; {self.advice.format(path=path)}"


def _begins(*starts: bytes, at: int = 0) -> Callable[[bytes], bool]:
    return lambda content: content[at:].startswith(starts) if at else content.startswith(starts)


def _archive_of(*members: str) -> Callable[[bytes], bool]:
    """Return whether bytes are an archive with a member whose path ends with one of ``members``."""

    def claims(content: bytes) -> bool:
        if not content.startswith(b"PK"):
            return False
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return any(name.endswith(members) for name in archive.namelist())
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
            return False

    return claims


FORMATS = (
    ForeignFormat("a Keras model", _KERAS, (".keras",), _archive_of("model.weights.h5")),
    ForeignFormat("a Keras model in HDF5", _KERAS, (".h5", ".hdf5"), _begins(b"\x89HDF\r\n\x1a\n")),
    ForeignFormat(
        "a program of torch.export",
        'export it in Python: torch.onnx.export(torch.export.load("{path}"), args=(), f="model.onnx", dynamo=True)',
        (".pt2",),
        _archive_of("serialized_exported_program.json", "archive_format", "models/model.json"),
    ),
    ForeignFormat("a PyTorch file", _TORCH, (".pt", ".pth", ".ckpt"), _archive_of("data.pkl")),
    ForeignFormat(
        "a pickle of Python (PyTorch's old format, or scikit-learn's)",
        f"{_TORCH}; a scikit-learn model with skl2onnx.to_onnx(model, sample)",
        (".pkl", ".pickle", ".joblib"),
        _begins(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
    ),
    ForeignFormat(
        "weights without a graph (safetensors)", f"build the model around them and {_TORCH}", (".safetensors",),
        lambda content: content[8:10] == b'{"' and int.from_bytes(content[:8], "little") < len(content),
    ),
    ForeignFormat(
        "a TensorFlow graph",
        "convert it: python -m tf2onnx.convert --graphdef {path} --output model.onnx --inputs X:0 --outputs Y:0",
        (".pb", ".pbtxt"),
    ),
    ForeignFormat(
        "a TensorRT engine", "it is compiled for one GPU and for nothing else: take the ONNX file it was made of",
        (".engine", ".plan", ".trt"), _begins(b"ptrt", b"ftrt"),
    ),
    ForeignFormat(
        "a Core ML model", "take the model that it was converted from, and export that to ONNX", (".mlmodel",)
    ),
    ForeignFormat("an OpenVINO model", _OPENVINO, (".xml", ".bin"), _begins(b"<?xml", b"<net ")),
    ForeignFormat(
        "a model in onnxruntime's own format", "take the .onnx file that it was made of", (".ort",),
        _begins(b"ORTM", at=4),
    ),
    ForeignFormat(
        "a GGUF file of a language model", "such models are not what fewbit builds", (".gguf",), _begins(b"GGUF")
    ),
    ForeignFormat(
        "a Paddle model", "convert it: paddle2onnx --model_dir FOLDER --model_filename {path} --save_file model.onnx",
        (".pdmodel", ".pdiparams"),
    ),
    ForeignFormat(
        "a Caffe model", "convert it to ONNX with caffe2onnx, or train it anew elsewhere", (".caffemodel", ".prototxt")
    ),
    ForeignFormat("an archive of arrays", "samples go to --images; a model is an .onnx file", (".npz", ".npy"),
                  lambda content: content.startswith(b"\x93NUMPY") or _archive_of(".npy")(content)),
)  # fmt: skip
"""Every format that is known by name."""

_FOLDERS = (  # what a folder holds, and what it is then
    ("saved_model.pb", ForeignFormat(
        "a TensorFlow SavedModel",
        "convert it: python -m tf2onnx.convert --saved-model {path} --output model.onnx", ())),
    ("keras_metadata.pb", ForeignFormat("a Keras SavedModel", _KERAS, ())),
    ("Manifest.json", ForeignFormat(
        "a Core ML package", "take the model that it was converted from, and export that to ONNX", (".mlpackage",))),
)  # fmt: skip


def by_content(path: Path, content: bytes) -> str | None:
    """Return the line that refuses a file whose bytes are of a known format; None where they are of none."""
    found = next((f for f in FORMATS if f.claims is not None and f.claims(content)), None)
    return found.refusal(path) if found else None


def by_name(path: Path) -> str | None:
    """Return the line that refuses a file or folder by its name, or by what a folder holds; None where that is unknown.

    It is for what has turned out to be no model of ours.
    """
    if path.is_dir():
        found = next((f for member, f in _FOLDERS if (path / member).exists()), None)
        return found.refusal(path) if found else None
    found = next((f for f in FORMATS if path.name.lower().endswith(f.endings)), None)
    return found.refusal(path) if found else None
