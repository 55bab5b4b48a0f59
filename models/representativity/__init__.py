"""Is what was imaged enough to say so: intervals of phase fractions and of descriptors over fields."""

from models.representativity.estimation import estimate
from models.representativity.fields import descriptor_intervals, fields_needed
from models.representativity.result import Representativity

__all__ = ["Representativity", "descriptor_intervals", "estimate", "fields_needed"]
