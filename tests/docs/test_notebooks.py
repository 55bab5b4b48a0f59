"""The notebooks run as they stand, from top to bottom, in a kernel of their own."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.docs.reading import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_is_kept(path: Path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert cells
    assert not any(cell.outputs or cell.execution_count for cell in cells)


@pytest.mark.slow
@pytest.mark.timeout(240)
# Threads of the kernel's client that end a moment after it.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_as_it_stands(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MORPHOLOOP_HOME")
    monkeypatch.delenv("MPLBACKEND")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    book = nbformat.read(path, as_version=4)
    NotebookClient(book, timeout=200, resources={"metadata": {"path": str(tmp_path)}}).execute()
    made = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [output for output in made if "image/png" in output.get("data", {})]
    tables = [output for output in made if "text/html" in output.get("data", {})]
    assert len(pictures) >= 2
    assert len(tables) >= 3
    assert not [output for output in made if output.output_type == "error"]
