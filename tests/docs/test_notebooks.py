"""The notebooks as they are kept: without outputs, so that a change of one is a change of what it says."""

from pathlib import Path

import nbformat
import pytest

from tests.docs.reading import NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_is_kept(path: Path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert cells
    assert not any(cell.outputs or cell.execution_count for cell in cells)
