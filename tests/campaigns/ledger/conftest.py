import math
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from campaigns.ledger import CampaignRecord, ExperimentRecord, Ledger
from models.values import Target

if TYPE_CHECKING:
    from tests.postgresql import Server

TARGETS = (
    Target("d50_um", "value", 8.0, 8.0, 1.0, 0.4, 0.4),
    Target("sphericity_sd", "at_most", -math.inf, 0.06, 1.0, 0.01, 0.003),
)


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_(self, **span: float) -> None:
        self.time += timedelta(**span)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database at head: migrating one for every test would cost more than the tests."""
    path = tmp_path_factory.mktemp("ledger") / "template.db"
    Ledger.open(path, simulated=True).close()
    return path


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: "Server") -> str:
    """The same in PostgreSQL: the name of the database to copy."""
    name = postgresql.database()
    Ledger.open(postgresql.url(name), simulated=True).close()
    return name


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """A migrated database of its own for this test, in each of the two systems."""
    if request.param == "sqlite":
        path = tmp_path / "lab.db"
        shutil.copy(request.getfixturevalue("migrated"), path)
        return path
    template = request.getfixturevalue("migrated_postgresql")
    server = request.getfixturevalue("postgresql")
    return str(server.url(server.database(template)))


@pytest.fixture
def ledger(location: Path | str, clock: Clock) -> Iterator[Ledger]:
    with Ledger.open(location, simulated=True, now=clock) as opened:
        yield opened


@pytest.fixture
def campaign(ledger: Ledger) -> CampaignRecord:
    return ledger.start_campaign(
        name="simple",
        seed=0,
        specification="{}",
        digest="d",
        lab="simulated",
        targets=TARGETS,
        units={"pH": "–", "d50_um": "µm", "sphericity_sd": "–"},
        author="worker",
    )


@pytest.fixture
def proposed(ledger: Ledger, campaign: CampaignRecord) -> ExperimentRecord:
    return ledger.propose(
        campaign.id,
        index=1,
        conditions={"pH": 10.5, "gas": "N2"},
        units={"pH": "–", "gas": "–"},
        model_version="compact-1",
        author="swarm",
    )
