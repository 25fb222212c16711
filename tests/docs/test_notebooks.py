"""The notebooks of the examples run from the first cell to the last, in an empty folder."""

import pytest

from fewbit.places import CACHE, HOME

NOTEBOOKS = sorted((HOME / "examples" / "notebooks").glob("*.ipynb"))


def test_they_are_stored_without_what_they_print():
    import nbformat

    assert len(NOTEBOOKS) == 2
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert all(
            not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code"
        )


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, scratch, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("FEWBIT_CACHE", str(CACHE))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=1200, kernel_name="python3", resources={"metadata": {"path": str(scratch)}}
    ).execute()
    shown = [cell.outputs for cell in notebook.cells if cell.cell_type == "code" and cell.outputs]
    assert len(shown) > 3
