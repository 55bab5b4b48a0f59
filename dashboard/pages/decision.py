"""The decision on a proposal: approve exactly what is shown, reject, or propose something else."""

from collections.abc import Callable, Mapping
from functools import partial

from nicegui import ui

from campaigns.people import Act, Person
from dashboard.parts.frame import Page
from dashboard.parts.markup import (
    NOTHING,
    tag,
)
from dashboard.reading.proposal import ProposalView
from models.errors import UnusableInput


def decision(view: Page, found: ProposalView) -> None:
    """The card of the decision, for those who may take it."""
    experiment_id = found.experiment.id
    if not found.open:
        return
    with ui.element("div").classes("card").style("margin-top:14px"):
        ui.html(tag("h2", "Your decision"), sanitize=False)
        if not view.may(Act.DECIDE):
            ui.html(tag("p", "An operator decides; your role may only look.", class_="faint"), sanitize=False)
            return
        if found.fault:
            ui.html(tag("p", found.fault, class_="bad-text"), sanitize=False)
            return
        comment = (
            ui.textarea("Comment (needed to reject or edit)")
            .props("outlined dense autogrow")
            .style("width:100%; max-width:640px")
        )
        acts = view.desk.acts

        def approve_it(person: Person) -> str:
            given = acts.approve(person, experiment_id, shown=found.shown, reason=str(comment.value or ""))
            return f"Approved until {given.expires_at[:16].replace('T', ' ')} UTC."

        def reject_it(person: Person) -> str:
            acts.reject(person, experiment_id, shown=found.shown, reason=str(comment.value or ""))
            return "Rejected; the campaign proposes another."

        with ui.element("div").classes("actions"):
            yes = ui.button("Approve exactly this", on_click=partial(view.do, approve_it))
            ui.button("Reject", color="negative", on_click=partial(view.do, reject_it)).props("outline")
            if not found.predicted_yet:
                yes.disable()
        _edit(view, found, lambda: str(comment.value or ""))


def _edit(view: Page, found: ProposalView, comment: Callable[[], str]) -> None:
    inputs: dict[str, ui.number | ui.select] = {}
    experiment = found.experiment
    with ui.expansion("Propose other conditions in its place").classes("faint").style("margin-top:10px"):
        ui.html(
            tag(
                "p",
                "This rejects the proposal and makes a new one of your conditions, checked against bounds, "
                "constraints and the lab's limits. The campaign predicts it; then it is decided on its own.",
                class_="small",
            ),
            sanitize=False,
        )
        with ui.element("div").classes("inputs"):
            for one in found.campaign.parameters:
                if one.fixed or one.name not in experiment.conditions:
                    continue
                value = experiment.conditions[one.name]
                unit = "" if one.unit in ("", NOTHING) else f" ({one.unit})"
                if one.bounds is None:
                    inputs[one.name] = ui.select(
                        list(one.categories or ()), value=value, label=one.name
                    ).props("outlined dense")
                else:
                    low, high = one.bounds
                    inputs[one.name] = ui.number(
                        f"{one.name}{unit}, {low:g} to {high:g}",
                        value=float(value),
                        min=low,
                        max=high,
                        step=one.step or None,
                    ).props("outlined dense")

        def edit_it(person: Person) -> str:
            changes = _changes(inputs, experiment.conditions)
            made = view.desk.acts.edit(person, experiment.id, changes, shown=found.shown, reason=comment())
            return f"Proposed as experiment {made.index}; it can be approved once it was predicted."

        with ui.element("div").classes("actions"):
            ui.button("Propose these instead", on_click=partial(view.do, edit_it)).props("outline")


def _changes(
    inputs: Mapping[str, ui.number | ui.select], conditions: Mapping[str, float | str]
) -> dict[str, float | str]:
    changes: dict[str, float | str] = {}
    for name, element in inputs.items():
        if element.value is None:
            raise UnusableInput(f"{name} is empty; type a value.")
        if element.value != conditions[name]:
            changes[name] = element.value
    return changes
