"""A small typed client of the REST API, for scripts; answers are the API's own models."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from dashboard.api import audit as audit_api
from dashboard.api import campaigns as campaigns_api
from dashboard.api import labs as labs_api
from dashboard.api import models as models_api
from dashboard.api import people as people_api
from dashboard.api import proposals as proposals_api
from dashboard.api import quantify as quantify_api
from dashboard.api import session as session_api
from dashboard.api.values import PerhapsBecause
from models.errors import UnusableInput

Model = TypeVar("Model", bound=BaseModel)

TIMEOUT_S = 60.0
PAGE = 200


class Refused(UnusableInput):
    """The API said no: ``code`` is for programs (see docs/rest-api.md), the message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Client:
    """The lab behind a dashboard, in the role of whoever owns the token.

    ``address`` is the dashboard's, e.g. ``http://127.0.0.1:8080``. Errors of all methods: :class:`Refused`;
    :class:`httpx.HTTPError` when the dashboard cannot be reached.
    """

    def __init__(self, address: str, *, token: str, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            base_url=f"{address.rstrip('/')}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
            transport=transport,
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def who(self) -> session_api.SessionAnswer:
        """Whose token this is."""
        return self._get("/session", session_api.SessionAnswer)

    def campaigns(self) -> list[campaigns_api.Headline]:
        """All campaigns, the newest first."""
        return self._get("/campaigns", campaigns_api.Headlines).campaigns

    def campaign(self, campaign_id: str) -> dict[str, Any]:
        """How a campaign stands: the object of ``campaign status --json``."""
        return self._json("GET", f"/campaigns/{quote(campaign_id, safe='')}")

    def experiments(self, campaign_id: str) -> Iterator[dict[str, Any]]:
        """The experiments of a campaign, page after page."""
        after: int | None = 0
        while after is not None:
            path = f"/campaigns/{quote(campaign_id, safe='')}/experiments"
            page = self._get(path, campaigns_api.Experiments, after=after, limit=PAGE)
            yield from page.experiments
            after = page.next

    def start(
        self, file: str, *, seed: int | None = None, iterations: int | None = None
    ) -> campaigns_api.StartedAnswer:
        """Start a campaign from a file that lies ready, by its name."""
        body = campaigns_api.Start(file=file, seed=seed, iterations=iterations)
        return self._post("/campaigns", body, campaigns_api.StartedAnswer)

    def pause(self, campaign_id: str, reason: str) -> campaigns_api.Moved:
        """Have a campaign stop after the step that it is in."""
        return self._steer(campaign_id, "pause", reason)

    def resume(self, campaign_id: str, reason: str = "") -> campaigns_api.Moved:
        """Let a campaign go on."""
        return self._steer(campaign_id, "resume", reason)

    def abort(self, campaign_id: str, reason: str) -> campaigns_api.Moved:
        """End a campaign for good."""
        return self._steer(campaign_id, "abort", reason)

    def report(self, campaign_id: str) -> str:
        """The report as it stands now, as HTML."""
        return self._send("GET", f"/campaigns/{quote(campaign_id, safe='')}/report").text

    def proposals(self) -> list[proposals_api.Headline]:
        """What waits for a person."""
        return self._get("/proposals", proposals_api.Headlines).proposals

    def proposal(self, experiment_id: str) -> proposals_api.Proposal:
        """Everything that is to be seen before deciding."""
        return self._get(f"/proposals/{quote(experiment_id, safe='')}", proposals_api.Proposal)

    def approve(self, seen: proposals_api.Proposal, reason: str = "") -> proposals_api.Decision:
        """Approve exactly what was seen."""
        body = proposals_api.Approve(shown=seen.shown, reason=reason)
        return self._post(
            f"/proposals/{quote(seen.experiment, safe='')}/approve", body, proposals_api.Decision
        )

    def reject(self, seen: proposals_api.Proposal, reason: str) -> proposals_api.Decision:
        """Reject what was seen."""
        body = proposals_api.Reject(shown=seen.shown, reason=reason)
        return self._post(
            f"/proposals/{quote(seen.experiment, safe='')}/reject", body, proposals_api.Decision
        )

    def edit(
        self, seen: proposals_api.Proposal, conditions: Mapping[str, float | str], reason: str
    ) -> proposals_api.Edited:
        """Propose other conditions in place of what was seen."""
        body = proposals_api.Edit(shown=seen.shown, reason=reason, conditions=dict(conditions))
        return self._post(f"/proposals/{quote(seen.experiment, safe='')}/edit", body, proposals_api.Edited)

    def labs(self) -> list[labs_api.Lab]:
        """The labs that were opened there."""
        return self._get("/labs", labs_api.Labs).labs

    def stop(self, reason: str, lab: str | None = None) -> labs_api.Stopped:
        """Stop a lab, or all of them, now."""
        path = "/labs/stop" if lab is None else f"/labs/{quote(lab, safe='')}/stop"
        return self._post(path, PerhapsBecause(reason=reason), labs_api.Stopped)

    def clear(self, reason: str = "", lab: str | None = None) -> labs_api.Cleared:
        """Take back the stop orders to a lab, or to all."""
        path = "/labs/clear" if lab is None else f"/labs/{quote(lab, safe='')}/clear"
        return self._post(path, PerhapsBecause(reason=reason), labs_api.Cleared)

    def models(self) -> list[models_api.VersionRow]:
        """All versions of the generator."""
        return self._get("/models", models_api.Versions).models

    def promote(self, version: str, reason: str = "") -> models_api.Promoted:
        """Make a version the current one."""
        body = PerhapsBecause(reason=reason)
        return self._post(f"/models/{quote(version, safe='')}/promote", body, models_api.Promoted)

    def predict(
        self, conditions: Mapping[str, float | str], version: str | None = None
    ) -> quantify_api.Prediction:
        """What the model expects of conditions."""
        body = quantify_api.Predict(conditions=dict(conditions), version=version)
        return self._post("/predict", body, quantify_api.Prediction)

    def quantify(
        self, *images: Path, kind: str = "auto", pixel_size_um: float | None = None
    ) -> quantify_api.Measured:
        """Measure images of one sample."""
        files = [("images", (image.name, image.read_bytes())) for image in images]
        asked = {"kind": kind} | ({} if pixel_size_um is None else {"pixel_size_um": str(pixel_size_um)})
        answer = self._send("POST", "/quantify", files=files, params=asked)
        return quantify_api.Measured.model_validate_json(answer.content)

    def audit(self, **wanted: str | int) -> list[audit_api.Entry]:
        """What people did, the newest first; by ``who``, ``what``, ``about``, ``since``, ``until``."""
        return self._get("/audit", audit_api.Entries, **wanted).entries

    def people(self) -> list[people_api.PersonAnswer]:
        """Everybody."""
        return self._get("/people", people_api.PeopleAnswer).people

    def _steer(self, campaign_id: str, what: str, reason: str) -> campaigns_api.Moved:
        body = PerhapsBecause(reason=reason)
        return self._post(f"/campaigns/{quote(campaign_id, safe='')}/{what}", body, campaigns_api.Moved)

    def _get(self, path: str, model: type[Model], **asked: str | int) -> Model:
        return model.model_validate_json(self._send("GET", path, params=asked).content)

    def _post(self, path: str, body: BaseModel, model: type[Model]) -> Model:
        answer = self._send("POST", path, json=body.model_dump(mode="json"))
        return model.model_validate_json(answer.content)

    def _json(self, method: str, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self._send(method, path).json()
        return found

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self._http.request(method, path, **options)
        if answer.is_success:
            return answer
        try:
            told = answer.json()["error"]
            code, message = str(told["code"]), str(told["message"])
        except (ValueError, KeyError, TypeError):
            # Whatever stands between us and the dashboard answers in its own way.
            code, message = "unknown", f"The answer was {answer.status_code}."
        raise Refused(answer.status_code, code, message)
