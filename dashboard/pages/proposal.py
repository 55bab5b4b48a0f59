"""One proposal: what is about to happen, why, how sure the model is, and the decision."""

from asyncio import to_thread
from functools import partial

from markupsafe import Markup
from nicegui import ui

from dashboard.desk import Desk
from dashboard.pages.decision import decision
from dashboard.pages.proposal_conditions import conditions
from dashboard.pages.proposal_prediction import expected, model, pictures
from dashboard.parts.frame import Page, page
from dashboard.parts.markup import (
    NOTHING,
    badge,
    facts,
    join,
    link,
    moment,
    setting,
    since,
    tag,
)
from dashboard.reading.looks import last_look, note_look
from dashboard.reading.proposal import ProposalView, events_since, lab_hours, proposal_view
from models.errors import UnusableInput


def register(desk: Desk) -> None:
    """The page of a proposal."""

    @page(desk, "/approvals/{experiment_id}", "Proposal", here="approvals")
    async def proposal_page(view: Page, experiment_id: str) -> None:
        read = view.recent(partial(proposal_view, desk, experiment_id))
        try:
            first = await to_thread(read)
        except UnusableInput as error:
            view.head("No such proposal", link("All approvals", view.url("/approvals")))
            ui.html(tag("p", str(error)), sanitize=False)
            return
        name, campaign = view.visitor.person.name, first.record.id
        looked = await to_thread(last_look, desk.home, name, campaign)
        await to_thread(note_look, desk.home, name, campaign)
        await view.simulated(lambda: first.record.simulated)
        view.head(
            experiment_id,
            link("All approvals", view.url("/approvals")),
            link("The campaign", view.url(f"/campaigns/{campaign}")),
        )
        await view.markup(lambda: _standing(view, read()), always=True)
        with ui.element("div").classes("columns"):
            await view.card(lambda: _why(read()), "half")
            await view.card(lambda: model(read()), "half")
            await view.card(lambda: expected(read()))
            await view.card(lambda: conditions(read()))
            await view.card(lambda: pictures(view, read()))
            await view.card(lambda: _changed(view, campaign, looked), "half")
            await view.card(lambda: _decisions(read()), "half")
        # Anew only when what is decided on has changed: a half-typed comment survives everything else.
        await view.rebuilt(read, partial(decision, view), key=_stake, always=True)


def _stake(found: ProposalView) -> tuple[str, bool, bool]:
    return found.shown, found.open, found.predicted_yet


def _standing(view: Page, found: ProposalView) -> Markup:
    experiment = found.experiment
    told: list[Markup] = []
    if found.fault:
        told.append(
            tag("div", "✕ No decision can be taken now: ", found.fault, class_="notice bad", role="alert")
        )
    if not found.open:
        last = found.decisions[-1] if found.decisions else None
        who = (
            f" {last.decision} by {last.author} ({last.role}), {since(last.at)}"
            if last
            else f" {experiment.reason}"
        )
        more = (
            link(" The proposal in its place", view.url(f"/approvals/{found.replaced_by}"))
            if found.replaced_by
            else None
        )
        told.append(
            tag("div", badge(str(experiment.state)), who, ".", more, class_="notice good", role="status")
        )
    elif not found.predicted_yet:
        told.append(
            tag(
                "div",
                "◆ Nothing is predicted for these conditions yet, so nobody can approve them. ",
                "The campaign predicts them when it goes on.",
                class_="notice warn",
            )
        )
    return join(told)


def _why(found: ProposalView) -> Markup:
    one, hours = found.experiment, lab_hours(found.earlier)
    time = _own_time(found)
    return join(
        (
            tag("h2", f"Experiment {one.index} of at most {found.campaign.budget.experiments}"),
            facts(
                [
                    ("why", found.why or NOTHING),
                    ("proposed", join((moment(one.created_at), f" ({since(one.created_at)})"))),
                    *([("edited from", one.edited_from)] if one.edited_from else []),
                    ("time", time or NOTHING),
                    ("experiments so far took", f"{hours:.1f} h each in the lab" if hours else NOTHING),
                    ("cost", _cost(found)),
                    (
                        "an approval lasts",
                        f"{found.campaign.approval.expires_h:g} h; after that it has to be given again",
                    ),
                    ("policy", found.campaign.approval.policy.replace("_", " ")),
                ]
            ),
        )
    )


def _own_time(found: ProposalView) -> str:
    """The synthesis time, where a condition is one."""
    conditions, units = found.experiment.conditions, found.experiment.units
    times = [
        f"{name} {setting(value, units.get(name, ''))}"
        for name, value in conditions.items()
        if units.get(name) in ("s", "min", "h")
    ]
    return ", ".join(times)


def _cost(found: ProposalView) -> str:
    budget, fields = found.campaign.budget, sum(view.fields.min for view in found.campaign.imaging.views)
    left = budget.experiments - found.experiment.index
    hours = (
        f", {max(0.0, budget.lab_hours - found.record.virtual_hours):.1f} lab hours left"
        if budget.lab_hours
        else ""
    )
    return (
        f"one batch, at least {fields} fields of view; {left} experiments of the budget are left then{hours}"
    )


def _changed(view: Page, campaign_id: str, looked: str) -> Markup:
    if not looked:
        return join(
            (
                tag("h2", "Since your last look"),
                tag("p", "You look at this campaign's proposals for the first time.", class_="faint"),
            )
        )
    moves, uses = events_since(view.desk, campaign_id, looked)
    items = [
        tag(
            "li",
            moment(one.at),
            (
                f"experiment {one.experiment_id.rsplit('-', 1)[-1].lstrip('0')} "
                if one.experiment_id
                else "campaign "
            ),
            badge(one.to_state),
            f" {one.reason}",
        )
        for one in moves[-12:]
    ]
    items += [
        tag("li", moment(one.at), f"model {one.version} {one.action.replace('_', ' ')}: {one.reason}")
        for one in uses[-5:]
    ]
    heading = tag("h2", f"Since your last look ({since(looked)})")
    return join(
        (
            heading,
            tag("ul", *items, class_="timeline")
            if items
            else tag("p", "Nothing has changed.", class_="faint"),
        )
    )


def _decisions(found: ProposalView) -> Markup:
    items = [
        tag(
            "li",
            moment(one.at),
            badge(one.decision),
            f" by {one.author} ({one.role})",
            f": {one.reason}" if one.reason else "",
            f"; until {one.expires_at[:16].replace('T', ' ')} UTC" if one.decision == "approved" else "",
        )
        for one in found.decisions
    ]
    return join(
        (
            tag("h2", "Decisions"),
            tag("ul", *items, class_="timeline") if items else tag("p", "None yet.", class_="faint"),
        )
    )
