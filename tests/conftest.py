"""The environment of every test, set before Prefect is imported: a state directory of its own, no network."""

import os
import tempfile
from pathlib import Path

import pytest

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


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory for this test alone (made by what first needs it)."""
    directory = tmp_path / "home"
    monkeypatch.setenv("MORPHOLOOP_HOME", str(directory))
    return directory


def pytest_sessionfinish() -> None:
    import shutil

    shutil.rmtree(_session, ignore_errors=True)
