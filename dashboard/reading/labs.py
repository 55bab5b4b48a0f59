"""Labs as their driving processes last wrote them down; nobody here asks a device."""

from dataclasses import dataclass
from pathlib import Path

from devices.errors import LabError
from devices.interlocks import Interlock
from devices.labfile import read_lab_file
from devices.places import opened, root
from devices.snapshot import Reading, Snapshot
from devices.stopping import STOP, StopOrder, standing, stop_file


@dataclass(frozen=True)
class InterlockView:
    """An interlock and what its quantity reads; ``safe`` is None where nobody wrote the reading down."""

    name: str
    watches: str
    threshold: str
    reads: float | None
    unit: str
    safe: bool | None


@dataclass(frozen=True)
class LabView:
    """One lab where it was opened last: its snapshot, who holds it, interlocks, and an order that stands."""

    state_dir: Path
    snapshot: Snapshot
    held: bool
    interlocks: tuple[InterlockView, ...]
    order: StopOrder | None
    fault: str = ""
    """Why the lab file cannot be read any more; empty when it can."""

    @property
    def file(self) -> Path:
        """The lab file that it was opened with."""
        return Path(self.snapshot.file)

    @property
    def stale(self) -> bool:
        """A driving process writes once a second; one that has not for 15 s hangs."""
        from datetime import UTC, datetime

        age = datetime.now(UTC) - datetime.fromisoformat(self.snapshot.at)
        return self.held and age.total_seconds() > 15


def labs(home: Path) -> tuple[LabView, ...]:
    """Each lab once, those that are driven now first. Each campaign in a simulated lab has its own place."""
    seen = [(one.state_dir, one.snapshot) for one in opened(home) if one.snapshot is not None]
    seen.sort(key=lambda place: (place[1].held, place[1].at), reverse=True)
    found: dict[tuple[str, bool], LabView] = {}
    for folder, snapshot in seen:
        key = (snapshot.lab, snapshot.simulated)
        # Several may be driven at once; of those at rest, the latest says it all.
        if snapshot.held or key not in found:
            found.setdefault((str(folder), True) if key in found else key, _view(home, folder, snapshot))
    return tuple(found.values())


def orders(home: Path) -> tuple[StopOrder, ...]:
    """Every stop order that stands in this state directory."""
    files = [
        *sorted(home.glob(f"{STOP}*")),
        *sorted((home / "simulated").glob(f"{STOP}*")),
        *sorted((home / "simulated").glob(f"labs/*/{STOP}")),
    ]
    stood = [found[1] for file in files if (found := standing((file,))) is not None]
    # One press of STOP orders every lab: it is told once.
    return tuple({order.told(): order for order in stood}.values())


def _view(home: Path, folder: Path, snapshot: Snapshot) -> LabView:
    order = standing((folder / STOP, stop_file(root(home, simulated=snapshot.simulated), snapshot.lab)))
    fault = ""
    interlocks: tuple[Interlock, ...] = ()
    try:
        interlocks = read_lab_file(Path(snapshot.file)).interlocks()
    except LabError as error:
        fault = str(error)
    # Of several reactors each has all the interlocks, and is told by its name.
    each = [(f"{one.name}: ", one.values) for one in snapshot.devices if one.kind == "reactor"]
    return LabView(
        folder,
        snapshot,
        snapshot.held,
        tuple(
            _interlock(one, device, {reading.name: reading for reading in values}.get(one.quantity))
            for device, values in each or [("", snapshot.values)]
            for one in interlocks
        ),
        None if order is None else order[1],
        fault,
    )


def _interlock(one: Interlock, device: str, reading: Reading | None) -> InterlockView:
    value = reading.value if reading is not None and isinstance(reading.value, int | float) else None
    bound = f"above {one.above:g}" if one.above is not None else f"below {one.below:g}"
    delay = f" for {one.delay_s:g} s" if one.delay_s else ""
    while_ = ", in a batch" if one.batch_only else ""
    unit = f" {one.unit}" if one.unit else ""
    return InterlockView(
        f"{device}{one.name}",
        one.quantity,
        f"trips {bound}{unit}{delay}{while_}; again from {one.resume:g}{unit}",
        value,
        one.unit,
        None if value is None or one.batch_only else not one.forbids(value),
    )
