"""The API over one state directory with somebody in each role; made once a module."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from campaigns.ledger import Ledger, Micrograph, ledger_path
from campaigns.people import People, Role
from campaigns.report import overlay_path
from campaigns.specification import load
from dashboard.api import create_api
from dashboard.computed import report_now
from dashboard.security import CSRF_HEADER, Guard, Settings
from dashboard.worker import Worker
from models.errors import UnusableInput
from tests.conftest import LIBRARY, begun

PASSWORD = "seven samples of grey powder"
SHA256 = "ab" * 32


class NoNetworks(Worker):
    """In place of the process that loads networks: writes reports and nothing else."""

    def answer(self, function: Any, *arguments: object) -> Any:
        if function is report_now:
            return function(*arguments)
        raise UnusableInput(f"{function.__name__} is not computed here.")


@dataclass
class Bench:
    """A state directory, its API, a token for each role, and a campaign with a proposal."""

    home: Path
    api: FastAPI
    people: People
    tokens: dict[Role, str]
    campaign: str

    def client(self, role: Role | None = None, **options: Any) -> TestClient:
        headers = {} if role is None else {"Authorization": f"Bearer {self.tokens[role]}"}
        return TestClient(self.api, base_url="http://127.0.0.1:8080", headers=headers, **options)

    def browser(self, name: str) -> TestClient:
        """A client that signed in as a browser does, and sends its CSRF token."""
        client = self.client()
        answer = client.post("/session", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers[CSRF_HEADER] = answer.json()["csrf"]
        return client

    def propose(self) -> str:
        """Another proposal, and its id."""
        campaign = load(LIBRARY / "membrane.yaml")
        with Ledger.open(ledger_path(self.home, simulated=True), simulated=True) as ledger:
            index = len(ledger.experiments(self.campaign)) + 1
            low = {p.name: p.bounds[0] for p in campaign.parameters if p.bounds}
            one = ledger.propose(
                self.campaign,
                index=index,
                conditions={**low, "polymer_wt_pct": 15.0 + 0.01 * index},
                units=campaign.units(),
                model_version="m",
                author="test",
            )
            path = self.home / "simulated" / "micrographs" / "ab" / f"{SHA256}.tif"
            picture = Micrograph("measured", 5000, 0, path, SHA256, 0.02)
            ledger.record_micrographs(one.id, [picture])
            overlay = overlay_path(picture)
            overlay.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.zeros((8, 8), np.uint8)).save(overlay)
        return one.id


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    home = tmp_path_factory.mktemp("bench") / "home"
    patch = pytest.MonkeyPatch()
    # Hashes cost what they have to elsewhere.
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    patch.setattr("campaigns.people.passwords._hasher", cheap)
    patch.setattr("campaigns.people.passwords._NOBODY", cheap.hash("nobody knows this one"))
    # Where Prefect may drive a campaign, a decision starts no process here; this one never answers.
    patch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    campaign = load(LIBRARY / "membrane.yaml")
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        record = begun(ledger, campaign)
    with People.open(home) as people:
        tokens = {}
        for role in Role:
            people.add(role.value, role, PASSWORD if role is Role.OPERATOR else None, by="test")
            tokens[role] = people.add_token(role.value, "test", by="test")[0]
        people.add("second", Role.OPERATOR, PASSWORD, by="test")
        guard = Guard(people, Settings())
        api = create_api(home, people=people, guard=guard, worker=NoNetworks())
        yield Bench(home, api, people, tokens, record.id)
    patch.undo()
