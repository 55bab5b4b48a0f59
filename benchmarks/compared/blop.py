"""blop's optimiser (Ax) on the measured misses, where it is installed (``pip install 'blop[ax]'``)."""

import logging
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from benchmarks.compared.labs import HiddenLab, Proposal, campaign
from models.inverse import Objective, UnitCube
from models.learning.observations import Observation

_RUNNING: WeakKeyDictionary[HiddenLab, tuple[Any, Any]] = WeakKeyDictionary()
"""It starts from a design of its own, so one optimiser stays with a lab, and remembers what it asked for."""


def suggest(lab: HiddenLab, observations: Sequence[Observation], seed: int) -> Proposal:
    """What Ax tries next to minimise F, from nothing but F as measured."""
    searched = [one for one in lab.space.parameters if one.high > one.low]
    optimiser, asked = _RUNNING.get(lab) or (_optimiser(searched, seed), None)
    if observations:
        latest, objective = observations[-1], Objective(lab.targets)
        known = {name: one for name in latest.measured if (one := latest.estimate(name)) is not None}
        optimiser.ingest([{"_id": asked, "mismatch": objective.score(known).mismatch}])
    (found,) = optimiser.suggest(1)
    _RUNNING[lab] = optimiser, found["_id"]
    cube = UnitCube(lab.space)
    return Proposal(
        cube.decode(cube.encode({**lab.space.fixed, **{one.name: found[one.name] for one in searched}}))
    )


def _optimiser(searched: Sequence[Any], seed: int) -> Any:
    from ax import RangeParameterConfig
    from blop.ax.optimizer import AxOptimizer

    logging.getLogger("ax").setLevel(logging.ERROR)
    return AxOptimizer(
        [
            RangeParameterConfig(
                name=one.name, bounds=(one.low, one.high), parameter_type="float", step_size=one.step
            )
            for one in searched
        ],
        "-mismatch",
        parameter_constraints=[rule.replace("2 * ", "2*") for rule in campaign().constraints],
        client_kwargs={"random_seed": seed},
    )
