"""Stop? Judge the campaign by all that was measured, and end it when there is nothing left to do."""

import math

from prefect import task
from prefect.cache_policies import NO_CACHE

from campaigns.decisions import ExperimentOutcome, Judgement, Next, Spent, distance, verdicts
from campaigns.decisions import judge as judge_campaign
from campaigns.ledger import CampaignState, ExperimentRecord, State
from flows.worker import PATIENCE_S, Worker

UNDECIDED = (State.PROPOSED, State.APPROVED)
"""States in which nothing was dispatched yet."""


def goes_on(worker: Worker) -> bool:
    """Whether there is another experiment to drive; if not, what follows is recorded: the end, or a wait.

    While others have experiments in hand, it waits for what becomes of them.
    """
    changed = True
    judgement = None
    while worker.running and not worker.broken:
        if worker.due() is not None:
            return True
        if changed or judgement is None:
            judgement = judged(worker)
            if judgement.status is Next.CONTINUE and not worker.asked and _room(worker):
                return True
        if not worker.in_hand:
            _conclude(worker, judgement)
            return False
        changed = worker.turns.pause(PATIENCE_S)
    return False


@task(name="stop?", cache_policy=NO_CACHE, persist_result=False)
def judged(worker: Worker) -> Judgement:
    """How the campaign stands, by all that was measured."""
    campaign, record, experiments = worker.campaign, worker.record, worker.experiments()
    spent = Spent(
        # A rejected proposal costs nothing.
        experiments=sum(one.dispatch_key is not None for one in experiments),
        lab_hours=record.virtual_hours,
        real_hours=record.seconds / 3600,
        fields=sum(one.fields for one in experiments),
    )
    outcomes = [_outcome(worker, one) for one in experiments if one.state in (State.LEARNED, State.FAILED)]
    return judge_campaign(outcomes, spent, campaign.budget, campaign.stopping)


def _room(worker: Worker) -> bool:
    """Whether one more experiment may be under way, and the budget is not promised to those that are."""
    experiments, under_way = worker.experiments(), worker.under_way()
    promised = sum(one.dispatch_key is not None for one in experiments)
    promised += sum(one.dispatch_key is None for one in under_way)
    return len(under_way) < worker.in_flight and promised < worker.campaign.budget.experiments


def _conclude(worker: Worker, judgement: Judgement) -> None:
    """Nothing goes on: what is under way, if anything, waits for a person, or the campaign is over."""
    over = judgement.status is not Next.CONTINUE
    waiting = worker.under_way()
    if over and all(one.state in UNDECIDED for one in waiting):
        for one in waiting:
            worker.move(one, State.ABORTED, f"not wanted any more: {judgement.reason}")
        waiting = []
    if waiting or worker.asked:
        worker.wait_for_person()
        return
    worker.end(CampaignState(judgement.status), judgement.reason)
    worker.tell("stop", f"{judgement.status}: {judgement.reason}")


def _outcome(worker: Worker, experiment: ExperimentRecord) -> ExperimentOutcome:
    if experiment.state is State.FAILED:
        return ExperimentOutcome(experiment.index, failure=experiment.reason)
    targets = worker.record.targets
    measured = {one.descriptor: one.interval for one in worker.ledger.measurements(experiment.id)}
    found = verdicts(targets, measured, may_look_again=False)
    values = {name: interval.value for name, interval in measured.items() if not math.isnan(interval.value)}
    return ExperimentOutcome(experiment.index, found, distance(targets, values))
