from collections.abc import Iterator

import pytest

from campaigns.ledger import Ledger, Prediction, ledger_path
from campaigns.specification import load
from campaigns.specification.policies import Approval
from dashboard.desk import Desk
from dashboard.parts import live
from models.values import Estimate
from tests.conftest import LIBRARY, begun


@pytest.fixture
def desk(home) -> Iterator[Desk]:
    home.mkdir(parents=True, exist_ok=True)
    made = Desk(home)
    yield made
    made.close()


@pytest.fixture
def proposal(home) -> str:
    """A proposed experiment, predicted, that waits for a person."""
    file = load(LIBRARY / "membrane.yaml")
    campaign = file.model_copy(update={"approval": Approval(policy="always"), "name": "asked"})
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        record = begun(ledger, campaign)
        experiment = ledger.propose(
            record.id,
            index=1,
            conditions={
                "polymer_wt_pct": 12.0,
                "nonsolvent_pct": 3.0,
                "bath_temperature_C": 25.0,
                "evaporation_s": 30.0,
            },
            units=campaign.units(),
            model_version="gaussian-process+4",
            author="test",
            reason="swarm: objective 1.2",
            manifold_distance=1.4,
        )
        predicted = Prediction("phase_fraction", "", Estimate(0.45, 0.01), "gaussian-process+4")
        ledger.record_predictions(experiment.id, [predicted])
        return experiment.id


@pytest.fixture(autouse=True)
def _quick(monkeypatch) -> None:
    """Pages look for changes often, so that nobody waits."""
    monkeypatch.setattr(live, "EVERY_S", 0.3)
