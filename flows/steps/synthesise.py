"""Synthesise: start the reactor once, under a key that was committed before anything moved."""

from campaigns.ledger import ApprovalInvalid, CampaignState, ExperimentRecord, State
from devices.errors import DeviceFault, LabDown, LabError, LabStopped, NeedsPerson
from devices.records import RunRecord
from flows.step import ExperimentLost, step
from flows.worker import AUTHOR, Worker


@step("dispatch", State.APPROVED)
def dispatch(worker: Worker, experiment: ExperimentRecord) -> ExperimentRecord:
    """Check set-points and approval, and mint the dispatch key; nothing moves yet."""
    worker.laboratory.check(experiment.conditions, experiment.units)
    try:
        return worker.ledger.mint_dispatch_key(
            experiment.id, limits=worker.laboratory.limits, author=AUTHOR, lease=worker.lease
        )
    except ApprovalInvalid as invalid:
        return worker.move(experiment, State.PROPOSED, str(invalid))


@step("synthesise", State.DISPATCHING)
def synthesise(worker: Worker, experiment: ExperimentRecord) -> ExperimentRecord:
    """Run the batch of the dispatch key: start it if it never was, wait if it runs, read it if it is done."""
    key = experiment.dispatch_key
    assert key is not None
    try:
        known = worker.laboratory.reactor_record(key)
    except LabDown:
        raise
    except LabError as error:
        # Nobody can tell whether the reactor ran, and a synthesis is not repeated on a guess.
        moved = worker.move(experiment, State.UNKNOWN, f"The reactor cannot tell about {key}: {error}")
        worker.wait(f"Nobody can tell whether experiment {experiment.index} was synthesised ({error})", moved)
        return moved
    if known is not None and known.state == "fault":
        return worker.move(experiment, State.FAILED, known.reason, **_facts(known))
    if known is None or known.state == "running":
        how = "starting the reactor" if known is None else "the reactor runs already; waiting for it"
        worker.tell("synthesise", how, experiment)
        record = _run(worker, experiment, key)
        if record is None:
            return worker.ledger.experiment(experiment.id)
    else:
        worker.tell("synthesise", "the reactor is done already", experiment)
        worker.laboratory.rest(key)
        record = known
    return worker.move(experiment, State.SYNTHESISED, f"batch {key} is done", **_facts(record))


def _run(worker: Worker, experiment: ExperimentRecord, key: str) -> RunRecord | None:
    """The finished batch; None when it failed, which is then in the ledger."""

    def progress(text: str) -> None:
        worker.tell("synthesise", text, experiment)
        # A paused campaign lets the batch finish: half a synthesis is worth nothing. An aborted one does not.
        if worker.record.status is CampaignState.ABORTED:
            raise _Aborted(worker.record.reason)

    try:
        reactor = worker.reactors.get(experiment.id)
        return worker.laboratory.synthesise(key, experiment.conditions, progress, reactor)
    except _Aborted as aborted:
        # The batch may have come to its end before the reactor was stopped; either way nobody wants it now.
        known = worker.laboratory.reactor_record(key)
        worker.move(experiment, State.ABORTED, str(aborted), **(_facts(known) if known else {}))
        return None
    except (LabDown, NeedsPerson):
        # The batch is what the reactor says when it can be asked again.
        raise
    except LabError as error:
        known = worker.laboratory.reactor_record(key)
        if known is None and isinstance(error, DeviceFault):
            raise ExperimentLost(f"before the batch had begun: {error}") from error
        if known is None or known.state != "fault":
            raise
        worker.move(experiment, State.FAILED, known.reason or str(error), **_facts(known))
        return None


class _Aborted(LabStopped):
    """The campaign was aborted while the reactor ran; raised in a report on progress, it ends the plan."""


def _facts(record: RunRecord) -> dict[str, object]:
    facts: dict[str, object] = {
        "reactor_starts": record.starts,
        "lab_started_at": record.started_at,
        "lab_finished_at": record.finished_at,
    }
    return {**facts, "reached": dict(record.reached)} if record.reached else facts
