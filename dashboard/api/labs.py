"""Labs: how they stand, STOP, and what they ask of a person."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from campaigns.ledger import NotFound
from dashboard.acts import Acts
from dashboard.api.access import Clearer, Confirmer, Doing, Reader, Stopper
from dashboard.api.values import Answer, Because, Body, PerhapsBecause
from devices.manual.task import Task
from devices.ordering import Stop
from devices.places import Place, opened, root
from devices.stopping import STOP, StopOrder, standing, stop_file

router = APIRouter(tags=["labs"])


class OrderAnswer(Answer):
    """A stop order: why, on whose word, since when."""

    reason: str
    author: str
    at: str


class Lab(Answer):
    """A lab as its driving process saw it last, at ``at``; ``held``: such a process lives.

    ``order`` is a stop order that stands: nothing starts. ``devices`` has each reactor and microscope where
    there are several of them; ``reactor`` and ``microscope`` are the first.
    """

    lab: str
    simulated: bool
    held: bool
    at: str
    lab_time: str
    reactor: dict[str, Any]
    microscope: dict[str, Any]
    devices: list[dict[str, Any]]
    values: list[dict[str, Any]]
    alarms: list[str]
    last_stop: OrderAnswer | None
    order: OrderAnswer | None


class Labs(Answer):
    """The labs that were opened here, each where it was opened last."""

    labs: list[Lab]


class Stopped(Answer):
    """What came of a stop; not ``stopped``: it was not confirmed, so use the hardware's own stop."""

    stopped: bool
    told: list[str]


class Cleared(Answer):
    """The orders that were taken back."""

    cleared: list[OrderAnswer]


class Tasks(Answer):
    """What a lab asks of a person."""

    tasks: list[Task]


class Confirm(Body):
    """What was reached or read, by name, as a person types it."""

    values: Annotated[
        dict[Annotated[str, Field(max_length=100)], Annotated[str, Field(max_length=2000)]],
        Field(max_length=100, default_factory=dict),
    ]


@router.get("/labs")
def labs(visitor: Reader, acts: Doing) -> Labs:
    """The labs that were opened here; no device is asked."""
    newest: dict[tuple[str, bool], Place] = {}
    for place in sorted(
        opened(acts.home), key=lambda one: (one.held, one.snapshot.at if one.snapshot else "")
    ):
        if place.snapshot is not None:
            newest[place.snapshot.lab, place.snapshot.simulated] = place
    return Labs(labs=[_lab(acts, place) for place in newest.values()])


@router.post("/labs/stop")
def stop_all(visitor: Stopper, acts: Doing, body: PerhapsBecause) -> Stopped:
    """Stop every lab, now."""
    return _stopped(acts.labs.stop(visitor.person, None, body.reason))


@router.post("/labs/clear")
def clear_all(visitor: Clearer, acts: Doing, body: PerhapsBecause) -> Cleared:
    """Take back the stop orders to all labs; nothing starts by itself."""
    return _cleared(acts.labs.clear(visitor.person, None, body.reason))


@router.post("/labs/{lab}/stop")
def stop(visitor: Stopper, acts: Doing, lab: str, body: PerhapsBecause) -> Stopped:
    """Stop a lab, now."""
    _known(acts, lab)
    return _stopped(acts.labs.stop(visitor.person, lab, body.reason))


@router.post("/labs/{lab}/clear")
def clear(visitor: Clearer, acts: Doing, lab: str, body: PerhapsBecause) -> Cleared:
    """Take back the stop orders to a lab; nothing starts by itself."""
    _known(acts, lab)
    return _cleared(acts.labs.clear(visitor.person, lab, body.reason))


@router.get("/tasks")
def tasks(visitor: Reader, acts: Doing, every: bool = False) -> Tasks:
    """What a lab asks of a person; ``every``: also what is done."""
    return Tasks(tasks=acts.labs.tasks(every=every))


@router.post("/tasks/{key}/confirm")
def confirm(visitor: Confirmer, acts: Doing, key: str, body: Confirm) -> Task:
    """Say that a task is done, with what was reached; values outside limits are kept, and flagged."""
    return acts.labs.confirm(visitor.person, key, body.values)


@router.post("/tasks/{key}/decline")
def decline(visitor: Confirmer, acts: Doing, key: str, body: Because) -> Task:
    """Say that a task was not done; the sample is lost."""
    return acts.labs.decline(visitor.person, key, body.reason)


def _known(acts: Acts, lab: str) -> None:
    known = acts.labs.known()
    if lab not in known:
        raise NotFound(f"No lab {lab!r} was opened here; there are: {', '.join(sorted(known)) or 'none'}.")


def _lab(acts: Acts, place: Place) -> Lab:
    snapshot = place.snapshot
    assert snapshot is not None
    found = standing(
        (place.state_dir / STOP, stop_file(root(acts.home, simulated=snapshot.simulated), snapshot.lab))
    )
    return Lab(
        lab=snapshot.lab,
        simulated=snapshot.simulated,
        held=place.held,
        at=snapshot.at,
        lab_time=snapshot.lab_time,
        reactor={
            "state": snapshot.state,
            "running": snapshot.running,
            "run_id": snapshot.run_id,
            "starts": snapshot.starts,
        },
        microscope={"state": snapshot.microscope, "sample": snapshot.sample, "note": snapshot.note},
        devices=[one.model_dump(mode="json") for one in snapshot.devices],
        values=[reading.model_dump(mode="json") for reading in snapshot.values],
        alarms=list(snapshot.alarms),
        last_stop=_order(snapshot.last_stop),
        order=_order(found[1] if found else None),
    )


def _order(order: StopOrder | None) -> OrderAnswer | None:
    return None if order is None else OrderAnswer(reason=order.reason, author=order.author, at=order.at)


def _stopped(stops: tuple[Stop, ...]) -> Stopped:
    outcomes = [outcome for stop in stops for outcome in stop.outcomes]
    # Without a word on where things lie on the server.
    told = [f"{one.state_dir.name}: {'stopped' if one.stopped else 'NOT CONFIRMED'}" for one in outcomes]
    return Stopped(stopped=all(one.stopped for one in outcomes), told=told)


def _cleared(orders: tuple[StopOrder, ...]) -> Cleared:
    return Cleared(cleared=[found for order in orders if (found := _order(order)) is not None])
