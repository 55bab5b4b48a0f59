"""The wheel, built as a release is, has all it needs and works where there is no checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import time
import urllib.error
import urllib.request
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
PACKAGES = ("campaigns", "cli", "dashboard", "devices", "flows", "models", "sim")


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and the wheel that was made from it."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=200,
    )
    return out


@pytest.fixture(scope="module")
def outside(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of a virtual environment with the wheel; what it requires is this one's."""
    place = tmp_path_factory.mktemp("venv")
    venv.create(place, with_pip=False)
    purelib = place / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python")]
    wheel = str(next(distributions.glob("*.whl")))
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True, timeout=100)
    # As a path it brings its packages in, but not the .pth file of an editable installation.
    (purelib / "requirements.pth").write_text(sysconfig.get_path("purelib"))
    return place / "bin"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    empty = tmp_path / "empty"
    empty.mkdir()
    return empty


def morpholoop(outside: Path, folder: Path, *arguments: str, status: int = 0) -> str:
    environment = {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PREFECT_HOME")
    }
    done = subprocess.run(
        [str(outside / "morpholoop"), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout


def tracked(*folders: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a checkout")
    return {name for name in listed.stdout.split() if (ROOT / name).exists()}


def test_the_wheel_has_every_file_of_the_packages(distributions):
    with zipfile.ZipFile(next(distributions.glob("*.whl"))) as wheel:
        inside = set(wheel.namelist())
    assert tracked(*PACKAGES) - inside == set()
    assert {name.split("/")[0] for name in inside if ".dist-info/" not in name} == set(PACKAGES)


def test_the_source_distribution_has_documents_and_tests(distributions):
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as source:
        inside = {name.partition("/")[2] for name in source.getnames()}
    left_out = tracked() - inside
    assert {name for name in left_out if not name.startswith(".")} == set()


def test_an_installed_one_is_sound(outside, folder):
    found = json.loads(morpholoop(outside, folder, "doctor", "--json"))
    details = {check["name"]: check["detail"] for check in found["checks"]}
    assert found["ok"], details
    assert "lmr-6" in details["weights"]
    assert "simulated-membrane" in details["labs"]
    where = subprocess.run(
        [str(outside / "python"), "-c", "import campaigns; print(campaigns.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    assert str(outside.parent) in where.stdout


def test_images_are_measured_and_predicted_outside(outside, folder):
    rows, columns = np.mgrid[:384, :384]
    discs = ((rows % 96 - 48) ** 2 + (columns % 96 - 48) ** 2 < 30**2) * 150 + 60
    noise = np.random.default_rng(0).normal(0, 4, discs.shape)
    Image.fromarray(np.clip(discs + noise, 0, 255).astype(np.uint8)).save(folder / "discs.png")
    measured = json.loads(
        morpholoop(outside, folder, "quantify", "discs.png", "--pixel-size-um", "0.1", "--json")
    )
    assert measured["pooled"]["d50_um"]["value"] == pytest.approx(6.0, rel=0.05)
    conditions = ("pH=10.5", "naoh_factor=0.14", "nh4oh_factor=0.16", "time_min=480", "atmosphere=N2")
    settings = [part for condition in conditions for part in ("--set", condition)]
    predicted = json.loads(morpholoop(outside, folder, "predict", *settings, "-n", "2", "--json"))
    assert predicted["in_manifold"]


def test_a_campaign_runs_from_a_folder_laid_out_by_init(outside, folder):
    laid = json.loads(morpholoop(outside, folder, "init", "lab", "--json"))
    assert laid["kept"] == []
    lab = folder / "lab"
    assert (lab / "prefect.yaml").is_file()
    again = json.loads(morpholoop(outside, folder, "init", "lab", "--json"))
    assert again["copied"] == []
    assert sorted(again["kept"]) == sorted(laid["copied"])
    morpholoop(outside, lab, "campaign", "validate", "campaigns/library/lmr-precursor.yaml")
    ran = morpholoop(
        outside, lab, "dry-run", "campaigns/library/membrane.yaml", "--iterations", "1", "--json", status=1
    )
    ended = json.loads(ran)
    assert ended["status"] == "budget_spent"
    assert Path(ended["report"]).is_file()


def test_the_dashboard_starts_outside(outside, folder):
    port = free_port()
    log = folder / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [str(outside / "morpholoop"), "dashboard", "--port", str(port)],
            cwd=folder,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        ) as process,
    ):
        try:
            style = _get(f"http://127.0.0.1:{port}/", process, log)
        finally:
            process.terminate()
    assert "morpholoop" in style


def _get(url: str, process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(log.read_text())
