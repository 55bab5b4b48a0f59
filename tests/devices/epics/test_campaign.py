"""A whole campaign over Channel Access makes the decisions that it makes in process."""

import dataclasses
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LIBRARY = Path(__file__).parents[3] / "campaigns" / "library"


def test_a_campaign_decides_as_in_process(prefect_api, serve, tmp_path, monkeypatch):
    from flows.campaign import campaign

    served = serve("--campaign-seed", "0", plant="membrane")
    content = yaml.safe_load((LIBRARY / "membrane.yaml").read_text(encoding="utf-8"))
    content["budget"] = {"experiments": 2}
    content["imaging"]["views"][0]["fields"] = {"min": 2, "max": 3}
    results, images = [], []
    for name, lab in (("ioc", served.lab_file()), ("in", served.plant_file)):
        home = tmp_path / name
        monkeypatch.setenv("MORPHOLOOP_HOME", str(home))
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump({**content, "lab": str(lab)}, allow_unicode=True), encoding="utf-8")
        status = campaign(file)
        results.append(dataclasses.replace(status, seconds=0.0, report=""))
        stored = sorted((home / "simulated" / "micrographs").rglob("*.tif"))
        images.append([sha256(path.read_bytes()).hexdigest() for path in stored])
    assert results[0] == results[1]
    assert images[0] == images[1]
    assert len(results[0].iterations) == 2
    assert len(images[0]) >= 4
    assert {one.reactor_starts for one in results[0].iterations} == {1}
    assert served.get("Reactor:Starts") == 2
