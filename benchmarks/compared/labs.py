"""A simulated lab whose constants nobody knows, a target that it can reach, and a look at a synthesis."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from campaigns.decisions import Outcome, fields_wanted_by_view, verdicts
from campaigns.specification import Campaign, TargetSpec, View, load
from flows.measuring import MeasuredField, intervals, measures_of
from models.inverse import UnitCube
from models.morphology import Measure
from models.values import Conditions, Estimate, Interval, Target
from sim.lmr import LMRPlant, Powder

CAMPAIGN = Path("campaigns/library/lmr-precursor.yaml")
FIELDS_OF_PARTICLES = 100
"""As many as may be taken, where the shipped campaign allows 36: a field shows two or three particles that
lie free, and the spread of their sphericity is known to its tolerance, 10 %, from some two hundred."""
PLANTS_FROM = 10_000
"""Seeds of the plants: far from those of tests and examples."""


@cache
def campaign() -> Campaign:
    """The shipped campaign: space, imaging, swarm; with more fields of particles."""
    shipped = load(CAMPAIGN)
    first, *others = shipped.imaging.views
    fields = first.fields.model_copy(update={"max": FIELDS_OF_PARTICLES})
    views = (first.model_copy(update={"fields": fields}), *others)
    return shipped.model_copy(update={"imaging": shipped.imaging.model_copy(update={"views": views})})


@dataclass(frozen=True)
class Look:
    """What an experiment showed, as the loop judges it."""

    measured: dict[str, Interval]
    met: bool
    fields: int


@dataclass(frozen=True)
class Proposal:
    """Conditions to try next, and what the method expects there of each descriptor, if it says so."""

    conditions: Conditions
    expected: Mapping[str, Estimate] = field(default_factory=dict)


Fields = dict[float, list[MeasuredField]]
"""Measured fields of view by magnification."""


@dataclass(frozen=True)
class Eyes:
    """A plant, and its powders as the campaign's views see them."""

    plant: LMRPlant
    campaign: Campaign

    @property
    def views(self) -> tuple[View, ...]:
        """Magnifications with what is measured there."""
        return tuple(self.campaign.imaging.views)

    def look(self, conditions: Conditions, *, batch: int, most: bool = False) -> dict[str, Interval]:
        """The descriptors of one synthesis from the least number of fields, or from the ``most`` allowed."""
        powder = self.plant.synthesise(dict(conditions), batch=batch)
        return self.pooled(
            {
                view.magnification: self.fields(powder, view, 0, view.fields.max if most else view.fields.min)
                for view in self.views
            }
        )

    def pooled(self, fields: Fields) -> dict[str, Interval]:
        """Each descriptor over its fields."""
        imaging, found = self.campaign.imaging, {}
        for view in self.views:
            found |= intervals(view, fields[view.magnification], imaging.confidence, imaging.target_error)
        return found

    def fields(self, powder: Powder, view: View, first: int, number: int) -> list[MeasuredField]:
        """Fields ``first`` and the next ones, as measured."""
        measures: dict[str, Measure] = measures_of(view)
        magnification, made = view.magnification, []
        for index in range(first, first + number):
            drawn = self.plant.render(powder, magnification=magnification, field=index)
            pixels = (drawn.pixels / 255.0).astype(np.float32)
            measured = {kind: one.measure(pixels, drawn.pixel_size_um) for kind, one in measures.items()}
            made.append(MeasuredField(measured).without_labels())
        return made


@cache
def targets_of(number: int) -> tuple[Target, ...]:
    """What lab ``number`` itself measures at conditions drawn at random, with as many fields as allowed."""
    cube = UnitCube(campaign().space())
    hidden = cube.decode(cube.sample(1, PLANTS_FROM + number)[0])
    seen = Eyes(LMRPlant(PLANTS_FROM + number), campaign()).look(hidden, batch=0, most=True)
    return tuple(_aimed_at(one, seen[one.descriptor].value) for one in campaign().targets_)


def _aimed_at(wanted: TargetSpec, value: float) -> Target:
    """The campaign's target with its tolerance and scale, and another value (at most or exactly that)."""
    bound = "value" if wanted.value is not None else "at_most"
    return wanted.model_copy(update={bound: value}).target()


class HiddenLab:
    """Plant number ``number``, with a target that it can reach.

    ``adaptive``: fields are added as long as they can tell something, otherwise the least number is taken.
    """

    def __init__(self, number: int, *, adaptive: bool = True) -> None:
        self._campaign, self._adaptive, self._batches = campaign(), adaptive, 0
        self._eyes = Eyes(LMRPlant(PLANTS_FROM + number), self._campaign)
        self.space, self.targets = self._campaign.space(), targets_of(number)

    def run(self, conditions: Conditions) -> Look:
        """One synthesis, imaged and judged like any experiment of a campaign."""
        self._batches += 1
        imaging = self._campaign.imaging
        powder, views = self._eyes.plant.synthesise(dict(conditions), batch=self._batches), self._eyes.views
        fields = {view.magnification: self._eyes.fields(powder, view, 0, view.fields.min) for view in views}
        before: dict[str, Interval] = {}
        while True:
            found = self._eyes.pooled(fields)
            have = [len(fields[view.magnification]) for view in views]
            looks = fields_wanted_by_view(imaging, self.targets, found, have=have, before=before)
            if not self._adaptive or not any(look.more for look in looks):
                break
            for view, number, look in zip(views, have, looks, strict=True):
                if look.more:
                    before |= {name: found[name] for name in view.descriptors}
                    fields[view.magnification] += self._eyes.fields(powder, view, number, look.more)
        final = verdicts(self.targets, found, may_look_again=False)
        met = all(one.outcome is Outcome.MET for one in final)
        return Look(found, met, sum(map(len, fields.values())))
