"""The environment of every test, set before Prefect is imported: a state directory of its own, no network."""

import os
import re
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from campaigns.ledger import CampaignRecord, Ledger
    from campaigns.specification import Campaign
    from tests.postgresql import Server

LIBRARY = Path(__file__).parents[1] / "campaigns" / "library"
_session = Path(tempfile.mkdtemp(prefix="morpholoop-tests-"))
os.environ.update(
    MORPHOLOOP_HOME=str(_session / "home"),
    PREFECT_HOME=str(_session / "prefect"),
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_LOGGING_TO_API_ENABLED="false",
    PREFECT_CLI_PROMPT="false",
    DO_NOT_TRACK="1",
    HF_HUB_OFFLINE="1",
    MPLBACKEND="Agg",
    # One thread a process: on a shared machine two threads in one process are several times slower than one.
    OMP_NUM_THREADS="1",
    MKL_NUM_THREADS="1",
)

# A shell that starts a job in the background has it ignore Ctrl-C; here and in children it must be heard.
signal.signal(signal.SIGINT, signal.default_int_handler)


WHOLLY_SLOW = re.compile(r"^pytestmark = \[?\s*.*pytest\.mark\.slow", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out modules of slow tests alone when the quick ones are asked for: their imports take seconds."""
    if config.option.markexpr != "not slow":
        return None
    # A folder of slow modules alone is left out whole: what its conftest imports takes seconds too.
    modules = list(collection_path.rglob("test_*.py")) if collection_path.is_dir() else []
    if collection_path.suffix == ".py":
        modules = [collection_path]
    slow = [bool(WHOLLY_SLOW.search(module.read_text(encoding="utf-8"))) for module in modules]
    return bool(slow and all(slow)) or None


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory for this test alone (made by what first needs it)."""
    directory = tmp_path / "home"
    monkeypatch.setenv("MORPHOLOOP_HOME", str(directory))
    return directory


@pytest.fixture(scope="session")
def prefect_api() -> Iterator[str]:
    """The URL of a Prefect server that lives as long as the session."""
    from prefect.settings import PREFECT_API_URL

    from flows.server import prefect_server

    with prefect_server():
        yield PREFECT_API_URL.value()


@pytest.fixture(scope="session")
def postgresql() -> Iterator["Server"]:
    """A PostgreSQL server that lives as long as the session."""
    from tests.postgresql import programs, server

    if programs() is None:
        pytest.skip("PostgreSQL is not installed: no initdb on the path or in /usr/lib/postgresql")
    with server() as running:
        yield running


def begun(ledger: "Ledger", campaign: "Campaign") -> "CampaignRecord":
    """A membrane campaign that has just begun."""
    return ledger.start_campaign(
        name=campaign.name,
        seed=0,
        specification=campaign.to_json(),
        digest=campaign.digest(),
        lab=str(campaign.lab),
        targets=campaign.targets(),
        units={**campaign.units(), "phase_fraction": "", "correlation_length_um": "µm"},
        author="test",
    )


@pytest.fixture
def campaign_id(home: Path) -> str:
    """A campaign in the ledger with one proposed experiment, one field of view and its overlay."""
    import numpy as np
    from PIL import Image

    from campaigns.ledger import Ledger, Measurement, Micrograph, ledger_path
    from campaigns.report import overlay_path
    from campaigns.specification import load
    from models.values import Interval

    campaign = load(LIBRARY / "membrane.yaml")
    path = ledger_path(home, simulated=True)
    with Ledger.open(path, simulated=True) as ledger:
        record = begun(ledger, campaign)
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


def pytest_sessionfinish() -> None:
    import shutil

    shutil.rmtree(_session, ignore_errors=True)
