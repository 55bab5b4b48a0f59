"""A Prefect server of our own for when none is configured: a process on loopback that dies with us.

Prefect's own ephemeral server outlives a worker that was killed; this one reads a pipe from its parent
and ends when that pipe closes, however the parent ended.
"""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import UnusableInput
from models.home import state_directory

START_LIMIT_S = 180.0


@contextmanager
def prefect_server() -> Iterator[None]:
    """Within this context Prefect has a server: the configured one, or one of our own in the state directory.

    Errors: :class:`UnusableInput` when the server does not come up; its log is named.
    """
    with prefect_server_starting() as wait:
        wait()
        yield


@contextmanager
def prefect_server_starting() -> Iterator[Callable[[], None]]:
    """As :func:`prefect_server`, but what comes with the context is to be called before Prefect is used.

    A server takes seconds to start, and so does what its user has to load meanwhile.
    """
    home = state_directory()
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    if PREFECT_API_URL.value():
        yield lambda: None
        return
    log = home / "prefect" / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    # Bound here and handed over: a port that was only looked up could be somebody else's by then.
    with log.open("wb") as output, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        started = subprocess.Popen(
            [sys.executable, "-m", "flows.server", str(listener.fileno())],
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"},
            # A Ctrl-C stops the worker, which then still has to tell the server that it stopped.
            start_new_session=True,
        )
    with started as process:
        is_up = threading.Event()

        def wait() -> None:
            _wait_until_up(url, process, log)
            is_up.set()

        try:
            # The heartbeat thread costs a second at the end of each run, and only a shared server reads it.
            with temporary_settings({PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
                try:
                    yield wait
                finally:
                    if is_up.is_set():
                        _deliver_events()
        finally:
            process.terminate()


def _deliver_events() -> None:
    """Let Prefect hand over what it still has to say: without a server it would go on trying for minutes."""
    from prefect.events.worker import EventsWorker

    EventsWorker.drain_all(timeout=15, at_exit=False)


def _wait_until_up(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with no_proxy.open(f"{url}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise UnusableInput(
        f"Prefect's local server did not start within {START_LIMIT_S:.0f} s; its log is {log} "
        "(or set PREFECT_API_URL to a server that runs)."
    )


def _serve(listener: socket.socket) -> None:
    """Serve Prefect's API at a bound socket until the parent's end of our standard input closes."""

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()
    import uvicorn

    app = "prefect.server.api.server:create_app"
    uvicorn.Server(uvicorn.Config(app, factory=True, log_level="error")).run([listener])


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
