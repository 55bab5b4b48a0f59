"""Putting the API together."""

from pathlib import Path

from fastapi import FastAPI

from campaigns.people import People
from dashboard.acts import Acts
from dashboard.api import audit, campaigns, labs, micrographs, models, people, proposals, quantify, session
from dashboard.api.errors import Problem, handle_errors
from dashboard.api.limits import BodyLimit
from dashboard.security import Guard
from dashboard.security_headers import SecurityHeaders
from dashboard.worker import Worker

PARTS = (session, campaigns, micrographs, proposals, labs, models, quantify, audit, people)

PROBLEMS = {
    401: "Nobody is signed in.",
    403: "The role does not allow it, or the CSRF token is missing.",
    404: "There is no such thing.",
    409: "It was decided already, is not as it was shown, or the lab refuses.",
    413: "The body is too large.",
    422: "What was sent cannot be used.",
    429: "Too many wrong sign-ins.",
    503: "The database cannot be reached.",
}


def create_api(
    home: Path,
    *,
    people: People | None = None,
    guard: Guard | None = None,
    acts: Acts | None = None,
    worker: Worker | None = None,
) -> FastAPI:
    """The API over a state directory, to be mounted at ``/api/v1``; what is not given is made here.

    Errors: :class:`models.errors.UnusableInput` when the people's database cannot be opened.
    """
    known = people or People.open(home)
    api = FastAPI(
        title="morpholoop",
        version="1",
        description="Sign in with `POST /session` (a cookie, and a token for the header X-CSRF-Token), or "
        "send an API token: `Authorization: Bearer TOKEN`.",
        # The documentation pages would load their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        responses={code: {"model": Problem, "description": told} for code, told in PROBLEMS.items()},
    )
    api.state.home = home
    api.state.people = known
    api.state.guard = guard or Guard(known)
    api.state.acts = acts or Acts(home, known)
    api.state.worker = worker or Worker()
    for part in PARTS:
        api.include_router(part.router)
    handle_errors(api)
    api.add_middleware(BodyLimit)
    api.add_middleware(SecurityHeaders, api="")
    return api
