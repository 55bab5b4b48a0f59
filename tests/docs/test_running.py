"""The tutorial as it is printed, page after page in one folder; the notebooks; the quick README."""

import glob
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import tifffile
from nbclient import NotebookClient
from PIL import Image

from cli.main import run
from docs.site.commands import called
from tests.docs.reading import NOTEBOOKS, ROOT, blocks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NOT_RUN = {
    "make ": "sets an environment up, or takes minutes",
    ". .venv": "this is that environment",
    "pip install": "tests/packaging does it",
    "morpholoop init": "for a wheel; tests/packaging does it",
    "morpholoop user add": "asks for a password",
    "morpholoop dashboard": "serves until it is stopped; tests/dashboard starts it",
    "morpholoop model train": "hours",
    "morpholoop model fine-tune": "minutes; tests/flows/test_learning.py does it",
    "morpholoop generate": "a quarter of a minute; tests/cli/test_model.py does it, smaller",
    "morpholoop predict  --set": "the tutorial does it with fewer images",
    "morpholoop invert": "minutes; tests/cli/test_model.py does it, smaller",
    "morpholoop lab stop LAB.yaml": "stands for a lab file",
    "morpholoop dry-run my-campaign.yaml": "the tutorial does it",
    "morpholoop dry-run campaigns/library/lmr-precursor.yaml": "minutes; tests/flows does it",
}
"""Beginnings of commands that are only held against the declared ones, and why."""

READ_ONLY = {
    "docs/connect-your-reactor.md": "a served plant in another shell; tests/devices/epics serves one",
    "docs/deploy.md": "servers and several machines; tests/flows/deployments starts them",
    "docs/explanation/safety.md": "a lab file of one's own",
    "docs/faults.md": "tests/flows/faults does it",
    "docs/manual-lab.md": "a person at the bench; tests/devices/manual is one",
    "docs/model-card.md": "hours",
    "docs/operating.md": "a password, and a server",
    "docs/quantification.md": "images of one's own; the README's are of the same kind",
    "docs/representativity.md": "images of one's own; the tutorial has some",
    "docs/rest-api.md": "a running dashboard; tests/dashboard/api has one",
    "docs/security.md": "passwords; tests/cli/test_people.py gives them",
    "docs/segmenters.md": "images of one's own, and hours of training",
    "docs/training.md": "hours",
}
"""Pages whose commands are only held against the declared ones, and why."""


def skipped(line: str) -> bool:
    return line.lstrip().startswith(tuple(NOT_RUN))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a clone: the library is where the pages say."""
    place = tmp_path_factory.mktemp("clone")
    (place / "campaigns").symlink_to(ROOT / "campaigns")
    return place


@pytest.fixture
def there(folder: Path, monkeypatch: pytest.MonkeyPatch, prefect_api: str) -> Path:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MORPHOLOOP_HOME", str(folder / ".morpholoop"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return folder


def do(line: str) -> None:
    """Run one line of a page: morpholoop here, where it is imported already, anything else in a shell."""
    calls = called(line)
    if not calls or not line.startswith("morpholoop"):
        subprocess.run(["bash", "-ec", line], check=True, timeout=200)
        return
    for arguments in calls:
        words = [one for word in arguments for one in (sorted(glob.glob(word)) if "*" in word else [word])]
        with pytest.raises(SystemExit) as end:
            run(words)
        assert end.value.code in ((0, 1) if line.endswith("|| true") else (0,)), line


def follow(page: str) -> int:
    """Do what a page says, from its top; returns how many commands were run."""
    done = 0
    for block in blocks("sh", "yaml", "python"):
        if block.page != page:
            continue
        if block.language == "yaml":
            if "parameters:" in block.text:
                Path("ours.yaml").write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            subprocess.run([sys.executable, "-c", block.text], check=True, timeout=200)
        else:
            for line in block.commands:
                if not skipped(line):
                    do(line)
                    done += 1
    return done


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs" / "tutorial").glob("[0-9]*.md")))
def test_the_tutorial_runs_as_it_is_printed(page, there):
    assert follow(f"docs/tutorial/{page}") >= 2


# Threads of the kernel's client end a moment after it.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_as_it_stands(path: Path, there: Path, monkeypatch: pytest.MonkeyPatch):
    """In a kernel of its own; the one about campaigns shows the newest of the tutorial's."""
    monkeypatch.delenv("MPLBACKEND")
    monkeypatch.setenv("TMPDIR", str(there))
    book = nbformat.read(path, as_version=4)
    NotebookClient(book, timeout=200, resources={"metadata": {"path": str(there)}}).execute()
    made = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [output for output in made if "image/png" in output.get("data", {})]
    tables = [output for output in made if "text/html" in output.get("data", {})]
    assert len(pictures) >= 2
    assert len(tables) >= 3


@pytest.fixture
def images(there: Path) -> None:
    """What the README supposes to lie there; the tutorial's dry run stands in for its own of minutes."""
    if not (there / ".morpholoop").exists():
        follow("docs/tutorial/1-first-dry-run.md")
    rows, columns = np.mgrid[:384, :384]
    discs = np.where((rows % 96 - 48) ** 2 + (columns % 96 - 48) ** 2 < 30**2, 210, 60)
    field = np.clip(discs + np.random.default_rng(0).normal(0, 4, discs.shape), 0, 255).astype(np.uint8)
    for name in ("my-images/a.tif", "close-ups/b.tif", "a.tif"):
        (there / name).parent.mkdir(exist_ok=True)
        told = {"axes": "YX", "PhysicalSizeX": 0.033, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.033}
        tifffile.imwrite(there / name, field, metadata=told, ome=True)
    Image.fromarray((discs > 100).astype(np.uint8)).save(there / "segmented.png")
    lab = ROOT / "campaigns" / "library" / "labs" / "simulated-membrane.yaml"
    campaign = (ROOT / "campaigns" / "library" / "membrane.yaml").read_text(encoding="utf-8")
    (there / "my-campaign.yaml").write_text(campaign.replace("labs/simulated-membrane.yaml", str(lab)))


@pytest.mark.usefixtures("images")
def test_the_readme_runs_as_it_is_printed():
    assert follow("README.md") >= 10


def test_what_is_only_read_still_has_commands():
    with_commands = {block.page for block in blocks("sh", "console", "") if any(map(called, block.commands))}
    assert set(READ_ONLY) - with_commands == set()


def test_what_is_not_run_is_still_printed_somewhere():
    lines = [line.lstrip() for block in blocks("sh") for line in block.commands]
    idle = [beginning for beginning in NOT_RUN if not any(line.startswith(beginning) for line in lines)]
    assert idle == []
