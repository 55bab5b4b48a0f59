"""Foresee: predict conditions that a person put in place of a proposal, before anybody approves them."""

import math
from collections.abc import Sequence

from campaigns.ledger import ExperimentRecord, Prediction, State
from flows.prediction import imagination
from flows.steps.imagine import predicted_micrographs
from flows.worker import AUTHOR, Worker
from models.inverse import Objective, Predictor, SuggestSettings, UnitCube
from models.inverse.proposing import declared_positive
from models.learning.corrected import CorrectedPredictor
from models.learning.observations import Observation
from models.learning.residual import ResidualModel
from models.values import Estimate

NOTHING = "design"
"""In place of a model's version, where nothing was measured yet that could predict."""


def unforeseen(experiment: ExperimentRecord) -> bool:
    """Whether a person proposed it, and it is still to be predicted."""
    return (
        experiment.state is State.PROPOSED
        and experiment.edited_from is not None
        and not experiment.model_version
    )


def foresee(worker: Worker, experiment: ExperimentRecord) -> ExperimentRecord:
    """Predict an edited proposal as one of our own would have been; it can be approved from then on."""
    worker.tell("suggest", "predicting what a person proposed", experiment)
    imagined = imagination(worker) if worker.campaign.optimiser.method == "pso" else None
    generator = imagined.generator if imagined is not None else None
    predictor = _predictor(worker, imagined.predictor if imagined is not None else None)
    estimates: dict[str, Estimate] = {}
    distance = objective = math.nan
    if predictor is not None:
        (estimates,) = predictor.predict([experiment.conditions])
        distance = predictor.manifold_distance(experiment.conditions)
        objective = Objective(worker.record.targets).score(estimates, distance).total
    version, units = predictor.version if predictor is not None else NOTHING, worker.record.units
    return worker.ledger.foresee(
        experiment.id,
        [
            Prediction(name, units.get(name, ""), estimate, version)
            for name, estimate in estimates.items()
            if math.isfinite(estimate.mean)
        ],
        predicted_micrographs(worker, generator, experiment.index, experiment.conditions),
        model_version=version,
        author=AUTHOR,
        manifold_distance=distance if math.isfinite(distance) else None,
        objective=objective if math.isfinite(objective) else None,
        lease=worker.lease,
    )


def _predictor(worker: Worker, base: Predictor | None) -> Predictor | None:
    """``base``, corrected by what was measured; or the measurements alone; None where they are too few."""
    observations: Sequence[Observation] = worker.observations()
    if base is not None and not observations:
        return base
    if base is None and len(observations) < SuggestSettings().design:
        return None
    cube = UnitCube(worker.campaign.space())
    there = base.predict([one.conditions for one in observations]) if base is not None else None
    shown = there[0] if there else {name for one in observations for name in one.measured}
    residuals = ResidualModel.fit(
        cube,
        observations,
        there,
        descriptors=sorted({*worker.campaign.descriptors(), *shown}),
        positive=declared_positive(),
    )
    return CorrectedPredictor(base, residuals, cube, observations)
