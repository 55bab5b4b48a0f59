"""Units as people are shown them: a pure number has none."""


def shown_unit(unit: str) -> str:
    """The unit, and nothing for a pure number, whose unit a campaign writes as ``–``."""
    return "" if unit == "–" else unit


def descriptor_unit(name: str) -> str:
    """Unit of a descriptor; empty for a pure number, and for one that no measure yields here."""
    from models.morphology import known_descriptors

    found = known_descriptors().get(name)
    return found.unit if found else ""


def with_unit(name: str, unit: str) -> str:
    """A heading or the label of an axis: ``time_min (min)``; a pure number's is its name."""
    return f"{name} ({shown})" if (shown := shown_unit(unit)) else name
