"""The sections of a lab file, as they are written."""

from collections.abc import Mapping, Sequence
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


DeviceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class LabFile(_Section):
    """A lab file as it was read.

    One device is written as ``reactor: …`` and ``microscope: …``, several by name under ``reactors`` and
    ``microscopes``. Any experiment may go to any reactor, so all of them have the same set-points.
    """

    name: str = Field(min_length=1)
    simulated: bool
    backend: BackendSection | None = None
    reactors: dict[DeviceName, ReactorSection] = Field(min_length=1)
    microscopes: dict[DeviceName, MicroscopeSection] = Field(min_length=1)
    stations: dict[str, BackendSection] = {}
    documents: DocumentsSection | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, content: Any) -> Any:
        """One device is several, of which there is one; its name is its kind."""
        content = dict(content) if isinstance(content, Mapping) else content
        for one, several in SEVERAL.items():
            if one in content and several in content:
                raise ValueError(f"expected either {one} or {several}, and both are there")
            if one in content:
                content[several] = {one: content.pop(one)}
        return content

    @model_validator(mode="after")
    def _together(self) -> "LabFile":
        names = [*self.reactors, *self.microscopes, *self.stations]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"each device has a name of its own; {', '.join(twice)} is there more than once")
        if self.stations and len(self.microscopes) > 1:
            raise ValueError("stations belong to the way to one microscope, and there are several")
        self.limits()
        return self

    @property
    def reactor(self) -> ReactorSection:
        """The first reactor."""
        return next(iter(self.reactors.values()))

    @property
    def microscope(self) -> MicroscopeSection:
        """The first microscope."""
        return next(iter(self.microscopes.values()))

    def limits(self) -> dict[str, Limit]:
        """Every limit of the lab, by name of the quantity: what each of its devices allows.

        Errors: ValueError where two reactors differ in their set-points or units, or leave nothing in common.
        """
        return {
            **_common([self.limits_of(name) for name in self.reactors]),
            **_common([self.limits_of(name) for name in self.microscopes]),
        }

    def limits_of(self, device: str) -> dict[str, Limit]:
        """The limits of one reactor's or microscope's own quantities."""
        quantities = (
            self.reactors[device].set_points
            if device in self.reactors
            else {"magnification": self.microscopes[device].magnification}
        )
        return {name: section.limit(name) for name, section in quantities.items()}

    def interlocks(self, reactor: str | None = None) -> tuple[Interlock, ...]:
        """The interlocks of a reactor (the first one)."""
        section = self.reactor if reactor is None else self.reactors[reactor]
        return tuple(Interlock(name=name, **one.model_dump()) for name, one in section.interlocks.items())


SEVERAL = {"reactor": "reactors", "microscope": "microscopes"}
"""What one device is called in a lab file, and several of them."""


def _common(limits: Sequence[Mapping[str, Limit]]) -> dict[str, Limit]:
    """What all devices of a kind allow, with the first one's safe values and defaults."""
    first, *others = limits
    for other in others:
        if other.keys() != first.keys():
            odd = ", ".join(sorted(other.keys() ^ first.keys()))
            raise ValueError(f"all reactors have the same set-points, and {odd} is missing from one of them")
    return {name: limit.within(*(other[name] for other in others)) for name, limit in first.items()}
