import io
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from campaigns.ledger import Ledger, Measurement, Micrograph, ledger_path
from campaigns.report import overlay_path
from campaigns.specification import load
from dashboard.app import create_app
from models.values import Interval

LIBRARY = Path(__file__).parents[2] / "campaigns" / "library"


@pytest.fixture
def client(home: Path) -> TestClient:
    return TestClient(create_app(home))


@pytest.fixture
def campaign_id(home: Path) -> str:
    """A campaign with one experiment, one field of view and its overlay."""
    campaign = load(LIBRARY / "membrane.yaml")
    path = ledger_path(home, simulated=True)
    with Ledger.open(path, simulated=True) as ledger:
        record = ledger.start_campaign(
            name=campaign.name,
            seed=0,
            specification=campaign.to_json(),
            digest=campaign.digest(),
            lab=str(campaign.lab),
            targets=campaign.targets(),
            units={**campaign.units(), "phase_fraction": "", "correlation_length_um": "µm"},
            author="test",
        )
        conditions = {p.name: p.bounds[0] for p in campaign.parameters if p.bounds}
        experiment = ledger.propose(
            record.id,
            index=1,
            conditions=conditions,
            units=campaign.units(),
            model_version="design",
            author="test",
        )
        field = path.parent / "micrographs" / "ab" / f"{'ab' * 32}.tif"
        micrograph = Micrograph("measured", 5000, 0, field, "ab" * 32, 0.02)
        ledger.record_micrographs(experiment.id, [micrograph])
        overlay = overlay_path(micrograph)
        overlay.parent.mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(overlay)
        interval = Interval(0.41, 0.40, 0.42, 0.95, 4, 4)
        ledger.record_measurements(experiment.id, [Measurement("phase_fraction", "", interval)])
    return record.id


def test_an_empty_state_directory_has_a_page(client):
    assert "No campaign yet" in client.get("/").text
    assert client.get("/api/campaigns").json() == {"campaigns": []}


def test_campaigns_are_listed_and_say_that_they_are_simulated(client, campaign_id):
    page = client.get("/")
    assert f"/campaigns/{campaign_id}" in page.text
    assert "simulated lab" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    (row,) = client.get("/api/campaigns").json()["campaigns"]
    assert row["simulated"] is True
    assert row["status"] == "running"


def test_a_running_campaigns_page_is_its_report_and_reloads(client, campaign_id):
    page = client.get(f"/campaigns/{campaign_id}").text
    assert "Experiment 1" in page
    assert 'http-equiv="refresh"' in page
    assert "0.4 … 0.42" in page


def test_the_api_gives_the_status_object_and_each_experiment(client, campaign_id):
    status = client.get(f"/api/campaigns/{campaign_id}").json()
    assert status["iterations"][0]["measured"]["phase_fraction"]["ci"] == [0.40, 0.42]
    experiment = client.get(f"/api/campaigns/{campaign_id}/experiments/1").json()
    assert experiment["state"] == "proposed"
    (micrograph,) = experiment["micrographs"]
    picture = client.get(micrograph["picture"])
    assert Image.open(io.BytesIO(picture.content)).size == (8, 8)


def test_what_is_not_there_is_404(client, campaign_id):
    for path in (
        "/campaigns/none",
        "/api/campaigns/none",
        f"/api/campaigns/{campaign_id}/experiments/9",
        f"/campaigns/{campaign_id}/pictures/{'cd' * 32}.png",
        f"/campaigns/{campaign_id}/pictures/..%2F..%2Flab.db.png",
    ):
        assert client.get(path).status_code == 404, path


def test_nothing_can_be_changed_here(client, campaign_id):
    paths = ["/", "/api/campaigns", f"/api/campaigns/{campaign_id}", f"/campaigns/{campaign_id}"]
    for path in paths:
        for method in (client.post, client.put, client.delete, client.patch):
            assert method(path).status_code == 405
