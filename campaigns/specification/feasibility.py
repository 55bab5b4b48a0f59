"""Whether constraints leave anything to search."""

import random

from models.values import Parameter, Space

TRIALS = 5000
"""Conditions tried before a space is called empty."""


def is_feasible(space: Space) -> bool:
    """Whether some conditions meet all constraints; parameters are tried over their steps, ends included."""
    if not space.constraints:
        return True
    source = random.Random(0)  # the answer must not change from one reading to the next
    for _ in range(TRIALS):
        conditions = {**space.fixed, **{one.name: _draw(one, source) for one in space.parameters}}
        if all(rule.holds(conditions) for rule in space.constraints):
            return True
    return False


def _draw(parameter: Parameter, source: random.Random) -> float | str:
    if parameter.categories:
        return source.choice(parameter.categories)
    # The ends are where constraints are often just met.
    end = source.random()
    if end < 0.1:
        return parameter.low if end < 0.05 else parameter.high
    if parameter.step:
        steps = int((parameter.high - parameter.low) / parameter.step + 1e-9)
        return parameter.low + parameter.step * source.randint(0, steps)
    return source.uniform(parameter.low, parameter.high)
