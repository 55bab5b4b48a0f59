"""Where a lab's state is: by its lab file, without the ledger."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import UnusableInput
from models.home import state_directory

if TYPE_CHECKING:
    from devices.sections import LabFile
    from devices.snapshot import Snapshot


@dataclass(frozen=True)
class Place:
    """A state directory in which the lab was opened, and what the lab looked like there last."""

    state_dir: Path
    snapshot: "Snapshot | None"

    @property
    def held(self) -> bool:
        """Whether a living process drives the lab here."""
        return self.snapshot is not None and self.snapshot.held


def root(*, simulated: bool) -> Path:
    """The folder of one kind of labs: simulated ones have a store of their own."""
    home = state_directory(create=False)
    return home / "simulated" if simulated else home


def places(lab: "LabFile", state: Path | None) -> list[Place]:
    """Where the lab was opened, those that are driven now first, then the latest; ``state`` names one place.

    Each campaign in a simulated lab has a place of its own, and a real lab has one.
    Errors: :class:`UnusableInput`.
    """
    from devices.snapshot import read

    if state is not None:
        if not state.is_dir():
            raise UnusableInput(f"There is no state directory {state}; check --state.")
        return [Place(state, read(state))]
    if not lab.simulated:
        folder = root(simulated=False)
        return [Place(folder, read(folder))]
    found = [Place(path.parent, read(path.parent)) for path in root(simulated=True).glob("labs/*/lab.json")]
    own = [place for place in found if place.snapshot is not None and place.snapshot.lab == lab.name]
    return sorted(own, key=lambda p: (p.held, p.snapshot.at if p.snapshot else ""), reverse=True)


def places_by_file(lab_file: Path) -> list[Place]:
    """Every place where this lab file was opened, for when the file itself is of no use any more."""
    from devices.snapshot import read

    home = state_directory(create=False)
    folders = [home, *(path.parent for path in (home / "simulated").glob("labs/*/lab.json"))]
    seen = [Place(folder, read(folder)) for folder in folders]
    return [p for p in seen if p.snapshot is not None and p.snapshot.file == str(lab_file.resolve())]
