"""Reconcile: after nobody could tell whether the reactor ran, ask it again before anything else."""

from campaigns.ledger import ExperimentRecord, State
from devices.errors import LabError
from flows.step import step
from flows.worker import Worker


@step("reconcile", State.UNKNOWN)
def reconcile(worker: Worker, experiment: ExperimentRecord) -> ExperimentRecord:
    """Go back to dispatching, under the same key, once the reactor answers; else go on waiting for a person.

    A person gave the command again: that is the decision to ask. The reactor never starts a key twice.
    """
    assert experiment.dispatch_key is not None
    try:
        worker.laboratory.reactor_record(experiment.dispatch_key)
    except LabError as error:
        worker.wait(
            f"The reactor still cannot tell whether experiment {experiment.index} ran ({error})", experiment
        )
        return experiment
    return worker.move(experiment, State.DISPATCHING, "the reactor can tell again")
