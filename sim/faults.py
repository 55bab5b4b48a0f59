"""Scenarios: what goes wrong in the simulated lab, in which experiment, and when."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    model_validator,
)

from devices.errors import LabError

Where = Literal["minute", "field", "either", "batch"]


@dataclass(frozen=True)
class Kind:
    """One kind of fault: when it can come (at a minute of a batch, at a field, or for a batch as a whole).

    ``quantity`` is what it concerns and ``size`` how far it goes, where the scenario does not say; what
    ``size`` means is in the comment beside it.
    """

    where: Where
    quantity: str = ""
    size: float = 0.0


KINDS: Mapping[str, Kind] = {
    # The probe says the same for ever while the true value drifts away by `size`.
    "probe_frozen": Kind("minute", "pH", 0.5),
    "probe_nan": Kind("minute", "pH"),
    "feed_pump_stall": Kind("minute", "naoh_factor"),
    # The flow is off by the share `size`.
    "feed_rate_error": Kind("minute", "naoh_factor", -0.2),
    # The reading goes to `size`.
    "over_temperature": Kind("minute", "temperature_C", 85.0),
    "over_pressure": Kind("minute", "pressure_bar", 3.0),
    "gas_loss": Kind("minute", "gas_flow_L_min", 0.0),
    "stirrer_stop": Kind("minute", "stirring_rpm", 0.0),
    # The quantity never comes to its set-point.
    "set_point_timeout": Kind("batch", "temperature_C"),
    # From this batch on, each batch is made `size` (SD) off what was set.
    "batch_effect": Kind("batch", "pH", 0.15),
    "power_cut": Kind("either"),
    "vacuum_loss": Kind("field"),
    "filament_end": Kind("field"),
    "black_image": Kind("field"),
    "saturated_image": Kind("field"),
    # The image is taken at `size` times the magnification that was asked for, and says so.
    "wrong_magnification": Kind("field", size=0.5),
    # The probe is `size` pixels wide (SD).
    "misfocused_image": Kind("field", size=6.0),
    "charged_image": Kind("field", size=0.06),
    "corrupt_file": Kind("field"),
    "stage_stuck": Kind("field"),
    "disk_full": Kind("field"),
}
"""Every kind of fault that there is."""

_UNITS_MIN = {"s": 1 / 60, "min": 1.0, "h": 60.0}


def _minutes(value: object) -> float:
    number, unit = [*value.split(), "", ""][:2] if isinstance(value, str) else ("", "")
    try:
        minutes = float(number) * _UNITS_MIN[unit]
    except (ValueError, KeyError):
        raise ValueError("expected a time with its unit, such as 95 min, 2 h or 30 s") from None
    if not 0 <= minutes < float("inf"):
        raise ValueError("expected a time from 0 min on")
    return minutes


class Fault(BaseModel):
    """One thing that goes wrong: once in the ``experiment``-th batch, or now and then at a ``rate``.

    ``at`` is in minutes after the start of that batch, ``field`` counts the fields taken of its sample, from
    1; ``rate`` is per hour, of reaction or of imaging, in every batch.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    kind: str
    experiment: int | None = Field(default=None, ge=1)
    at: Annotated[float | None, BeforeValidator(_minutes)] = None
    field: int | None = Field(default=None, ge=1)
    rate: float | None = Field(default=None, gt=0, le=1000)
    quantity: str = ""
    size: FiniteFloat | None = None

    @model_validator(mode="after")
    def _whole(self) -> "Fault":
        kind = KINDS.get(self.kind)
        if kind is None:
            raise ValueError(f"there is no fault {self.kind!r}; expected one of {', '.join(KINDS)}")
        times = [n for n in ("at", "field", "rate") if getattr(self, n) is not None]
        allowed = {"minute": ("at", "rate"), "field": ("field", "rate"), "either": ("at", "field", "rate")}
        if kind.where == "batch":
            if times:
                raise ValueError(f"{self.kind} holds for a whole batch; expected experiment alone")
        elif len(times) != 1 or times[0] not in allowed[kind.where]:
            raise ValueError(f"{self.kind} needs exactly one of {', '.join(allowed[kind.where])}")
        if self.rate is not None and self.experiment is not None:
            raise ValueError("a rate holds in every experiment; leave experiment out")
        if self.kind == "stage_stuck" and self.field == 1:
            raise ValueError("the stage can stick from field 2 on: before that there is no earlier field")
        return self

    @property
    def batch(self) -> int:
        """The batch in which it comes, from 1."""
        return self.experiment or 1

    @property
    def concerns(self) -> str:
        """The quantity that it concerns."""
        return self.quantity or KINDS[self.kind].quantity

    @property
    def extent(self) -> float:
        """How far it goes; see :data:`KINDS`."""
        return KINDS[self.kind].size if self.size is None else self.size

    @property
    def in_batch(self) -> bool:
        """Whether it comes at a minute of a batch."""
        return self.at is not None or (self.rate is not None and KINDS[self.kind].where != "field")

    @property
    def at_field(self) -> bool:
        """Whether it comes at a field of view."""
        return self.field is not None or (self.rate is not None and KINDS[self.kind].where == "field")


class Scenario(BaseModel):
    """A scenario file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str = Field(default="no faults", min_length=1, max_length=60)
    description: str = ""
    faults: tuple[Fault, ...] = Field(default=(), strict=False)

    def check(self, known: Collection[str]) -> None:
        """Raise :class:`LabError` naming each fault of a quantity that the reactor does not have."""
        unknown = {
            f"{fault.kind} concerns {fault.concerns}"
            for fault in self.faults
            if fault.concerns and fault.concerns not in known
        }
        if unknown:
            raise LabError(
                f"The scenario {self.name} does not fit this reactor: {'; '.join(sorted(unknown))}, which it "
                f"does not have; give each a `quantity` out of {', '.join(sorted(known))}."
            )


def read_scenario(path: Path) -> Scenario:
    """Read a scenario file (YAML).

    Errors: :class:`LabError` naming everything that is wrong with its place in the file, or why it cannot be
    read.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"The scenario {path} cannot be read ({error.strerror or error}).") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise LabError(f"The scenario {path} is not YAML ({' '.join(str(error).split())}).") from error
    if not isinstance(content, dict) or not content.get("faults"):
        raise LabError(f"The scenario {path} names no faults; expected a mapping with a list called faults.")
    try:
        return Scenario.model_validate(content)
    except ValidationError as error:
        wrong = "; ".join(
            f"{_place(one['loc'])}: {one['msg'].removeprefix('Value error, ')}"
            + ("" if isinstance(one["input"], Mapping) else f" (got {one['input']!r})")
            for one in error.errors()
        )
        raise LabError(f"The scenario {path} cannot be used: {wrong}.") from error


def _place(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "the file"
