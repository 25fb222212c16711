"""What runs beside the hardware, as files: the drivers of `fewbit.host`, and what they import of the package."""

import ast
from collections.abc import Iterator

from fewbit.places import HOME

__all__ = ["host_software"]


def host_software() -> dict[str, str]:
    """Return the texts by path of a package ``fewbit`` of the drivers alone; besides it they need NumPy.

    The files are those of ``host``, and all that these import, followed to the end.
    """
    wanted = [path.relative_to(HOME).as_posix() for path in sorted((HOME / "host").glob("*.py"))]
    found: dict[str, str] = {}
    while wanted:
        path = wanted.pop()
        if path in found:
            continue
        found[path] = (HOME / path).read_text(encoding="utf-8")
        *folders, _ = path.split("/")
        wanted += ["/".join([*folders[:k], "__init__.py"]) for k in range(1, len(folders) + 1)]
        wanted += [name for name in _imported(path, found[path]) if (HOME / name).is_file()]
    return {f"fewbit/{path}": text for path, text in sorted(found.items())} | {"fewbit/__init__.py": ""}


def _imported(path: str, text: str) -> Iterator[str]:
    """Yield the paths that the imports of a file may stand for: of a module, or of one in a package."""
    package = path.split("/")[:-1]
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            base = package[: len(package) - node.level + 1]
        elif (node.module or "").startswith("fewbit."):
            base = []
        else:
            continue
        module = [*base, *(node.module or "").removeprefix("fewbit.").split(".")] if node.module else base
        yield "/".join(module) + ".py"
        yield from ("/".join([*module, alias.name]) + ".py" for alias in node.names)
