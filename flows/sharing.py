"""Devices that experiments share, of one campaign or of several: in turn, and each with one at a time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from campaigns.ledger import ExperimentRecord, State
from devices.errors import LabError
from flows.deployments.limits import device
from flows.worker import PATIENCE_S, Worker


class NotNow(Exception):  # noqa: N818
    """The campaign was paused or ended while an experiment waited for a device; nothing was moved."""


@contextmanager
def microscope(worker: Worker, experiment: ExperimentRecord) -> Iterator[str]:
    """Have a microscope within this context; its name. Errors: :class:`NotNow`."""
    with _had(worker, experiment, "microscope", lambda: tuple(worker.laboratory.microscopes)) as name:
        yield name


@contextmanager
def reactor(worker: Worker, experiment: ExperimentRecord) -> Iterator[None]:
    """Have a reactor within this context, if the experiment needs one now.

    A reactor that runs something is not free, whoever had it last: it says itself whose batch it has. A batch
    that is in its reactor already goes before those who wait. Where no reactor can be asked, nothing is had
    and the steps find out. Errors: :class:`NotNow`.
    """
    try:
        due, owner = _needed(worker, experiment)
    except LabError:
        due, owner = False, None
    if not due:
        yield
        return
    free = worker.laboratory.idle_reactors if owner is None else lambda: (owner,)
    with _had(worker, experiment, "reactor", free, out_of_turn=owner is not None) as name:
        worker.reactors[experiment.id] = name
        try:
            yield
        finally:
            del worker.reactors[experiment.id]


def _needed(worker: Worker, experiment: ExperimentRecord) -> tuple[bool, str | None]:
    """Whether an experiment needs a reactor now, and the one that runs its batch already, if any does."""
    if experiment.state not in (State.APPROVED, State.DISPATCHING) or not worker.on(experiment):
        return False, None
    key = experiment.dispatch_key
    record = None if key is None else worker.laboratory.reactor_record(key)
    if key is not None and record is not None:
        # What a killed worker left hot or stirring is brought to rest before anything else is done.
        due = record.state == "running" or worker.laboratory.left_standing(key)
        return due, worker.laboratory.reactor_of(key)
    worker.laboratory.idle_reactors()
    return True, None


@contextmanager
def _had(
    worker: Worker,
    experiment: ExperimentRecord,
    kind: str,
    free: Callable[[], Sequence[str]],
    *,
    out_of_turn: bool = False,
) -> Iterator[str]:
    lab = worker.campaign_id if worker.laboratory.private else worker.laboratory.name
    place = worker.ledger.queue(lab, kind, experiment.id, worker.lease)
    try:
        told = False
        while (had := worker.ledger.take(place, free(), out_of_turn=out_of_turn)) is None:
            if not worker.running:
                raise NotNow
            if worker.laboratory.private and worker.in_hand <= {experiment.id}:
                # Nobody else is there who could end what runs, and no time passes by waiting.
                raise LabError(f"No {kind} of {worker.laboratory.name} is free; see `morpholoop lab status`.")
            if not told:
                worker.tell(kind, f"waits for a {kind}", experiment)
                told = True
            worker.turns.pause(PATIENCE_S)
        with device(worker.laboratory.name, had.device):
            yield had.device
    finally:
        worker.ledger.give_back(place)
        worker.turns.changed()
