"""Conditions as numbers: the control vector that the ControlNet sees, and coordinates for distances."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.generator.schema import GeneratorSchema, number
from models.values import Conditions

RIPENING_MIN = 90.0
"""Time constant of the fast first part of a synthesis; exp(−t/90 min) is one of the controls."""
LATENT_LOOKALIKE = 4
"""diffusers takes a control tensor of exactly this many channels for latents."""


class ConditionEncoder:
    """Scales conditions to the control vector of one generator.

    Each varying number is scaled to [-1, 1] over its trained range; the time parameter adds its logarithm and
    exp(−t/90 min), so that both the fast start and the slow ripening are near-linear in some control;
    categories and the magnification are one-hot.
    """

    def __init__(self, schema: GeneratorSchema) -> None:
        self._schema = schema
        self._magnifications = tuple(schema.magnifications)
        self._varying = tuple(p for p in schema.parameters if p.varies)
        size = sum(len(p.categories) or 1 for p in self._varying) + len(self._magnifications)
        size += 2 if self._time_varies else 0
        self._pad = 1 if size == LATENT_LOOKALIKE else 0
        self.size = size + self._pad

    @property
    def _time_varies(self) -> bool:
        return any(p.name == self._schema.time_parameter for p in self._varying)

    def control(self, conditions: Conditions, magnification: float) -> NDArray[np.float32]:
        """The control vector (size,) of ``conditions`` at ``magnification``.

        Errors: :class:`models.errors.UnusableInput` for missing or unusable values.
        """
        self._schema.magnification(magnification)
        self._schema.check(conditions)
        values: list[float] = []
        for parameter in self._varying:
            if parameter.categories:
                values += [float(conditions[parameter.name] == category) for category in parameter.categories]
                continue
            value = number(conditions, parameter.name)
            values.append(_scaled(value, parameter.low, parameter.high))
            if parameter.name == self._schema.time_parameter:
                ends = np.array([parameter.low, parameter.high])
                values.append(_scaled(np.log(value), *np.log(ends)))
                decay = np.exp(-ends / RIPENING_MIN)
                values.append(_scaled(np.exp(-value / RIPENING_MIN), decay[1], decay[0]))
        values += [float(round(magnification) == known) for known in self._magnifications]
        values += [1.0] * self._pad
        return np.array(values, dtype=np.float32)

    def coordinates(self, conditions: Conditions) -> NDArray[np.float64]:
        """Position (d,) of ``conditions`` in the unit cube of the trained ranges; time by its logarithm.

        Two categories are 1 apart.
        """
        self._schema.check(conditions)
        values: list[float] = []
        for parameter in self._varying:
            if parameter.categories:
                one_hot = [float(conditions[parameter.name] == c) for c in parameter.categories]
                values += [v / np.sqrt(2.0) for v in one_hot]
                continue
            value, low, high = number(conditions, parameter.name), parameter.low, parameter.high
            if parameter.name == self._schema.time_parameter:
                value, low, high = float(np.log(value)), float(np.log(low)), float(np.log(high))
            values.append((value - low) / (high - low))
        return np.array(values, dtype=np.float64)

    def coordinates_many(self, conditions: Sequence[Conditions]) -> NDArray[np.float64]:
        """Positions (C, d)."""
        return np.stack([self.coordinates(c) for c in conditions])

    def excess(self, conditions: Conditions) -> float:
        """How far the worst number lies outside its trained range, in range widths (0 inside)."""
        worst = 0.0
        for parameter in self._varying:
            if parameter.categories:
                continue
            u = (number(conditions, parameter.name) - parameter.low) / (parameter.high - parameter.low)
            worst = max(worst, -u, u - 1.0)
        return worst

    def controls(self, conditions: Sequence[Conditions], magnification: float) -> NDArray[np.float32]:
        """Control vectors (C, size)."""
        return np.stack([self.control(c, magnification) for c in conditions])


def _scaled(value: float, low: float, high: float) -> float:
    return float(2.0 * (value - low) / (high - low) - 1.0)
