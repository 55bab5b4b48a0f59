"""Approvals: what waits for a person, and what was decided last."""

from markupsafe import Markup

from campaigns.ledger import ApprovalRecord, ExperimentRecord
from campaigns.specification import Campaign
from dashboard.desk import Desk
from dashboard.parts.frame import Page, page
from dashboard.parts.markup import badge, join, link, moment, setting, simulated_badge, since, table, tag

DECIDED = 30


def register(desk: Desk) -> None:
    """The list of proposals."""

    @page(desk, "/approvals", "Approvals", here="approvals")
    async def approvals_page(view: Page) -> None:
        source = desk.source
        await view.simulated(lambda: any(one.simulated for one in source.waiting()))
        view.head("Approvals")
        await view.card(lambda: _waiting(view, source.waiting()))
        await view.card(lambda: _decided(view, decided(desk)))


def _waiting(view: Page, waiting: tuple[ExperimentRecord, ...]) -> Markup:
    rows = [
        (
            join((link(one.id, view.url(f"/approvals/{one.id}")), " ", simulated_badge(one.simulated))),
            tag("td", _searched(view, one), class_="wide"),
            one.model_version or badge("not predicted yet", "warn"),
            since(one.created_at),
        )
        for one in waiting
    ]
    shown = table(
        ["proposal", "conditions", "model", "proposed"], rows, empty="Nothing waits for a decision."
    )
    return join((tag("h2", "Waiting for a decision"), shown))


def _searched(view: Page, one: ExperimentRecord) -> str:
    _, record = view.desk.source.campaign(one.campaign_id)
    searched = [p.name for p in Campaign.from_json(record.specification).parameters if not p.fixed]
    return ", ".join(
        f"{name} {setting(one.conditions[name], one.units.get(name, ''))}"
        for name in searched
        if name in one.conditions
    )


def decided(desk: Desk) -> tuple[ApprovalRecord, ...]:
    """The latest decisions that people took, the newest first."""

    def read() -> tuple[ApprovalRecord, ...]:
        found = [
            approval
            for ledger in desk.source.ledgers()
            for record in ledger.campaigns()[:20]
            for one in ledger.experiments(record.id)[-DECIDED:]
            for approval in ledger.approvals(one.id)
            if approval.role != "policy"
        ]
        return tuple(sorted(found, key=lambda one: one.at, reverse=True)[:DECIDED])

    return desk.source.cached("decided", read)


def _decided(view: Page, found: tuple[ApprovalRecord, ...]) -> Markup:
    rows = [
        (
            moment(one.at),
            link(one.experiment_id, view.url(f"/approvals/{one.experiment_id}")),
            badge(one.decision),
            f"{one.author} ({one.role})",
            tag("td", one.reason, class_="wide"),
        )
        for one in found
    ]
    shown = table(
        ["when (UTC)", "proposal", "decision", "by", "why"], rows, empty="Nobody has decided anything yet."
    )
    return join((tag("h2", "Latest decisions"), shown))
