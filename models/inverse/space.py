"""The search space as a unit cube: encoding, snapping, feasibility and feasible sampling."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from models.errors import UnusableInput
from models.inverse.parameter import choices_of, coordinates_of, share_of, snap_value, value_at
from models.values import Conditions, Parameter, Space

Array = npt.NDArray[np.float64]
Key = tuple[float | str, ...]

_SCAN = 4096  # Sobol points looked at in search of feasible ones
_GRID = 20_000  # grids up to this size are listed in full when the scan finds too little


@dataclass(frozen=True)
class _Axis:
    """Where one parameter sits in the cube: columns ``start``…``start + width - 1``."""

    parameter: Parameter
    start: int
    width: int


class UnitCube:
    """Conditions of a :class:`~models.values.Space` as points of the unit cube, and back.

    A numeric parameter takes one coordinate, ``(value - low) / (high - low)``, of the logarithms where its
    range spans a factor of 10 or more (a time of 30–720 min acts by ratio), snapped to its step counted
    from ``low``. A categorical one takes a coordinate per category; the largest wins (the first of equals),
    so that no order between categories is invented. A parameter whose bounds coincide takes no coordinate.
    Whatever :meth:`decode` returns lies on the steps, within the bounds and inside the constraints.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        axes: list[_Axis] = []
        start = 0
        for parameter in space.parameters:
            width = coordinates_of(parameter)
            axes.append(_Axis(parameter, start, width))
            start += width
        self._axes = tuple(axes)
        self.dimension = start
        if start == 0:
            raise UnusableInput(
                "The search space has nothing to search (every parameter is fixed or has equal bounds); "
                "give at least one parameter a range or two categories."
            )
        self._inside: Array | None = None

    def encode(self, conditions: Conditions) -> Array:
        """The cube point (dimension,) of ``conditions``; values off the bounds land outside the cube.

        Errors: :class:`UnusableInput` for a missing parameter or an unknown category.
        """
        point = np.zeros(self.dimension)
        for axis in self._axes:
            parameter = axis.parameter
            if parameter.name not in conditions:
                raise UnusableInput(f"The conditions lack {parameter.name}; give a value for it.")
            value = conditions[parameter.name]
            if parameter.categories:
                if value not in parameter.categories:
                    raise UnusableInput(
                        f"{parameter.name} is {value!r}; expected one of {', '.join(parameter.categories)}."
                    )
                if axis.width:
                    point[axis.start + parameter.categories.index(str(value))] = 1.0
            elif axis.width:
                point[axis.start] = share_of(parameter, float(value))
        return point

    def encode_many(self, many: Sequence[Conditions]) -> Array:
        """Cube points (n, dimension)."""
        return np.array([self.encode(conditions) for conditions in many]).reshape(-1, self.dimension)

    def snap(self, point: Array) -> dict[str, float | str]:
        """The conditions nearest to a cube point, on steps and bounds; the constraints are not looked at."""
        conditions: dict[str, float | str] = dict(self.space.fixed)
        for axis in self._axes:
            parameter = axis.parameter
            if parameter.categories:
                chosen = int(np.argmax(point[axis.start : axis.start + axis.width])) if axis.width else 0
                conditions[parameter.name] = parameter.categories[chosen]
            else:
                share = float(np.clip(point[axis.start], 0.0, 1.0)) if axis.width else 0.0
                conditions[parameter.name] = snap_value(parameter, value_at(parameter, share))
        return conditions

    def feasible(self, conditions: Conditions) -> bool:
        """Whether every constraint holds."""
        return all(constraint.holds(conditions) for constraint in self.space.constraints)

    def decode(self, point: Array) -> dict[str, float | str]:
        """Feasible conditions for a cube point (dimension,).

        An infeasible point is repaired: it moves along the straight line towards the nearest known feasible
        point, and the first feasible snapped conditions on the way are taken.
        """
        conditions = self.snap(point)
        if self.feasible(conditions):
            return conditions
        inside = self._feasible_points()
        anchor = inside[int(np.argmin(((inside - point) ** 2).sum(axis=1)))]
        for share in np.linspace(0.0, 1.0, 17)[1:]:
            conditions = self.snap(point + share * (anchor - point))
            if self.feasible(conditions):
                return conditions
        return self.snap(anchor)

    def key(self, conditions: Conditions) -> Key:
        """What identifies conditions within this space: the searched values in order (rounded to 1e-9)."""
        return tuple(
            value if isinstance(value := conditions[axis.parameter.name], str) else round(float(value), 9)
            for axis in self._axes
        )

    def sample(self, n: int, seed: int) -> Array:
        """``n`` feasible cube points (n, dimension) of a scrambled Sobol sequence, on the steps.

        Errors: :class:`UnusableInput` when the constraints leave nothing.
        """
        sobol = qmc.Sobol(self.dimension, seed=np.random.default_rng(seed))
        found: list[Array] = []
        while len(found) < n and sobol.num_generated < _SCAN:
            # Powers of two keep the sequence balanced (and scipy from warning).
            batch = max(sobol.num_generated, 1 << max(n - 1, 1).bit_length())
            for point in sobol.random(batch):
                conditions = self.snap(point)
                if self.feasible(conditions):
                    found.append(self._on_grid(point, conditions))
        if len(found) >= n:
            return np.array(found[:n])
        inside = self._feasible_points()
        picks = np.random.default_rng(seed).integers(len(inside), size=n - len(found))
        return np.array([*found, *inside[picks]])

    def neighbours(self, conditions: Conditions) -> list[dict[str, float | str]]:
        """Feasible conditions one move away: one step (2 % of a continuous range) or another category."""
        moves: list[dict[str, float | str]] = []
        for axis in self._axes:
            parameter = axis.parameter
            here = conditions[parameter.name]
            values: list[float | str] = []
            if parameter.categories:
                values = [category for category in parameter.categories if category != here]
            elif axis.width:
                step = parameter.step or 0.02 * (parameter.high - parameter.low)
                values = [snap_value(parameter, float(here) + sign * step) for sign in (-1.0, 1.0)]
            for value in values:
                moved = {**conditions, parameter.name: value}
                if value != here and self.feasible(moved):
                    moves.append(moved)
        return moves

    def distance(self, a: Conditions, b: Conditions) -> float:
        """Root-mean-square difference over the parameters: 0 the same, 1 opposite corners of the space."""
        difference = self.encode(a) - self.encode(b)
        parts = [
            float((difference[axis.start : axis.start + axis.width] ** 2).sum())
            / (2.0 if axis.parameter.categories else 1.0)
            for axis in self._axes
            if axis.width
        ]
        return math.sqrt(sum(parts) / len(parts))

    def _on_grid(self, point: Array, conditions: Conditions) -> Array:
        """The cube point moved onto the steps; categorical coordinates stay, since they decode the same."""
        encoded = self.encode(conditions)
        for axis in self._axes:
            if axis.parameter.categories:
                columns = slice(axis.start, axis.start + axis.width)
                encoded[columns] = point[columns]
        return encoded

    def _feasible_points(self) -> Array:
        """Feasible cube points to repair towards: from a Sobol scan, or the whole grid where it is small."""
        if self._inside is not None:
            return self._inside
        scan = qmc.Sobol(self.dimension, seed=np.random.default_rng(0)).random(_SCAN)
        inside = [self.encode(c) for c in map(self.snap, scan) if self.feasible(c)]
        if len(inside) < 32:
            inside += self._feasible_grid()
        if not inside:
            rules = "; ".join(constraint.text for constraint in self.space.constraints)
            raise UnusableInput(
                f"No conditions within the bounds satisfy the constraints ({rules}); widen the bounds or "
                "relax them."
            )
        self._inside = np.array(inside)
        return self._inside

    def _feasible_grid(self) -> list[Array]:
        choices = [choices_of(axis.parameter) for axis in self._axes]
        if math.prod(len(values) for values in choices) > _GRID:
            return []
        grid: list[dict[str, float | str]] = [dict(self.space.fixed)]
        for axis, values in zip(self._axes, choices, strict=True):
            grid = [{**conditions, axis.parameter.name: value} for conditions in grid for value in values]
        return [self.encode(conditions) for conditions in grid if self.feasible(conditions)]
