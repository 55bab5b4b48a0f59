"""A controller in a process of its own, and lab files that drive it over Channel Access on loopback."""

import copy
import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devices.epics import access
from tests.ports import free_port

SHIPPED = Path(__file__).parents[3] / "campaigns" / "library" / "labs"
_numbers = itertools.count()

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="session")
def port() -> int:
    """One for all controllers of this process, one after the other: EPICS reads its environment once."""
    free = free_port()
    access.begin([f"127.0.0.1:{free}"])
    return free


class Served:
    """A controller: its process, the prefix of its PVs, its journal's folder and how a client gets there."""

    def __init__(
        self, folder: Path, port: int, plant: str, options: tuple[str, ...], change: Change | None = None
    ) -> None:
        self.folder, self.state = folder, folder / "controller"
        self.prefix = f"T{next(_numbers)}:"
        self._plant, self._port, self._options = plant, port, options
        self._log = folder / "controller.log"
        content = yaml.safe_load((SHIPPED / f"simulated-{plant}.yaml").read_text(encoding="utf-8"))
        content["microscope"]["options"]["scan"] = [160, 120]
        if change is not None:
            change(content)
        self.plant_file = folder / "plant.yaml"
        self.plant_file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        self.begin()

    def begin(self) -> None:
        """Start it (again)."""
        command = [sys.executable, "-m", "cli.main", "lab", "serve-ioc", str(self.plant_file), "--seed", "3"]
        command += ["--prefix", self.prefix, "--port", str(self._port), "--state", str(self.state)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *self._options], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 40
        while b"Serving" not in self._log.read_bytes():
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def lab_file(self, change: Change | None = None, name: str = "lab.yaml") -> Path:
        """A lab file over EPICS for it: the plant's own limits, and PVs in place of simulated devices."""
        content = yaml.safe_load(self.plant_file.read_text(encoding="utf-8"))
        options = {"prefix": self.prefix, "addresses": [f"127.0.0.1:{self._port}"], "heartbeat_s": 0.2}
        content["backend"] = {"class": "devices.epics.backend:EpicsBackend", "options": options}
        content["microscope"]["class"] = "devices.epics.microscope:EpicsMicroscope"
        content["microscope"].pop("options", None)
        # Each of its own: what YAML's anchors share is one object here.
        several = {name: copy.deepcopy(one) for name, one in content.pop("reactors", {}).items()}
        if several:
            content["reactors"] = several
        for name, reactor in (several or {"Reactor": content.get("reactor")}).items():
            reactor["class"] = "devices.epics.reactor:EpicsReactor"
            reactor["options"] = {"sensors": ["pressure_bar", "gas_flow_L_min"]}
            if several:
                reactor["options"]["base"] = f"{name}:"
            for set_point in reactor["set_points"].values():
                set_point.pop("options", None)
        if change is not None:
            change(content)
        path = self.folder / name
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        return path

    def get(self, name: str) -> Any:
        """The value of a PV, past our own devices; text as text."""
        value = self._pv(name).get(use_monitor=False, as_string=name.rsplit(":")[-1] in ("State", "Watchdog"))
        if isinstance(value, str) or not hasattr(value, "tobytes"):
            return value
        return value.astype("u1").tobytes().split(b"\0")[0].decode()

    def put(self, name: str, value: Any) -> None:
        """Write a PV as any Channel Access client could."""
        if isinstance(value, str):
            value = [*value.encode(), 0, 0]
        self._pv(name).put(value, wait=True, timeout=5)

    def _pv(self, name: str) -> Any:
        import epics

        pv = epics.get_pv(f"{self.prefix}{name}", timeout=5)
        assert pv.wait_for_connection(timeout=30), pv.pvname
        return pv

    def until(self, name: str, value: Any, limit_s: float = 15.0) -> float:
        """Wait until a PV has ``value``; the seconds that took."""
        begin = time.monotonic()
        while (now := self.get(name)) != value:
            assert time.monotonic() - begin < limit_s, f"{name} is {now!r}, not {value!r}"
            time.sleep(0.02)
        return time.monotonic() - begin


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path, port: int) -> Iterator[Serve]:
    """Serves a simulated plant with the command's own options."""
    served: list[Served] = []

    def serve_(*options: str, plant: str = "lmr", change: Change | None = None) -> Served:
        served.append(Served(tmp_path, port, plant, options, change))
        return served[-1]

    yield serve_
    for one in served:
        one.process.kill()
        one.process.wait(10)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Served]:
    """One controller for tests that leave it as it was."""
    served = Served(tmp_path_factory.mktemp("shared"), port, "lmr", ())
    yield served
    served.process.kill()
    served.process.wait(10)


@pytest.fixture
def conditions() -> dict[str, float | str]:
    return {"pH": 10.5, "naoh_factor": 0.15, "nh4oh_factor": 0.2, "time_min": 480.0, "atmosphere": "N2"}
