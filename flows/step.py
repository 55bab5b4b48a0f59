"""What makes a function a step: a Prefect task that acts only where the ledger says that it is due."""

from collections.abc import Callable

from prefect import task
from prefect.cache_policies import NO_CACHE

from campaigns.ledger import CampaignState, ExperimentRecord, State
from campaigns.specification.failures import ImagingFailures, StepFailures
from devices.errors import NeedsPerson
from flows.sharing import NotNow
from flows.worker import Worker

Action = Callable[[Worker, ExperimentRecord], ExperimentRecord]


class ExperimentLost(Exception):  # noqa: N818
    """The experiment cannot come to its end, for the reason given; the campaign goes on with another."""


def step(name: str, *due: State) -> Callable[[Action], Action]:
    """Decorate ``action(worker, experiment)``: it runs while the experiment is in one of the states ``due``.

    In any other state, or when the campaign was paused or has ended, the experiment comes back as it is; so
    a flow that starts anew passes quickly over what was done before. Nothing is cached and nothing retried:
    the ledger is the memory. An :class:`ExperimentLost` ends the experiment as failed, and where the lab
    :class:`~devices.errors.NeedsPerson` the campaign waits, unless its ``failures`` say otherwise.
    """

    def decorate(action: Action) -> Action:
        def run(worker: Worker, experiment: ExperimentRecord) -> ExperimentRecord:
            experiment = worker.ledger.experiment(experiment.id)
            if experiment.state not in due or not worker.on(experiment):
                return experiment
            policy = worker.campaign.failures.of(name)
            try:
                moved = action(worker, experiment)
                return _lost(worker, moved, policy) if moved.state is State.FAILED else moved
            except ExperimentLost as lost:
                worker.tell(name, f"failed: {lost}", experiment)
                moved = worker.move(worker.ledger.experiment(experiment.id), State.FAILED, str(lost))
                return _lost(worker, moved, policy)
            except NeedsPerson as need:
                return _stuck(worker, experiment, name, str(need), policy)
            except NotNow:
                return worker.ledger.experiment(experiment.id)
            finally:
                worker.add_time()

        run.__name__, run.__doc__ = action.__name__, action.__doc__
        # Called directly, never submitted: a device step has to be interruptible.
        made: Action = task(name=name, cache_policy=NO_CACHE, persist_result=False, retries=0)(run)
        return made

    return decorate


def _lost(worker: Worker, experiment: ExperimentRecord, policy: StepFailures) -> ExperimentRecord:
    """What the campaign does about an experiment that has failed."""
    reason = f"experiment {experiment.index} is lost: {experiment.reason}"
    if policy.lost == "skip":
        worker.announce(f"lost experiment {experiment.index}", experiment.reason)
    elif policy.lost == "ask":
        worker.wait(f"{reason.rstrip('.')}; resume or abort the campaign.")
    else:
        worker.end(CampaignState.ABORTED, reason)
    return experiment


def _stuck(
    worker: Worker, experiment: ExperimentRecord, name: str, reason: str, policy: StepFailures
) -> ExperimentRecord:
    """What the campaign does where a device goes on only when somebody has seen to it."""
    experiment = worker.ledger.experiment(experiment.id)
    if not isinstance(policy, ImagingFailures) or policy.stuck == "ask":
        worker.tell(name, f"waits for a person: {reason}", experiment)
        worker.wait(reason, experiment)
        return experiment
    worker.tell(name, f"given up: {reason}", experiment)
    experiment = worker.move(experiment, State.FAILED, f"given up, because: {reason}")
    if policy.stuck == "abort":
        worker.end(CampaignState.ABORTED, reason)
    else:
        worker.announce(f"gave experiment {experiment.index} up", reason)
    return experiment
