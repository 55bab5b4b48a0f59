"""What the simulated devices have in common: the plant, the virtual clock and the journal."""

import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from devices.errors import LabDown, LabError
from sim.clock import START, VirtualClock
from sim.fault_schedule import FaultSchedule
from sim.faults import Scenario, read_scenario
from sim.journal import Journal
from sim.plant import Plant

NORMAL = {"pressure_bar": 1.0, "gas_flow_L_min": 2.0}
"""Sensors that every simulated reactor has beside its set-points, and what they read."""


class SimulatedBench:
    """The back end of a simulated lab; its state lives in ``state_dir/simulated-lab``.

    ``plant`` is an import string such as ``sim.lmr:LMRPlant``; its hidden constants are drawn from
    ``seed``. ``start`` is when the lab's clock begins (ISO 8601), ``real_time_factor`` how many virtual
    seconds pass in a real one (None: time jumps from event to event). ``faults`` is a scenario file of what
    goes wrong (None: nothing).
    """

    simulated = True

    def __init__(
        self,
        *,
        state_dir: Path,
        seed: int,
        plant: str,
        hidden: bool = True,
        start: str | datetime | None = None,
        real_time_factor: float | None = None,
        faults: str | Path | None = None,
    ) -> None:
        scenario = Scenario() if faults is None else read_scenario(Path(faults))
        module, _, name = plant.partition(":")
        try:
            self.plant: Plant[Any] = getattr(import_module(module), name)(seed, hidden=hidden)
        except (ImportError, AttributeError, ValueError) as error:
            raise LabError(
                f"The simulated lab's plant {plant!r} cannot be made ({error}); mend its name."
            ) from error
        self.journal = Journal(state_dir / "simulated-lab", {"plant": plant, "seed": seed, "hidden": hidden})
        self.clock = VirtualClock(
            start=_moment(start), elapsed_s=self.journal.elapsed_s, real_time_factor=real_time_factor
        )
        self.faults = FaultSchedule(scenario, seed=seed, journal=self.journal)
        self.off = ""
        """Why nothing answers any more; until the lab is opened anew, when the power is back."""
        self.on_outage: list[Callable[[LabDown], None]] = []
        """Told when the power is cut."""
        # Guards the journal between the plan, the clock and whoever stops the lab.
        self.lock = threading.RLock()

    @staticmethod
    def check_faults(faults: Path, set_points: Collection[str]) -> None:
        """Raise :class:`LabError` with all that is wrong with a scenario for a reactor of ``set_points``."""
        read_scenario(faults).check({*set_points, *NORMAL})

    def note_stop(self, reason: str) -> None:
        """Write the stop into the journal, unless the reactor has just done so with a batch it lost."""
        with self.lock:
            if not self.journal.tells_of_stop(reason, t_s=self.clock.elapsed_s()):
                self.journal.stopped(None, reason, t_s=self.clock.elapsed_s())

    def cut_power(self) -> LabDown:
        """Everything goes off; what runs is lost. What was written down stays. Returns the error."""
        with self.lock:
            now = self.clock.iso()
            self.off = f"The power was cut at {now}; give the same command again when it is back."
            while (running := self.journal.running()) is not None:
                self.journal.stopped(
                    running["key"], f"the power was cut at {now}", t_s=self.clock.elapsed_s()
                )
        down = LabDown(self.off)
        for tell in self.on_outage:
            tell(down)
        return down

    def check_power(self) -> None:
        """Raise :class:`~devices.errors.LabDown` while the power is off."""
        if self.off:
            raise LabDown(self.off)

    def close(self) -> None:
        """Let go of the journal."""
        self.journal.close()


def _moment(start: str | datetime | None) -> datetime:
    if start is None:
        return START
    try:
        moment = start if isinstance(start, datetime) else datetime.fromisoformat(start)
    except ValueError as error:
        raise LabError(
            f"The simulated lab's start {start!r} is no date; expected e.g. 2026-01-01T00:00:00Z."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
