"""A lab server as docs/deploy.md starts one: Prefect's server, the deployments, a worker; real processes."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest

from tests.ports import free_port

REPOSITORY = Path(__file__).parents[3]
PREFECT = [sys.executable, "-m", "prefect"]


class LabServer:
    """Starts and stops the processes, and asks Prefect how things are."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.environment = {
            **os.environ,
            "MORPHOLOOP_HOME": str(self.home),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": self.url,
            "PREFECT_LOGGING_TO_API_ENABLED": "true",
            "PREFECT_LOGGING_LEVEL": "INFO",
            "PREFECT_API_SERVICES_SCHEDULER_LOOP_SECONDS": "1",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        }
        self.server: subprocess.Popen[bytes] | None = None
        self.worker: subprocess.Popen[bytes] | None = None

    def run(self, *command: str) -> str:
        """A command's output; it has to work."""
        done = subprocess.run(
            command, env=self.environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_server(self) -> None:
        self.server = self._start("server", "server", "start", "--no-ui", "--port", str(self.port))
        self.until(self._answers, 100)

    def start_worker(self) -> None:
        self.worker = self._start("worker", "worker", "start", "--pool", "morpholoop")

    def kill_worker(self) -> None:
        """The machine of the worker loses its power: the worker and all its flow runs are gone at once."""
        assert self.worker is not None
        gone = [psutil.Process(self.worker.pid), *psutil.Process(self.worker.pid).children(recursive=True)]
        for process in gone:
            process.kill()
        self.worker.wait(30)
        psutil.wait_procs(gone, 30)

    def stop(self) -> None:
        if self.worker is not None and self.worker.poll() is None:
            self.kill_worker()
        if self.server is not None:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait(60)

    def restart_server(self, away_s: float) -> None:
        assert self.server is not None
        self.server.kill()
        self.server.wait(30)
        time.sleep(away_s)
        self.start_server()

    @contextmanager
    def client(self) -> Iterator[Any]:
        """A client of this server."""
        from prefect.client.orchestration import get_client
        from prefect.settings import PREFECT_API_URL, temporary_settings

        with temporary_settings({PREFECT_API_URL: self.url}), get_client(sync_client=True) as client:
            yield client

    def start_run(self, deployment: str, **parameters: object) -> UUID:
        """A new flow run of a deployment."""
        with self.client() as client:
            found = client.read_deployment_by_name(deployment)
            made: UUID = client.create_flow_run_from_deployment(found.id, parameters=parameters).id
            return made

    def flow_run(self, run: UUID) -> Any:
        with self.client() as client:
            return client.read_flow_run(run)

    def until_state(self, run: UUID, *types: str, limit_s: float = 90) -> Any:
        """The flow run, once it is in a state of one of these types."""
        self.until(lambda: self.flow_run(run).state.type in types, limit_s, lambda: self.flow_run(run).state)
        return self.flow_run(run)

    def until(
        self, done: Callable[[], object], limit_s: float, told: Callable[[], object] = lambda: ""
    ) -> None:
        deadline = time.monotonic() + limit_s
        while not done():
            log = self.folder / "worker.log"
            assert time.monotonic() < deadline, (
                f"{told()}\n{log.read_text(encoding='utf-8')[-3000:] if log.exists() else ''}"
            )
            time.sleep(0.2)

    def _start(self, name: str, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [*PREFECT, *arguments],
                env=self.environment,
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A lab server with all deployments of `prefect.yaml`; their schedules wait until a test wants one."""
    lab = LabServer(tmp_path_factory.mktemp("lab"))
    try:
        lab.start_server()
        lab.run(*PREFECT, "work-pool", "create", "morpholoop", "--type", "process", "--overwrite")
        lab.run(*PREFECT, "deploy", "--all", "--no-prompt")
        with lab.client() as client:
            for deployment in client.read_deployments():
                for schedule in deployment.schedules:
                    client.update_deployment_schedule(deployment.id, schedule.id, active=False)
        lab.start_worker()
        yield lab
    finally:
        lab.stop()


@pytest.fixture
def lab(server: LabServer, monkeypatch: pytest.MonkeyPatch) -> LabServer:
    """The lab server, its state directory being this test's too."""
    monkeypatch.setenv("MORPHOLOOP_HOME", str(server.home))
    return server
