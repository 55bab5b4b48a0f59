"""Where a lab's state is: by its lab file, without a ledger."""

from dataclasses import dataclass
from pathlib import Path

from devices.errors import LabError
from devices.sections import LabFile
from devices.snapshot import Snapshot, read


@dataclass(frozen=True)
class Place:
    """A state directory in which the lab was opened, and what the lab looked like there last."""

    state_dir: Path
    snapshot: Snapshot | None

    @property
    def held(self) -> bool:
        """Whether a living process drives the lab here."""
        return self.snapshot is not None and self.snapshot.held


def root(home: Path, *, simulated: bool) -> Path:
    """The folder of one kind of labs in the state directory ``home``: simulated ones have their own."""
    return home / "simulated" if simulated else home


def places(lab: LabFile, home: Path, state: Path | None = None) -> list[Place]:
    """Where the lab was opened, those that are driven now first, then the latest; ``state`` names one place.

    Each campaign in a simulated lab has a place of its own; a real lab has one. Errors: :class:`LabError`.
    """
    if state is not None:
        if not state.is_dir():
            raise LabError(f"There is no state directory {state}; check --state.")
        return [Place(state, read(state))]
    if not lab.simulated:
        return [Place(home, read(home))]
    found = [Place(folder, read(folder)) for folder in _simulated(home)]
    own = [place for place in found if place.snapshot is not None and place.snapshot.lab == lab.name]
    return sorted(own, key=lambda p: (p.held, p.snapshot.at if p.snapshot else ""), reverse=True)


def places_by_file(lab_file: Path, home: Path) -> list[Place]:
    """Every place where this lab file was opened, for when the file itself is of no use any more."""
    return [p for p in opened(home) if p.snapshot is not None and p.snapshot.file == str(lab_file.resolve())]


def opened(home: Path) -> list[Place]:
    """Every place of a state directory where some lab was opened."""
    seen = [Place(folder, read(folder)) for folder in (home, *_simulated(home))]
    return [place for place in seen if place.snapshot is not None]


def _simulated(home: Path) -> list[Path]:
    return [path.parent for path in root(home, simulated=True).glob("labs/*/lab.json")]
