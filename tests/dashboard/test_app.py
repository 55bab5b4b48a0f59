import io

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from dashboard.app import create_app


@pytest.fixture
def client(home) -> TestClient:
    return TestClient(create_app(home))


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
