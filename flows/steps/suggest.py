"""Suggest: which synthesis to do next, and what is expected of it."""

import math
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from campaigns.ledger import ExperimentRecord, ModelUse, Prediction, State
from flows.prediction import Imagination, follow, imagination
from flows.steps.foresee import foresee, unforeseen
from flows.steps.imagine import predicted_micrographs
from flows.worker import AUTHOR, Worker
from models.inverse import Candidate, InverseResult, SuggestSettings, policy_for

if TYPE_CHECKING:
    from models.generator import Generator


@task(name="suggest", cache_policy=NO_CACHE, persist_result=False)
def suggest(worker: Worker) -> ExperimentRecord:
    """The next experiment under way, or a new proposal with its predictions and predicted micrographs."""
    due = worker.due()
    if due is not None:
        worker.tell("resume", f"goes on from {due.state}", due)
        return foresee(worker, due) if unforeseen(due) else due
    index = len(worker.experiments()) + 1
    if index > 1:
        follow(worker)
    worker.tell("suggest", "searching for conditions", index)
    # The other methods imagine nothing, so nothing is loaded for them.
    imagined = imagination(worker) if worker.campaign.optimiser.method == "pso" else None
    result = _search(worker, imagined, index)
    generator = imagined.generator if imagined is not None else None
    experiment = _propose(worker, generator, index, result, _untried(worker, result))
    worker.add_time()
    return experiment


def _search(worker: Worker, imagined: Imagination | None, index: int) -> InverseResult:
    optimiser = worker.campaign.optimiser
    unmeasured = sum(one.state not in (State.ACCEPTED, State.LEARNED) for one in worker.experiments())

    def progress(iteration: int, iterations: int, best: float) -> None:
        worker.tell("suggest", f"best objective {best:.4g}", index, iteration, iterations)

    policy = policy_for(
        optimiser.method,
        imagined.predictor if imagined is not None else None,
        worker.campaign.space(),
        worker.record.targets,
        seed=worker.seed(0, "design"),
        settings=SuggestSettings(
            particles=optimiser.particles,
            iterations=optimiser.iterations,
            # One more for each proposal that was rejected or failed, so that one is left that was not tried.
            candidates=optimiser.candidates + unmeasured,
        ),
    )
    for observation in (*worker.observations(), *worker.pending()):
        policy.ingest(observation)
    return policy.suggest(worker.seed(index, "suggest"), progress)


def _untried(worker: Worker, result: InverseResult) -> Candidate:
    tried = [one.conditions for one in worker.experiments()]
    return next((one for one in result.candidates if one.conditions not in tried), result.best)


def _propose(
    worker: Worker,
    generator: "Generator | None",
    index: int,
    result: InverseResult,
    candidate: Candidate,
) -> ExperimentRecord:
    units, ledger = worker.record.units, worker.ledger
    predictions = [
        Prediction(name, units.get(name, ""), estimate, result.model)
        for name, estimate in candidate.predicted.items()
        if math.isfinite(estimate.mean)
    ]
    # Files first: a row never points at a picture that is not there.
    tiles = predicted_micrographs(worker, generator, index, candidate.conditions)
    finite = math.isfinite(candidate.objective)
    reason = f"{result.policy}: objective {candidate.objective:.4g}" if finite else f"{result.policy} point"
    if not result.reachable:
        reason += f", out of reach of what the model knows: {result.shortfall()}"
    with ledger.together():
        experiment = ledger.propose(
            worker.campaign_id,
            index=index,
            conditions=candidate.conditions,
            units=worker.campaign.units(),
            model_version=result.model,
            author=AUTHOR,
            reason=f"{reason}, {result.evaluations} evaluations, {result.images_generated} images",
            objective=candidate.objective if finite else None,
            manifold_distance=candidate.manifold_distance
            if math.isfinite(candidate.manifold_distance)
            else None,
            lease=worker.lease,
        )
        ledger.record_predictions(experiment.id, predictions)
        ledger.record_micrographs(experiment.id, tiles)
        version = generator.version if generator is not None else result.model
        ledger.record_model_use(
            worker.campaign_id, ModelUse(version, "proposed", experiment_id=experiment.id)
        )
    return experiment
