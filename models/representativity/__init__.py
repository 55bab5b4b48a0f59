"""Is what was imaged enough to say so: intervals of phase fractions and of descriptors over fields."""

from models.representativity.estimation import estimate
from models.representativity.fields import descriptor_intervals, fields_needed
from models.representativity.history import FieldSpread, spread_of_earlier
from models.representativity.phases import estimate_phases
from models.representativity.result import Representativity

__all__ = [
    "FieldSpread",
    "Representativity",
    "descriptor_intervals",
    "estimate",
    "estimate_phases",
    "fields_needed",
    "spread_of_earlier",
]
