"""Bluesky's documents on a Tiled server: what is in the state directory is sent there once a run is over."""

import json
import logging
import os
import threading
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from devices.errors import LabError

_log = logging.getLogger(__name__)

ANSWER_S = 5.0
"""How long the server may take to say that it is there."""

AGAIN_S = 60.0
"""How long after a failure the server is tried again."""

CLOSE_S = 30.0
"""How long closing a lab may wait for what is still to be sent."""

SENT = ".in-tiled"
"""Beside the documents: what a server has, a line for each file, with the server's address first."""


class TiledServer:
    """A Tiled server at ``uri`` (``http://host:8000``); the environment variable ``api_key_env`` has the key.

    Errors: :class:`LabError` when the variable is not set or the extra is not installed.
    """

    def __init__(self, *, uri: str, api_key_env: str = "TILED_API_KEY") -> None:
        self.uri = uri.rstrip("/")
        if find_spec("tiled") is None or find_spec("pyarrow") is None:
            raise LabError(
                "The lab file sends documents to a Tiled server, which needs the package tiled; "
                "install it with: pip install 'morpholoop[tiled]'."
            )
        self._key = os.environ.get(api_key_env, "")
        if not self._key:
            raise LabError(
                f"The lab file sends documents to the Tiled server {self.uri}, and the environment variable "
                f"{api_key_env} with its API key is not set; set it, or remove `documents` from the lab file."
            )

    def fault(self) -> str | None:
        """Why documents stay in the state directory alone for now, or None; asks the server."""
        about = urllib.request.Request(
            f"{self.uri.partition('/api/')[0]}/api/v1/", headers={"Authorization": f"Apikey {self._key}"}
        )
        try:
            with urllib.request.urlopen(about, timeout=ANSWER_S) as answer:
                json.load(answer)
        except urllib.error.HTTPError as error:
            return f"the Tiled server {self.uri} refuses ({error.code} {error.reason})"
        except (OSError, ValueError) as error:
            return f"the Tiled server {self.uri} does not answer ({getattr(error, 'reason', error)})"
        return None

    def send(self, documents: list[dict[str, Any]]) -> None:
        """Write the documents of one whole run; what an attempt that was cut off has left is replaced.

        Errors: whatever Tiled's client and the network raise.
        """
        from bluesky.callbacks.tiled_writer import TiledWriter
        from tiled.client import from_uri

        client = from_uri(self.uri, api_key=self._key)
        with client.context:
            run = documents[0]["document"]["uid"]
            if run in client:
                if "stop" in client[run].metadata:
                    return
                client.delete_contents(run, recursive=True, external_only=False)
            writer = TiledWriter(client)
            for one in documents:
                writer(one["name"], one["document"])


class TiledMirror:
    """Sends every whole run in ``runs`` to a server, once; subscribe it to the RunEngine after the files.

    It works in a thread of its own: a server that is slow or away holds nothing up. What could not be sent
    is told in a warning, stays where it is, and is tried again, also when the lab is opened next.
    """

    def __init__(self, server: TiledServer, runs: Path) -> None:
        self._server, self._runs = server, runs
        self._leave, self._look = threading.Event(), threading.Event()
        self._look.set()
        self._told = ""
        self._thread = threading.Thread(target=self._work, name="tiled", daemon=True)
        self._thread.start()

    def __call__(self, name: str, document: dict[str, Any]) -> None:
        """Look for what to send when a run is over."""
        if name == "stop":
            self._look.set()

    def waiting(self) -> list[Path]:
        """The files of whole runs that the server does not have."""
        try:
            lines = (self._runs / SENT).read_text(encoding="utf-8").splitlines()
        except OSError:
            lines = []
        sent = {name for uri, _, name in (line.partition(" ") for line in lines) if uri == self._server.uri}
        files = sorted(self._runs.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
        return [path for path in files if path.name not in sent and _documents(path)]

    def close(self) -> None:
        """Send what is left, as far as the server is there."""
        self._leave.set()
        self._look.set()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            self._tell("it is slow; what is left is sent when the lab is opened next")

    def _work(self) -> None:
        while True:
            failed = False
            self._look.clear()
            last = self._leave.is_set()  # before the look: a run may end during it
            try:
                if self.waiting():
                    self._send()
                self._told = ""
            except Exception as error:  # whatever it is, the run goes on
                self._tell(str(error))
                failed = True
            if last:
                return
            self._look.wait(AGAIN_S if failed else None)

    def _send(self) -> None:
        fault = self._server.fault()
        if fault is not None:
            raise ConnectionError(fault)
        for path in self.waiting():
            self._server.send(_documents(path))
            with (self._runs / SENT).open("a", encoding="utf-8") as file:
                file.write(f"{self._server.uri} {path.name}\n")

    def _tell(self, fault: str) -> None:
        if fault != self._told:
            self._told = fault
            _log.warning("Documents stay in %s and are not on the Tiled server yet: %s.", self._runs, fault)


def _documents(path: Path) -> list[dict[str, Any]]:
    """The documents of a whole run; none while it is being written, or when it was cut off."""
    try:
        documents = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return []
    return documents if documents and documents[-1]["name"] == "stop" else []
