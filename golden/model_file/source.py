"""ONNX files into memory: the model, its functions inlined and its weights inside; nothing that the file can ask for is
without a bound."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import onnx
import onnx.inliner

from fewbit.golden.limits import time_and_memory
from fewbit.golden.limits.files import FileError, read_bounded
from fewbit.golden.limits.limit import IMPORT_BYTES, IMPORT_SECONDS, LimitError, ModelError, in_bytes, one_line

from .foreign import by_content, by_name
from .metadata import declared
from .sparse import make_dense

__all__ = ["ModelSource", "SourceFile", "names_of"]

_NODES_A_SECOND = 1000  # that are imported, at least: so many may functions become
_MOST_NESTED = 64  # functions that call each other
_MANY = 5  # names in a message


class SourceFile:
    """A model as its files were when it was read, once: whatever is made of it is made of these bytes, so that a file
    that is replaced meanwhile cannot give half of each.

    Every world that models come from has a subclass, which is registered by that.

    Parameters
    ----------
    path : Path or str
    content : bytes or None
        The bytes of the file, if it is read already.

    Attributes
    ----------
    path : Path
        The file that was read.
    content : bytes
        The bytes of that file.
    SUFFIX : str
        What names of such files end with.

    Raises
    ------
    ModelError
        If the file is no model. It is a `LimitError` where it is too large, or takes too long to read.
    """

    SUFFIX = ""
    _KINDS: ClassVar[list[type["SourceFile"]]] = []

    def __init_subclass__(cls) -> None:
        SourceFile._KINDS.append(cls)

    def __init__(self, path: Path | str, content: bytes | None = None):
        self.path = _named(Path(path))
        with time_and_memory.walls(self.path):
            time_and_memory.entering("reading the file")
            self.content = _content(self.path) if content is None else content
            self._parse()

    def _parse(self) -> None:
        """Make of the content what the class needs."""

    @classmethod
    def claims(cls, content: bytes) -> bool:
        """Say whether a file is of this class, by its first bytes; the class that claims nothing takes what is left."""
        return False

    @staticmethod
    def of(model: "Path | str | SourceFile") -> "SourceFile":
        """Return ``model`` itself if it has been read, else the file of this path, of whatever world it is."""
        if isinstance(model, SourceFile):
            return model
        path = _named(Path(model))
        with time_and_memory.walls(path):
            time_and_memory.entering("reading the file")
            content = _content(path)
        kind = next((kind for kind in SourceFile._KINDS if kind.claims(content)), ModelSource)
        return kind(model, content)

    @staticmethod
    def kept_in(folder: Path) -> Path:
        """Return the file in a folder that `declared` was written to, of any world; the usual name if there is none."""
        names = [f"model{kind.SUFFIX}" for kind in SourceFile._KINDS]
        return next(
            (folder / name for name in names if (folder / name).is_file()), folder / f"model{ModelSource.SUFFIX}"
        )

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file itself, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def whole(self) -> bytes:
        """The model as bytes, external data inside: what keys of kept results are made from."""
        return self.content

    def declared(self, text: str) -> bytes:
        """Return the model as bytes that need nothing beside them, with ``text`` as its input declaration."""
        return self.content


class ModelSource(SourceFile):
    """An ONNX model; external data must lie in its folder.

    Attributes
    ----------
    proto : ModelProto
        With functions inlined and the external data of its tensors inside; not to be changed.
    """

    SUFFIX = ".onnx"

    def _parse(self):
        self.proto = _parsed(self.path, self.content)
        _load_external(self.proto, self.path)
        make_dense(self.proto.graph, self.path)

    @property
    def whole(self) -> bytes:
        return self.proto.SerializeToString(deterministic=True)

    def declared(self, text: str) -> bytes:
        return declared(self.proto, text)


def _named(path: Path) -> Path:
    if path.stem in (".", ".."):  # what is made of a model goes into a folder of its name
        raise ModelError(f"{path}: a model must have a name; rename the file")
    return path


def _content(path: Path) -> bytes:
    if path.is_dir() and (said := by_name(path)):
        raise ModelError(said)
    try:
        return read_bounded(path, IMPORT_BYTES.value, what="an ONNX or TFLite file", advice=IMPORT_BYTES.advice)
    except FileError as error:
        raise ModelError(error) from None


def _parsed(path: Path, content: bytes) -> onnx.ModelProto:
    """Return the model of a file's bytes, its functions inlined."""
    if said := by_content(path, content):
        raise ModelError(said)
    try:
        model = onnx.load_model_from_string(content)
        empty = not (model.graph.node or model.graph.output)
        texts = (t for n in model.graph.node for t in (n.op_type, n.domain, n.name, *n.input, *n.output))
        if not all(isinstance(t, str) for t in texts):  # onnx gives bytes that are not UTF-8 as they are
            raise ValueError("a name in it is not UTF-8")
        if model.functions:  # PyTorch's dynamo exporter leaves some
            _check_functions(path, model)
            model = onnx.inliner.inline_local_functions(model)
    except (ModelError, MemoryError):
        raise
    except Exception as error:  # the protobuf library raises its own kinds for a damaged file
        line = f"{path}: not a readable ONNX file: {one_line(error)}"
        raise ModelError(by_name(path) or line) from None
    if empty:
        raise ModelError(by_name(path) or f"{path}: not an ONNX file, or its graph is empty")
    return model


