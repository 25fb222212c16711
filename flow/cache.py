"""Work that is done once: content digests, files written whole, stages and results kept by what they were made from.

A result is reused only while everything that it was made from is byte for byte the same, the generator's own source
included. So a key is a digest of contents, never of dates, and nothing is recorded before the work has succeeded.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from fewbit.places import HOME

__all__ = ["PACKAGES", "BuildStage", "Store", "atomic_write", "digest", "source_digest"]

PACKAGES = ("golden", "hw", "host", "sim", "train", "ptq", "flow")
"""The folders of fewbit's own source."""


def atomic_write(path: Path | str, content: str | bytes) -> Path:
    """Write ``content`` to ``path`` so that no reader ever sees half of it, and return the path.

    Text is written as UTF-8. Missing folders are made. The old file stays whole until the new one is, also when the
    program is killed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name differs for each writer: two processes may make the same result at once.
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _framed(part: Any) -> tuple[str, bytes]:
    """Return the kind of one part of a key, and the bytes that stand for it."""
    if isinstance(part, bytes):
        return "bytes", part
    if isinstance(part, Path):
        if part.is_dir():
            files = sorted(p for p in part.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
            return "folder", digest(*((p.relative_to(part).as_posix(), p) for p in files)).encode()
        return "file", part.read_bytes()
    if isinstance(part, tuple):
        return "tuple", digest(*part).encode()
    try:
        return "json", json.dumps(part, sort_keys=True, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"A part of a key must be a Path, bytes, a tuple of parts or JSON-able, not {part!r}"
        ) from error


def digest(*parts: Any) -> str:
    """Return the SHA-256, in hex, of ``parts``.

    A ``Path`` stands for the content of the file, or of all the files in the folder with their names; ``bytes`` for
    themselves; a tuple for a digest of its own parts; anything else, a ``str`` too, for its JSON text. Each part is
    framed by kind and length, so that no two lists of parts give the same bytes.

    Raises
    ------
    ValueError
        If a part is none of these.
    OSError
        If a file cannot be read.
    """
    total = hashlib.sha256()
    for part in parts:
        kind, content = _framed(part)
        total.update(f"{kind} {len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()


def source_digest(*packages: str, root: Path = HOME) -> str:
    """Return the digest of the Python source of our own ``packages``, so that a change of the code is a new key.

    Without any it is of all `PACKAGES`. They are folders of ``root``.

    Raises
    ------
    ValueError
        If one of them is no folder of fewbit.
    """
    packages = packages or PACKAGES
    for package in packages:
        if not (root / package).is_dir():
            raise ValueError(f"Package must be a room of fewbit ({', '.join(PACKAGES)}), not {package!r}")
    files = sorted(file for package in packages for file in (root / package).rglob("*.py"))
    return digest(*((file.relative_to(root).as_posix(), file) for file in files))


class BuildStage:
    """One step of a build that leaves files in a folder, skipped while its inputs and files are unchanged.

    ::

        stage = BuildStage(directory=folder, name="verilog", inputs=[Path(model), {"pe": 4}, source_digest("hw")])
        if not stage.done:
            with stage:
                atomic_write(stage.directory / "top.v", text)
                stage.outputs = ["top.v"]

    Parameters
    ----------
    directory : path
        Where the outputs and the stamp live; made on entry.
    name : str
        Name of the stage; its stamp is the file ``.{name}.stage``.
    inputs : iterable
        What the outputs are made from, as `digest` takes it.

    Attributes
    ----------
    directory : Path
    name : str
    key : str
        Digest of the name and the inputs.
    outputs : list of str
        Paths relative to ``directory``, set inside the ``with``; a stage is done only while the contents of all of them
        are as they were then.

    Raises
    ------
    ValueError
        If the name is no plain file name, or an input cannot be part of a key.
    """

    def __init__(self, *, directory: Path | str, name: str, inputs: Iterable[Any]):
        if not name or Path(name).name != name:
            raise ValueError(f"Name of a stage must be a plain file name, not {name!r}")
        self.directory = Path(directory)
        self.name = name
        self.key = digest(name, *inputs)
        self.outputs: list[str] = []

    @property
    def stamp(self) -> Path:
        """The file that says what the stage was last made from, and the digests of its outputs."""
        return self.directory / f".{self.name}.stage"

    @property
    def done(self) -> bool:
        """Whether the stage succeeded with these inputs and its outputs are still what it wrote."""
        record = _read_json(self.stamp)
        if not isinstance(record, dict) or record.get("key") != self.key:
            return False
        try:
            if any(digest(self.directory / name) != was for name, was in record["outputs"].items()):
                return False
        except OSError:
            return False
        self.outputs = list(record["outputs"])
        return True

    def __enter__(self) -> "BuildStage":
        self.directory.mkdir(parents=True, exist_ok=True)
        # From here on the outputs are in pieces; a stage that is interrupted must not look done.
        self.stamp.unlink(missing_ok=True)
        self.outputs = []
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            outputs = {str(name): digest(self.directory / name) for name in self.outputs}
            atomic_write(self.stamp, json.dumps({"key": self.key, "outputs": outputs}, indent=1) + "\n")


class Store:
    """Small JSON-able results kept by key: ``store[key]`` is what was put there, or None.

    Parameters
    ----------
    directory : path
        The folder, which holds one file ``{key}.json`` for each result. A file that is not JSON counts as absent.
    """

    def __init__(self, *, directory: Path | str):
        self.directory = Path(directory)

    def path(self, key: str, suffix: str = ".json") -> Path:
        """Return where the result of ``key`` lives, or with another ``suffix`` something beside it, such as its log."""
        return self.directory / f"{key}{suffix}"

    def __getitem__(self, key: str) -> Any:
        return _read_json(self.path(key))

    def __setitem__(self, key: str, result: Any) -> None:
        atomic_write(self.path(key), json.dumps(result, indent=1) + "\n")


def _read_json(path: Path) -> Any:
    """Return what the JSON file holds; None if it is missing or no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
