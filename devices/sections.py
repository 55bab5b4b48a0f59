"""The sections of a lab file, as they are written."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from devices.interlocks import Interlock
from devices.limits import Limit
from devices.tiled import TiledServer

ImportString = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LimitSection(_Section):
    """One quantity: its unit with a range, or its choices."""

    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = Field(default=(), strict=False)
    safe: float | str | None = None
    default: float | str | None = None
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _whole(self) -> "LimitSection":
        if bool(self.choices) == (self.low is not None and self.high is not None):
            raise ValueError("expected either low and high, or choices")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low ({self.low:g}) is not below high ({self.high:g})")
        fault = None if self.default is None else self.limit("default").fault(self.default)
        if fault:
            raise ValueError(fault)
        return self

    def limit(self, name: str) -> Limit:
        """The limit that it declares."""
        if self.choices:
            return Limit(name, self.unit, choices=self.choices, safe=self.safe, default=self.default)
        assert self.low is not None
        assert self.high is not None
        return Limit(name, self.unit, self.low, self.high, safe=self.safe, default=self.default)


class InterlockSection(_Section):
    """One interlock; see :class:`devices.interlocks.Interlock`."""

    quantity: str = Field(min_length=1)
    unit: str = ""
    above: FiniteFloat | None = None
    below: FiniteFloat | None = None
    resume: FiniteFloat
    delay_s: float = Field(default=0.0, ge=0, le=3600)
    batch_only: bool = False

    @model_validator(mode="after")
    def _whole(self) -> "InterlockSection":
        if (self.above is None) == (self.below is None):
            raise ValueError("expected either above or below")
        if self.above is not None and not self.resume < self.above:
            raise ValueError(f"resume ({self.resume:g}) is not below above ({self.above:g})")
        if self.below is not None and not self.resume > self.below:
            raise ValueError(f"resume ({self.resume:g}) is not above below ({self.below:g})")
        return self


class BackendSection(_Section):
    """What stands behind all devices: ``class`` is an import string, ``options`` its keyword arguments."""

    class_: ImportString = Field(alias="class")
    options: dict[str, Any] = {}


class ReactorSection(BackendSection):
    """The reactor."""

    set_points: dict[str, LimitSection] = Field(min_length=1)
    interlocks: dict[str, InterlockSection] = {}


class MicroscopeSection(BackendSection):
    """The microscope."""

    magnification: LimitSection


class TiledSection(_Section):
    """A Tiled server that is sent the documents too; see :class:`devices.tiled.TiledServer`."""

    uri: str = Field(pattern=r"^https?://[^\s/]+\S*$")
    api_key_env: str = Field(default="TILED_API_KEY", pattern=r"^[A-Za-z_]\w*$")

    def server(self) -> TiledServer:
        """The server. Errors: :class:`LabError`."""
        return TiledServer(**self.model_dump())


class DocumentsSection(_Section):
    """Where bluesky's documents go beside the state directory."""

    tiled: TiledSection


class LabFile(_Section):
    """A lab file as it was read."""

    name: str = Field(min_length=1)
    simulated: bool
    backend: BackendSection | None = None
    reactor: ReactorSection
    microscope: MicroscopeSection
    stations: dict[str, BackendSection] = {}
    documents: DocumentsSection | None = None

    def limits(self) -> dict[str, Limit]:
        """Every limit of the lab, by name of the quantity."""
        quantities = {**self.reactor.set_points, "magnification": self.microscope.magnification}
        return {name: section.limit(name) for name, section in quantities.items()}

    def interlocks(self) -> tuple[Interlock, ...]:
        """The interlocks of the reactor."""
        return tuple(
            Interlock(name=name, **section.model_dump()) for name, section in self.reactor.interlocks.items()
        )
