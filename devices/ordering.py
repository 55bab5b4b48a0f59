"""Ordering a lab to stop, and taking the order back; needs no ledger, no flow and no answer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devices import snapshot
from devices.errors import LabError
from devices.labfile import load_lab, read_lab_file
from devices.places import Place, places, places_by_file, root
from devices.stopping import STOP, StopOrder, give, standing, stop_file

CONFIRM_S = 5.0
"""How long to wait for the process that drives the lab to say that it has stopped, in seconds."""


@dataclass(frozen=True)
class Outcome:
    """What came of the stop in one place where the lab is driven or was."""

    state_dir: Path
    process: int | None
    stopped: bool
    told: str


@dataclass(frozen=True)
class Stop:
    """An order that was given: the files that hold the lab, what came of it, and what is wrong beside."""

    order: StopOrder
    files: tuple[Path, ...]
    outcomes: tuple[Outcome, ...]
    remark: str = ""

    @property
    def stopped(self) -> bool:
        """Whether every place has confirmed it."""
        return all(one.stopped for one in self.outcomes)


def stop(lab_file: Path, home: Path, order: StopOrder, state: Path | None = None) -> Stop:
    """Stop a lab now, whoever drives it; nothing starts in it until :func:`clear`.

    The order lies in a file that the driving process looks for five times a second; where nobody drives the
    lab, its devices are stopped directly. Errors: :class:`LabError` when no order could be given at all.
    """
    files, there, fault = _addressed(lab_file, home, state)
    for path in files:
        give(order, path)
    outcomes = tuple(_stopped(lab_file, place, order, usable=not fault) for place in there)
    return Stop(order, tuple(files), outcomes, fault)


def clear(lab_file: Path, home: Path, state: Path | None = None) -> Mapping[Path, StopOrder]:
    """Take back the stop orders to a lab; nothing starts by itself. Errors: :class:`LabError`."""
    files, there, _ = _addressed(lab_file, home, state)
    cleared: dict[Path, StopOrder] = {}
    for path in dict.fromkeys([*files, *(place.state_dir / STOP for place in there)]):
        found = standing((path,))
        if found is None:
            continue
        try:
            path.unlink()
        except OSError as error:
            raise LabError(
                f"{path} cannot be removed ({error.strerror or error}); the stop stands."
            ) from error
        cleared[path] = found[1]
    return cleared


def _addressed(lab_file: Path, home: Path, state: Path | None) -> tuple[list[Path], list[Place], str]:
    """The files for the order, the places that it is for, and what is wrong with the lab file."""
    try:
        lab = read_lab_file(lab_file)
    except LabError as error:
        # A lab whose file was spoilt after it was opened has to stop all the same.
        there = [Place(state, None)] if state is not None else places_by_file(lab_file, home)
        if not there:
            raise
        return [place.state_dir / STOP for place in there], there, str(error)
    there = places(lab, home, state)
    if state is not None:
        return [state / STOP], there, ""
    return [stop_file(root(home, simulated=lab.simulated), lab.name)], there, ""


def _stopped(lab_file: Path, place: Place, order: StopOrder, *, usable: bool) -> Outcome:
    seen, driven = place.snapshot, place.held
    pid = seen.holder.pid if driven and seen and seen.holder else None
    deadline = time.monotonic() + CONFIRM_S
    while driven and time.monotonic() < deadline:
        now = snapshot.read(place.state_dir)
        if now is not None and now.last_stop is not None and now.last_stop.id == order.id:
            failed = next((alarm for alarm in now.alarms if alarm.startswith("the stop did not work")), "")
            return Outcome(
                place.state_dir,
                pid,
                not failed,
                failed or f"process {pid} has stopped the lab; {place.state_dir}",
            )
        time.sleep(0.05)
    silent = f"process {pid} does not answer; " if driven else ""
    if not usable:
        return Outcome(place.state_dir, pid, not driven, f"{silent}the order lies in {place.state_dir}")
    try:
        return Outcome(place.state_dir, pid, True, silent + _directly(lab_file, place, order))
    except LabError as error:
        return Outcome(place.state_dir, pid, False, f"{silent}{error} Use the hardware's own stop.")


def _directly(lab_file: Path, place: Place, order: StopOrder) -> str:
    """Stop the devices themselves, where no process does it."""
    last = place.snapshot
    seed = last.seed if last else 0
    with load_lab(lab_file, state_dir=place.state_dir, seed=seed, attended=False) as lab:
        keys = [reactor.logic.running() for reactor in lab.reactors.values()]
        running = " and ".join(key for key in keys if key is not None)
        if not running and lab.simulated:
            return f"nobody drives the lab and nothing runs in it; {place.state_dir}"
        lab.stop(order.told())
        now = snapshot.take(
            lab, file=str(lab_file.resolve()), seed=seed, holder=None, open=False, last_stop=order
        )
        snapshot.write(now, place.state_dir)
    lost = f"the batch {running} is lost" if running else "no batch ran"
    return f"the devices were stopped directly, {lost}; {place.state_dir}"