# Functions


def _check_functions(path: Path, model: onnx.ModelProto) -> None:
    """Refuse functions that call themselves, or that become too much once each call is replaced by what it stands for.

    A few functions that call each other twice make any number of nodes.
    """
    functions = {(f.domain, f.name, getattr(f, "overload", "")): f for f in model.functions}
    most_nodes, most_bytes = int(IMPORT_SECONDS.value * _NODES_A_SECOND), IMPORT_BYTES.value
    sizes: dict[tuple[str, str, str], tuple[int, int]] = {}
    open_: set[tuple[str, str, str]] = set()

    def size_of(nodes: Iterable[onnx.NodeProto], depth: int) -> tuple[int, int]:
        """Return how many nodes and bytes ``nodes`` become when functions are inlined."""
        count = total = 0
        for node in nodes:
            called = (node.domain, node.op_type, getattr(node, "overload", ""))
            inner = size_of_function(called, depth + 1) if called in functions else (1, node.ByteSize())
            count, total = count + inner[0], total + inner[1]
            for graph in _graphs(node):
                below = size_of(graph.node, depth)
                count, total = count + below[0], total + below[1]
        return count, total

    def size_of_function(called: tuple[str, str, str], depth: int) -> tuple[int, int]:
        """Return how many nodes and bytes a call becomes."""
        if called in open_:
            raise ModelError(f"{path}: its function {called[1]!r} calls itself")
        if depth > _MOST_NESTED:
            raise ModelError(f"{path}: its functions call each other more than {_MOST_NESTED} deep")
        if called not in sizes:
            open_.add(called)
            sizes[called] = size_of(functions[called].node, depth)
            open_.remove(called)
        return sizes[called]

    count, total = size_of(model.graph.node, 0)
    if count > most_nodes:
        raise LimitError(
            f"{path}: its functions stand for {count} nodes, more than {most_nodes}; {IMPORT_SECONDS.advice}"
        )
    if total > most_bytes:
        raise LimitError(f"{path}: its functions stand for {in_bytes(total)} of nodes; {IMPORT_BYTES.advice}")


def _graphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """Yield the graphs that a node has as attributes: those of a loop or a branch."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


# External data


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Yield every tensor of a graph and of the graphs in it."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
        for inner in _graphs(node):
            yield from _tensors(inner)


def _load_external(model: onnx.ModelProto, path: Path) -> None:
    """Put the external data of all tensors into the model, no more of it than an import may take."""
    left = IMPORT_BYTES.value
    for tensor in _tensors(model.graph):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        try:
            content = _external(tensor, path.parent, left)
        except (FileError, OSError, ValueError) as error:
            raise ModelError(
                f"{path}: the external data of its tensors cannot be read (it must lie beside the model): "
                f"tensor {tensor.name!r}: {error}"
            ) from None
        left -= len(content)
        del tensor.external_data[:]
        tensor.ClearField("data_location")
        tensor.raw_data = content


def _external(tensor: onnx.TensorProto, folder: Path, limit: float) -> bytes:
    """Return the bytes of a tensor that stand in a file of their own."""
    entry = {e.key: e.value for e in tensor.external_data}
    place = folder / entry.get("location", "")
    if not place.resolve().is_relative_to(folder.resolve()):
        raise FileError(f"{entry['location']!r} is outside of the model's folder")
    length = int(entry["length"]) if entry.get("length") else None
    return read_bounded(place, limit, what="a file of weights", advice=IMPORT_BYTES.advice,
                        offset=int(entry.get("offset") or 0), length=length)  # fmt: skip


def names_of(names: Sequence[str]) -> str:
    """Return the names of inputs or outputs for a message, not more than a few of them."""
    return ", ".join(names[:_MANY]) + (f", and {len(names) - _MANY} more" if len(names) > _MANY else "")
