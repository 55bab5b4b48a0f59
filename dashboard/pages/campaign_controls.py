"""Pausing, resuming and aborting a campaign, each with a reason."""

from collections.abc import Callable

from nicegui import ui

from campaigns.ledger import FINAL_STATUSES, CampaignState
from campaigns.people import Act, Person
from dashboard.parts.frame import Page
from dashboard.parts.markup import (
    tag,
)


def controls(view: Page, campaign_id: str, status: CampaignState) -> None:
    """Pause, resume and abort, each with a reason; the report is there for everybody."""
    ended = status in FINAL_STATUSES
    with ui.element("div").classes("actions").style("margin:0 0 12px"):
        report = tag("a", "Report", href=view.url(f"/campaigns/{campaign_id}/report"), target="_blank")
        ui.html(report, sanitize=False)
        if ended or not view.may(Act.RUN):
            return
        reason = ui.input("Reason").props("dense outlined").style("min-width:260px")

        def asked(act: str) -> Callable[[], object]:
            async def done() -> None:
                text = str(reason.value or "").strip()
                if not text:
                    view.say("Say why first: the reason is kept with it.", good=False)
                    return
                await view.do(lambda person: _steer(view, person, campaign_id, act, text))

            return done

        if status is CampaignState.RUNNING:
            ui.button("Pause", on_click=asked("pause")).props("outline")
        else:
            ui.button("Resume", on_click=asked("resume")).props("outline")
        ui.button("Abort", color="negative", on_click=asked("abort")).props("outline")


def _steer(view: Page, person: Person, campaign_id: str, act: str, reason: str) -> str:
    acts = view.desk.acts
    if act == "pause":
        acts.pause(person, campaign_id, reason)
        return "Paused: it stops after the step it is in."
    if act == "resume":
        acts.resume(person, campaign_id, reason)
        return "Resumed; a worker takes it up."
    acts.abort(person, campaign_id, reason)
    return "Aborted; a reactor that runs for it is brought to its safe state."
