"""What goes wrong, in one shape: {"error": {"code", "message"}}; the codes stay as they are."""

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from campaigns.ledger import (
    ApprovalInvalid,
    IllegalTransition,
    LeaseHeld,
    LedgerError,
    NotFound,
    StaleTransition,
)
from campaigns.people import NotAllowed, SignInRefused, TooManyAttempts
from dashboard.security import NotOurPage
from devices.errors import LabError
from models.errors import UnusableInput

CODES: tuple[tuple[type[Exception], int, str], ...] = (
    (TooManyAttempts, 429, "too_many_attempts"),
    (SignInRefused, 401, "not_signed_in"),
    (NotOurPage, 403, "csrf"),
    (NotAllowed, 403, "not_allowed"),
    (NotFound, 404, "not_found"),
    (StaleTransition, 409, "too_late"),
    (ApprovalInvalid, 409, "not_as_shown"),
    (IllegalTransition, 409, "not_possible"),
    (LeaseHeld, 409, "driven_by_another"),
    (LedgerError, 503, "ledger_unavailable"),
    (UnusableInput, 422, "unusable"),
    (LabError, 409, "lab_refused"),
    # PostgreSQL keeps no NUL in a text.
    (DataError, 422, "unusable"),
)
"""Status and code of each kind of refusal; the first that fits."""

_HTTP = {422: "unusable", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "not_an_image"}


class Told(BaseModel):
    """A refusal: a code for programs, a sentence for people."""

    code: str
    message: str


class Problem(BaseModel):
    """The body of every answer that is no success."""

    error: Told


def answer(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A refusal as it is sent."""
    body = Problem(error=Told(code=code, message=message)).model_dump()
    return JSONResponse(body, status_code=status, headers=dict(headers or {}))


def handle_errors(api: FastAPI) -> None:
    """Have the API tell every error in the one shape."""

    def refused(request: Request, error: Exception) -> JSONResponse:
        status, code = next((status, code) for kind, status, code in CODES if isinstance(error, kind))
        headers = {}
        if isinstance(error, TooManyAttempts):
            headers["Retry-After"] = str(error.retry_s)
        elif status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return answer(status, code, " ".join(str(error).split()), headers)

    def unusable(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()[:10]
        )
        return answer(422, "unusable", f"What was sent cannot be used: {faults}.")

    def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        status = 422 if error.status_code == 400 else error.status_code
        return answer(
            status, _HTTP.get(status, "refused"), f"{error.detail}".rstrip(".") + ".", error.headers
        )

    def unexpected(request: Request, error: Exception) -> JSONResponse:
        logging.getLogger(__name__).error("%s %s", request.method, request.url.path, exc_info=error)
        return answer(500, "internal", "Something went wrong here; the server's log says what.")

    for kind in (UnusableInput, LabError, DataError):
        api.add_exception_handler(kind, refused)
    api.add_exception_handler(RequestValidationError, unusable)
    api.add_exception_handler(HTTPException, http)
    api.add_exception_handler(Exception, unexpected)
