"""Documents reach a real Tiled server on loopback; one that is away stops nothing and gets them later."""

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from devices.errors import LabError
from tests.ports import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    # bluesky's writer gives Tiled's client arguments in their old order.
    pytest.mark.filterwarnings("ignore:The order of arguments has changed"),
]


class Tiled:
    """A server process with a catalogue in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.uri, self._folder = f"http://127.0.0.1:{self.port}", folder
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        log = self._folder / "tiled.log"
        command = [sys.executable, "-m", "tiled", "serve", "catalog", "--temp", "--api-key", "secret"]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port)], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + 60
        while b"Application startup complete" not in log.read_bytes():
            assert self._process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)

    def runs(self) -> dict[str, dict[str, object]]:
        """What the server has of each run: metadata, and the rows of its events by stream."""
        from tiled.client import from_uri

        client = from_uri(self.uri, api_key="secret")
        with client.context:
            return {
                run: {
                    **client[run].metadata,
                    "rows": {name: len(client[run][name].base["internal"].read()) for name in client[run]},
                }
                for run in client
            }

    def end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)


@pytest.fixture
def tiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiled]:
    monkeypatch.setenv("TILED_API_KEY", "secret")
    server = Tiled(tmp_path)
    yield server
    server.end()


def documents(folder: Path) -> dict[str, tuple[dict[str, object], dict[str, object], int]]:
    """Start, stop and number of events of each run on disk."""
    found = {}
    for path in folder.glob("*.jsonl"):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        events = sum(line["name"] == "event" for line in lines)
        start, stop = lines[0]["document"], lines[-1]["document"]
        found[start["uid"]] = (start, stop, events)
    return found


def test_runs_reach_the_server_and_wait_for_one_that_is_away(
    tiled, open_lab, write_lab, conditions, tmp_path, caplog
):
    from cli.main import app

    def sent_there(content) -> None:
        content["documents"] = {"tiled": {"uri": tiled.uri}}

    short = {**conditions, "time_min": 30.0}
    with caplog.at_level(logging.WARNING), open_lab(sent_there) as lab:
        assert lab.synthesise("b-1", short).state == "done"
    assert "Documents stay in" in caplog.text
    assert "Connection refused" in caplog.text
    checked = CliRunner().invoke(app, ["lab", "check", str(write_lab(sent_there)), "--json"])
    assert checked.exit_code == 1
    (row,) = [one for one in json.loads(checked.stdout)["devices"] if one["device"] == "documents"]
    assert "does not answer" in row["faults"][0]

    tiled.begin()
    with open_lab(sent_there) as lab:
        lab.acquire("b-1", 3000, 2, 0, tmp_path / "images")
    on_disk, there = documents(tmp_path / "state" / "runs"), tiled.runs()
    assert sorted(start["plan_name"] for start, _, _ in on_disk.values()) == ["image", "synthesise"]
    assert set(there) == set(on_disk)
    for run, (start, stop, events) in on_disk.items():
        assert there[run]["start"]["key"] == start["key"] == "b-1"
        assert there[run]["start"]["simulated"] is True
        assert there[run]["stop"]["exit_status"] == stop["exit_status"] == "success"
        assert sum(there[run]["rows"].values()) == events
    assert CliRunner().invoke(app, ["lab", "check", str(write_lab(sent_there))]).exit_code == 0


def test_what_an_attempt_left_half_sent_is_replaced(tiled, open_lab, conditions, tmp_path):
    from tiled.client import from_uri

    from devices.tiled import TiledMirror, TiledServer

    with open_lab() as lab:
        lab.synthesise("b-1", {**conditions, "time_min": 30.0})
    runs = tmp_path / "state" / "runs"
    (run,) = documents(runs)
    tiled.begin()
    client = from_uri(tiled.uri, api_key="secret")
    with client.context:
        client.create_container(key=run, metadata={"start": {"uid": run}})
    for _ in range(2):
        mirror = TiledMirror(TiledServer(uri=tiled.uri), runs)
        mirror.close()
        assert mirror.waiting() == []
    assert tiled.runs()[run]["stop"]["exit_status"] == "success"


def test_a_run_that_ends_while_another_is_sent_is_not_left_behind_by_closing(tmp_path):
    from devices.tiled import TiledMirror

    def write(name: str) -> None:
        whole = json.dumps({"name": "stop", "document": {}})
        (tmp_path / f"{name}.jsonl").write_text(whole, encoding="utf-8")

    sending, go_on = threading.Event(), threading.Event()

    class Slow:
        uri = "http://127.0.0.1:1"

        def fault(self) -> None:
            return None

        def send(self, documents: list[dict[str, object]]) -> None:
            sending.set()
            assert go_on.wait(20)

    write("first")
    mirror = TiledMirror(Slow(), tmp_path)
    assert sending.wait(20)
    write("second")
    closing = threading.Thread(target=mirror.close)
    closing.start()
    time.sleep(0.2)
    go_on.set()
    closing.join(20)
    assert mirror.waiting() == []


def test_a_server_without_its_key_is_one_sentence(open_lab, monkeypatch):
    monkeypatch.delenv("LAB_KEY", raising=False)

    def no_key(content) -> None:
        content["documents"] = {"tiled": {"uri": "http://127.0.0.1:1", "api_key_env": "LAB_KEY"}}

    with pytest.raises(LabError, match="the environment variable LAB_KEY with its API key is not set"):
        open_lab(no_key)
