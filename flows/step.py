"""What makes a function a step: a Prefect task that acts only where the ledger says that it is due."""

import time
from collections.abc import Callable

from prefect import task
from prefect.cache_policies import NO_CACHE

from campaigns.ledger import ExperimentRecord, State
from devices.errors import NeedsPerson
from flows.worker import Worker

Action = Callable[[Worker, ExperimentRecord], ExperimentRecord]


class ExperimentLost(Exception):  # noqa: N818
    """The experiment cannot come to its end, for the reason given; the campaign goes on with another."""


def step(name: str, *due: State) -> Callable[[Action], Action]:
    """Decorate ``action(worker, experiment)``: it runs while the experiment is in one of the states ``due``.

    In any other state, or when the campaign was paused or has ended, the experiment comes back as it is; so
    a flow that starts anew passes quickly over what was done before. Nothing is cached and nothing retried:
    the ledger is the memory. An :class:`ExperimentLost` ends the experiment as failed; where the lab
    :class:`~devices.errors.NeedsPerson`, the campaign waits.
    """

    def decorate(action: Action) -> Action:
        def run(worker: Worker, experiment: ExperimentRecord) -> ExperimentRecord:
            experiment = worker.ledger.experiment(experiment.id)
            if experiment.state not in due or not worker.running:
                return experiment
            began = time.perf_counter()
            try:
                return action(worker, experiment)
            except ExperimentLost as lost:
                worker.tell(name, f"failed: {lost}", experiment)
                moved = worker.move(worker.ledger.experiment(experiment.id), State.FAILED, str(lost))
                worker.announce(f"lost experiment {experiment.index}", str(lost))
                return moved
            except NeedsPerson as need:
                worker.tell(name, f"waits for a person: {need}", experiment)
                worker.wait(str(need))
                return worker.ledger.experiment(experiment.id)
            finally:
                worker.ledger.add_time(
                    worker.campaign_id,
                    virtual_hours=worker.laboratory.clock.hours(),
                    seconds=time.perf_counter() - began,
                )

        run.__name__, run.__doc__ = action.__name__, action.__doc__
        # Called directly, never submitted: a device step has to be interruptible.
        made: Action = task(name=name, cache_policy=NO_CACHE, persist_result=False, retries=0)(run)
        return made

    return decorate
