"""Stop? Judge the campaign by all that was measured, and end it when there is nothing left to do."""

import math

from prefect import task
from prefect.cache_policies import NO_CACHE

from campaigns.decisions import ExperimentOutcome, Next, Spent, distance, verdicts
from campaigns.decisions import judge as judge_campaign
from campaigns.ledger import CampaignState, ExperimentRecord, State
from flows.worker import Worker


@task(name="stop?", cache_policy=NO_CACHE, persist_result=False)
def goes_on(worker: Worker) -> bool:
    """Whether there is another step to take; if not, and nobody paused it, the campaign's end is recorded."""
    if not worker.running:
        return False
    if worker.under_way() is not None:
        return True
    campaign, record = worker.campaign, worker.record
    experiments = worker.experiments()
    spent = Spent(
        # A rejected proposal costs nothing.
        experiments=sum(one.dispatch_key is not None for one in experiments),
        lab_hours=record.virtual_hours,
        real_hours=record.seconds / 3600,
        fields=sum(one.fields for one in experiments),
    )
    outcomes = [_outcome(worker, one) for one in experiments if one.state in (State.LEARNED, State.FAILED)]
    judgement = judge_campaign(outcomes, spent, campaign.budget, campaign.stopping)
    if judgement.status is Next.CONTINUE:
        return True
    worker.end(CampaignState(judgement.status), judgement.reason)
    worker.tell("stop", f"{judgement.status}: {judgement.reason}")
    return False


def _outcome(worker: Worker, experiment: ExperimentRecord) -> ExperimentOutcome:
    if experiment.state is State.FAILED:
        return ExperimentOutcome(experiment.index, failure=experiment.reason)
    targets = worker.record.targets
    measured = {one.descriptor: one.interval for one in worker.ledger.measurements(experiment.id)}
    found = verdicts(targets, measured, may_look_again=False)
    values = {name: interval.value for name, interval in measured.items() if not math.isnan(interval.value)}
    return ExperimentOutcome(experiment.index, found, distance(targets, values))
