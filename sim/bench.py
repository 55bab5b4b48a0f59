"""What the simulated devices have in common: the plant, the virtual clock and the journal."""

import threading
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from devices.errors import LabError
from sim.clock import START, VirtualClock
from sim.journal import Journal
from sim.plant import Plant


class SimulatedBench:
    """The back end of a simulated lab; its state lives in ``state_dir/simulated-lab``.

    ``plant`` is an import string such as ``sim.lmr:LMRPlant``; its hidden constants are drawn from
    ``seed``. ``start`` is when the lab's clock begins (ISO 8601), ``real_time_factor`` how many virtual
    seconds pass in a real one (None: time jumps from event to event).
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
    ) -> None:
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
        # Guards the journal between the plan, the clock and whoever stops the lab.
        self.lock = threading.RLock()

    def note_stop(self, reason: str) -> None:
        """Write the stop into the journal, unless the reactor has just done so with a batch it lost."""
        with self.lock:
            if not self.journal.tells_of_stop(reason, t_s=self.clock.elapsed_s()):
                self.journal.stopped(None, reason, t_s=self.clock.elapsed_s())

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
