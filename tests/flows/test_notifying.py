"""Messages reach a real web hook on loopback; one that is away stops nothing."""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from flows import notifying
from flows.notifying import addresses, notify, send
from models.errors import UnusableInput

# A plug-in that it loads imports what Python will remove.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")]


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.messages.append(json.loads(self.rfile.read(length)))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.messages = []  # type: ignore[attr-defined]
    monkeypatch.setenv(notifying.VARIABLE, f"json://127.0.0.1:{server.server_port}/hook")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_message_reaches_the_hook(hook):
    thread = notify("lmr-precursor-s0-r1 waits for a person", "Experiment 3 waits for an approval.")
    assert thread is not None
    thread.join(20)
    (message,) = hook.messages
    assert message["title"] == "lmr-precursor-s0-r1 waits for a person"
    assert message["message"] == "Experiment 3 waits for an approval."


def test_nobody_is_told_where_no_address_is_set(monkeypatch):
    monkeypatch.setenv(notifying.VARIABLE, " ")
    assert notify("a", "b") is None
    assert len(addresses()) == 0


def test_a_hook_that_is_away_is_a_warning_without_its_password(monkeypatch, caplog):
    monkeypatch.setenv(notifying.VARIABLE, "json://kim:secret@127.0.0.1:9/hook")
    with caplog.at_level(logging.WARNING, logger="flows.notifying"):
        thread = notify("it ended", "converged")
        assert thread is not None
        thread.join(30)
    (warning,) = [one for one in caplog.records if one.name == "flows.notifying"]
    assert "Nobody was told of 'it ended'" in warning.getMessage()
    assert "secret" not in warning.getMessage()
    with pytest.raises(UnusableInput, match="can be reached"):
        send("a", "b")


def test_an_address_that_is_not_understood_is_named_without_what_it_hides(monkeypatch):
    monkeypatch.setenv(notifying.VARIABLE, "json://127.0.0.1/a smoke:secret")
    with pytest.raises(
        UnusableInput, match=r"Address 2 in MORPHOLOOP_NOTIFY \(it begins with smoke:\)"
    ) as told:
        addresses()
    assert "secret" not in str(told.value)
