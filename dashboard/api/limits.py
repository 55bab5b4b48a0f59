"""No body is larger than its route needs."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.api.errors import answer

USUAL_BYTES = 64 * 1024
UPLOAD_BYTES = 100 * 1024 * 1024
UPLOADS = "/quantify"


class BodyLimit:
    """Ends a request whose body grows beyond the limit; what it says of its length is not believed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on while it is small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = UPLOAD_BYTES if scope["path"].endswith(UPLOADS) else USUAL_BYTES
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if not told.isdigit() or int(told) > most:
            await answer(413, "too_large", f"The body may have {most} bytes at most.")(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                # As if the other end had gone: whoever lies about the length needs no polite answer.
                return {"type": "http.disconnect"}
            return message

        await self._app(scope, counted, send)
