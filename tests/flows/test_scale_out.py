"""Quantification of folders and the generator's evaluations on a local Dask cluster: the same numbers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.errors import UnusableInput

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a scheduler with two workers, each a process."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as running:
        yield running.scheduler_address


def quantified(capsys: pytest.CaptureFixture[str], folder: Path) -> dict[str, object]:
    from cli.main import run

    with pytest.raises(SystemExit) as end:
        run(["quantify", str(folder), "--kind", "phase", "--json"])
    assert end.value.code == 0
    result: dict[str, object] = json.loads(capsys.readouterr().out)
    return result


def test_a_folder_gives_the_same_numbers_on_two_workers(cluster, tmp_path, monkeypatch, capsys):
    import numpy as np
    import tifffile

    random = np.random.default_rng(0)
    for number in range(6):
        blocks = np.kron(random.random((32, 32)) < 0.4, np.ones((8, 8))) * 150 + 50
        noisy = (blocks + random.normal(0, 5, blocks.shape)).clip(0, 255).astype(np.uint8)
        tifffile.imwrite(
            tmp_path / f"{number}.tif",
            noisy,
            resolution=(10_000.0 / 0.02, 10_000.0 / 0.02),
            resolutionunit="CENTIMETER",
        )
    here = quantified(capsys, tmp_path)
    monkeypatch.setenv("MORPHOLOOP_DASK", cluster)
    there = quantified(capsys, tmp_path)
    assert there == here
    assert len(there["images"]) == 6  # type: ignore[arg-type]


def test_predictions_are_those_of_one_machine(cluster, tmp_path, home):
    from flows.scale_out import SpreadPredictor
    from models.generator import load, registry
    from models.inverse.generated import GeneratorPredictor
    from tests.flows.imagined import conditions, install

    folder = registry.locate(install(home, tmp_path / "made"), home)
    generator = load(folder)
    wanted, images = ["phase_fraction", "correlation_length_um"], {5000: 2}
    many = [conditions(polymer) for polymer in (10.0, 13.0, 17.0, 21.0, 25.0)]
    here = GeneratorPredictor(generator, wanted, images=images, seed=3)
    there = SpreadPredictor(generator, wanted, images=images, seed=3, folder=folder, address=cluster)
    for one, other in zip(here.predict(many), there.predict(many), strict=True):
        for name in wanted:
            assert other[name].mean == pytest.approx(one[name].mean, rel=1e-3, nan_ok=True)
            assert other[name].sd == pytest.approx(one[name].sd, rel=1e-2, nan_ok=True)
    assert there.images_generated == here.images_generated == 10
    assert there.predict(many) == there.predict(many)
    assert there.images_generated == 10


def test_a_scheduler_that_is_not_there_is_told(monkeypatch):
    from flows import scale_out

    monkeypatch.setattr(scale_out, "CONNECT_S", 0.5)
    with pytest.raises(UnusableInput, match=r"tcp://127\.0\.0\.1:9 cannot be reached .* unset it"):
        scale_out.spread(str, [1], "tcp://127.0.0.1:9", lambda: None)
