"""Inverse design: from a target microstructure to the conditions that should give it."""

from models.inverse.generated import GeneratorPredictor
from models.inverse.objective import Objective, ObjectiveWeights, Score
from models.inverse.optimise import optimise
from models.inverse.policies import METHODS, Policy, policy_for
from models.inverse.predictor import Predictor
from models.inverse.proposing import SuggestSettings, suggest
from models.inverse.result import Candidate, InverseResult
from models.inverse.smoothed import SmoothedPredictor
from models.inverse.space import UnitCube

__all__ = [
    "METHODS",
    "Candidate",
    "GeneratorPredictor",
    "InverseResult",
    "Objective",
    "ObjectiveWeights",
    "Policy",
    "Predictor",
    "Score",
    "SmoothedPredictor",
    "SuggestSettings",
    "UnitCube",
    "optimise",
    "policy_for",
    "suggest",
]
