"""What makes a function a step: a Prefect task that acts only where the ledger says that it is due."""

import time
from collections.abc import Callable

from prefect import task
from prefect.cache_policies import NO_CACHE

from campaigns.ledger import ExperimentRecord, State
from flows.worker import Worker

Action = Callable[[Worker, ExperimentRecord], ExperimentRecord]


def step(name: str, *due: State) -> Callable[[Action], Action]:
    """Decorate ``action(worker, experiment)``: it runs while the experiment is in one of the states ``due``.

    In any other state, or when the campaign was paused or has ended, the experiment comes back as it is; so
    a flow that starts anew passes quickly over what was done before. Nothing is cached and nothing retried:
    the ledger is the memory.
    """

    def decorate(action: Action) -> Action:
        def run(worker: Worker, experiment: ExperimentRecord) -> ExperimentRecord:
            experiment = worker.ledger.experiment(experiment.id)
            if experiment.state not in due or not worker.running:
                return experiment
            began = time.perf_counter()
            try:
                return action(worker, experiment)
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
