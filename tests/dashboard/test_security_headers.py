"""What the middleware adds, and what it lets through."""

import pytest
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.testclient import TestClient

from dashboard.security_headers import HEADERS, PAGES, SecurityHeaders

pytestmark = pytest.mark.slow


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    app.add_middleware(SecurityHeaders)

    @app.get("/page")
    def page() -> HTMLResponse:
        return HTMLResponse("<p>")

    @app.get("/own")
    def own() -> HTMLResponse:
        return HTMLResponse("<p>", headers={"Content-Security-Policy": "default-src 'none'"})

    @app.get("/parts")
    def parts() -> StreamingResponse:
        return StreamingResponse(iter([b"a", b"b"]), media_type="text/plain")

    @app.post("/change")
    def change() -> str:
        return "changed"

    @app.websocket("/socket")
    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    return TestClient(app, base_url="http://lab.example:8080")


def test_pages_load_nothing_from_elsewhere_and_are_framed_by_nobody(client):
    answer = client.get("/page")
    assert answer.headers["content-security-policy"] == PAGES
    assert "http" not in PAGES
    assert "*" not in PAGES
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["cache-control"] == "no-store"


def test_a_page_may_be_stricter_and_a_stream_passes_whole(client):
    assert client.get("/own").headers["content-security-policy"] == "default-src 'none'"
    assert client.get("/parts").text == "ab"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://lab.example:8080"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://proxy.example"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://lab.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_change_is_asked_for_by_our_own_pages_or_by_no_page(client, headers, status):
    assert client.post("/change", headers=headers).status_code == status
    # Looking is free: a link to a page works from anywhere.
    assert client.get("/page", headers=headers).status_code == 200


def test_another_sites_page_opens_no_socket(client):
    with client.websocket_connect("/socket", headers={"Origin": "http://testserver"}) as socket:
        assert socket.receive_text() == "hello"
    for origin in ("http://evil.example", "null"):
        with (
            pytest.raises(WebSocketDisconnect) as refused,
            client.websocket_connect("/socket", headers={"Origin": origin}),
        ):
            pass
        assert refused.value.code == 1008
