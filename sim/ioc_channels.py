"""The PVs of the simulated controller: which there are, what they say, and which order each one gives."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from caproto import (
    AccessRights,
    CaprotoValueError,
    ChannelChar,
    ChannelDouble,
    ChannelEnum,
    ChannelInteger,
    SkipWrite,
)

from devices.errors import LabError
from devices.limits import Limit
from devices.reactor import ReactorState
from devices.setpoints import SetPoint
from sim.ioc_controller import Controller
from sim.ioc_microscope import MicroscopeOrders
from sim.ioc_reactor import ReactorOrders, Value

_log = logging.getLogger(__name__)

Tell = Callable[[], Value]
Order = Callable[[Any], None]

TEXT_LENGTH = 4000

# Channel Access has no character set, so units keep to ASCII.
_PLAIN = str.maketrans({"°": "deg", "×": "x", "µ": "u", "–": "-"})


class _Live:
    """A PV that asks the controller each time it is read; one without an order is read-only."""

    def __init__(self, *, tell: Tell, order: Order | None, database: "Database", **kwargs: Any) -> None:
        self.tell, self._order, self._database = tell, order, database
        super().__init__(value=tell(), **kwargs)  # type: ignore[call-arg]

    async def verify_value(self, data: Any) -> Any:
        """Follow the order that a client gives; what is raised refuses the write."""
        try:
            value = await super().verify_value(data)  # type: ignore[misc]
            assert self._order is not None
            self._order(value.split("\0")[0] if isinstance(value, str) else value)
        except (LabError, CaprotoValueError) as refusal:
            self._database.refused(str(refusal))
            raise
        finally:
            await self._database.publish()
        await self.alarm.write(status=0, severity=0)  # type: ignore[attr-defined]
        raise SkipWrite  # what the PV says comes from the controller alone

    async def read(self, data_type: Any) -> Any:
        """What a client gets that reads."""
        await self._database.publish()
        return await super().read(data_type)  # type: ignore[misc]

    def check_access(self, hostname: str, username: str) -> AccessRights:
        """Whether it can be written."""
        return AccessRights.READ if self._order is None else AccessRights.READ | AccessRights.WRITE


class _Number(_Live, ChannelDouble):  # type: ignore[misc]
    pass


class _Count(_Live, ChannelInteger):  # type: ignore[misc]
    pass


class _Choice(_Live, ChannelEnum):  # type: ignore[misc]
    pass


class _Text(_Live, ChannelChar):  # type: ignore[misc]
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=TEXT_LENGTH, string_encoding="utf-8", **kwargs)


class Database(dict[str, Any]):
    """All PVs by name, ready for a caproto server."""

    def __init__(self, controller: Controller, *, prefix: str, lab: str, seed: int, factor: float) -> None:
        super().__init__()
        self._prefix, self._controller = prefix, controller
        c, clock = controller, controller.bench.clock
        off_on = ("off", "on")
        self._add(_Text, "Lab", lambda: lab)
        self._add(_Count, "Simulated", lambda: 1)
        self._add(_Count, "Seed", lambda: seed)
        self._add(_Number, "Time", lambda: clock.now().timestamp(), units="s", precision=3)
        self._add(_Number, "Hours", clock.hours, units="h", precision=4)
        self._add(_Number, "TimeFactor", lambda: factor, precision=1)
        self._add(_Count, "Pass", lambda: 0, lambda _: c.let_time_pass())
        beats = [0]

        def beat(count: int) -> None:
            beats[0] = count
            c.beat()

        self._add(_Count, "Heartbeat", lambda: beats[0], beat)
        watchdog = ("resting", "watching", "tripped")
        self._add(
            _Choice,
            "Watchdog",
            lambda: watchdog[2 if c.tripped else int(c.armed)],
            enum_strings=watchdog,
        )
        self._add(_Number, "Watchdog:Timeout", lambda: c.watchdog_s, units="s", precision=1)
        self._add(
            _Choice,
            "EmergencyStop",
            lambda: off_on[c.emergency],
            lambda value: c.press_emergency_stop(value != "off"),
            enum_strings=off_on,
        )
        self._add(_Text, "Note", lambda: "", c.bench.note_stop)
        self._add(_Text, "Refusal", lambda: c.refusal)
        for name, reactor in c.reactors.items():
            self._add_reactor("Reactor:" if len(c.reactors) == 1 else f"{name}:", reactor)
        for name, microscope in c.microscopes.items():
            self._add_microscope("SEM:" if len(c.microscopes) == 1 else f"{name}:", microscope)

    def _add_reactor(self, base: str, orders: ReactorOrders) -> None:
        reactor = orders.reactor
        for name in reactor.set_points.component_names:
            self._add_set_point(
                f"{base}{name}",
                getattr(reactor.set_points, name),
                partial(orders.move, name),
            )
        for name, sensor in reactor.sensors.items():
            self._add(_Number, f"{base}{name}", sensor.get, precision=4)
        states = tuple(state.value for state in ReactorState)
        self._add(_Choice, f"{base}State", reactor.state.get, enum_strings=states)

        def choose(key: str) -> None:
            orders.key = key

        def query(key: str) -> None:
            orders.query = key

        self._add(_Text, f"{base}RunId", lambda: orders.key, choose)
        self._add(_Text, f"{base}Running", lambda: reactor.logic.running() or "")
        self._add(_Count, f"{base}Starts", reactor.starts.get)
        self._add(_Count, f"{base}Start", lambda: 0, lambda _: orders.start())
        self._add(_Count, f"{base}Stop", lambda: 0, lambda _: orders.abort("stopped by an operator"))
        self._add(_Text, f"{base}Abort", lambda: "", orders.abort)
        self._add(_Text, f"{base}Reason", lambda: orders.reason)
        self._add(_Number, f"{base}Expected", orders.expected_s, units="s", precision=0)
        self._add(_Text, f"{base}Query", lambda: orders.query, query)
        self._add(_Text, f"{base}Record", orders.record)

    def _add_microscope(self, base: str, orders: MicroscopeOrders) -> None:
        sem = orders.microscope
        self._add_set_point(f"{base}Magnification", sem.magnification, orders.magnify)

        def choose(folder: str) -> None:
            orders.folder = folder

        self._add(_Text, f"{base}Sample", lambda: orders.sample, orders.put_sample)
        self._add(_Count, f"{base}Field", lambda: orders.field, orders.go_to)
        self._add(_Text, f"{base}Folder", lambda: orders.folder, choose)
        self._add(_Count, f"{base}Acquire", lambda: int(orders.acquiring), lambda _: orders.acquire())
        self._add(_Count, f"{base}Stop", lambda: 0, lambda _: orders.stop())
        self._add(_Count, f"{base}Done", lambda: int(not orders.acquiring))
        self._add(_Text, f"{base}Path", sem.image_path.get)
        self._add(_Number, f"{base}PixelSize", sem.pixel_size_um.get, units="um", precision=6)
        self._add(_Text, f"{base}Reason", lambda: orders.fault)

    def refused(self, reason: str) -> None:
        """Take note of why an order was not followed."""
        _log.warning("refused: %s", reason)
        self._controller.refusal = reason

    async def publish(self) -> None:
        """Tell those who watch what has changed."""
        for channel in self.values():
            told = channel.tell()
            if told != channel.value:
                await channel.write(told, verify_value=False)

    def _add_set_point(self, name: str, set_point: SetPoint, order: Order) -> None:
        limit: Limit = set_point.limit()
        if limit.choices:
            self._add(_Choice, name, set_point.setpoint.get, order, enum_strings=limit.choices)
            self._add(_Choice, f"{name}:RBV", set_point.readback.get, enum_strings=limit.choices)
            return
        shown: dict[str, Any] = {"units": limit.unit.translate(_PLAIN), "precision": 4}
        ends: dict[str, Any] = {
            f"{side}_{kind}_limit": value
            for kind in ("ctrl", "disp")
            for side, value in (("lower", limit.low), ("upper", limit.high))
        }
        self._add(_Number, name, set_point.setpoint.get, order, **shown, **ends)
        self._add(_Number, f"{name}:RBV", set_point.readback.get, **shown)

    def _add(
        self, kind: type[_Live], name: str, tell: Tell, order: Order | None = None, **kwargs: Any
    ) -> None:
        self[f"{self._prefix}{name}"] = kind(tell=tell, order=order, database=self, **kwargs)
