"""One PV of the controller: read and written with answers, and with errors that a person can act on."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
from ophyd import EpicsSignal
from ophyd.utils.errors import ReadOnlyError

from devices.epics import access
from devices.errors import LabError

Kind = Literal["number", "choice", "text"]


class ControllerSilent(LabError):  # noqa: N818 — as the other errors of the lab, named for what happened
    """The controller does not answer."""


class Channel:
    """A PV; ``kind`` "text" is a string of any length in an array of characters, "choice" an enumeration.

    ``reply_s`` is how long an answer may take, in seconds.
    """

    def __init__(self, pv: str, *, kind: Kind, connect_s: float, reply_s: float) -> None:
        self.pv, self._kind = pv, kind
        self._reply_s = reply_s
        self._signal = EpicsSignal(
            pv, name=pv, string=kind == "choice", connection_timeout=connect_s, timeout=reply_s
        )
        self._connect_s = connect_s

    @property
    def connected(self) -> bool:
        """Whether the controller answers to this PV now."""
        return bool(self._signal.connected)

    def connect(self) -> bool:
        """Wait until the controller answers; whether it did."""
        try:
            self._signal.wait_for_connection(timeout=self._connect_s)
        except TimeoutError:
            return False
        return True

    def value(self) -> float | str:
        """The value as the controller has it now, asked of it and not remembered."""
        return self._decoded(self._read())

    def number(self) -> float:
        """:meth:`value` of a number."""
        return float(self.value())

    def text(self) -> str:
        """:meth:`value` of a text or a choice."""
        return str(self.value())

    def put(self, value: float | str) -> None:
        """Write, and wait until the controller has processed it.

        Channel Access does not say whether the controller took it: read something back.
        """
        self._write(value, wait=True, timeout=self._reply_s)

    def send(self, value: float | str) -> bool:
        """Write without waiting; whether it could be sent. For when there is no time to lose."""
        if not self.connected:
            return False
        try:
            # With an answer that nobody waits for: without one, the library prints each refusal.
            self._write(value, use_complete=True)
        except LabError:
            return False
        return True

    def metadata(self) -> dict[str, Any]:
        """``units``, ``lower_ctrl_limit``, ``upper_ctrl_limit`` and ``enum_strs``, where the PV has them."""
        self._read(form="ctrl")
        return dict(self._signal.metadata)

    def watch(self, changed: Callable[[float | str | None], None]) -> None:
        """Have ``changed`` called with each new value, and with None when the connection is lost."""

        def tell(value: Any, **_: object) -> None:
            changed(self._decoded(value))

        def lost(connected: bool, **_: object) -> None:
            if not connected:
                changed(None)

        self._signal.subscribe(tell, run=False)
        self._signal.subscribe(lost, event_type=self._signal.SUB_META, run=False)

    def forget(self) -> None:
        """Let go of the PV."""
        self._signal.destroy()

    def silent(self) -> ControllerSilent:
        """The error that says so when there is no answer."""
        return ControllerSilent(
            f"The controller does not answer to {self.pv}; see that it runs, and that the lab file's prefix "
            "and addresses are right."
        )

    def _decoded(self, value: Any) -> float | str:
        if self._kind == "number":
            return float(value)
        if self._kind == "choice":
            return str(value)
        return bytes(np.atleast_1d(value).astype(np.uint8)).split(b"\0")[0].decode()

    def _read(self, form: str = "time") -> Any:
        try:
            return self._signal.get(
                use_monitor=False,
                connection_timeout=self._reply_s,
                form=form,
                as_string=self._kind == "choice",
            )
        except access.silences() as error:
            raise self.silent() from error

    def _write(self, value: float | str, **options: Any) -> None:
        raw: Any = value
        if self._kind == "text":
            # At least two bytes, because a single one is taken for a number.
            raw = np.frombuffer(str(value).encode() + b"\0\0", dtype=np.uint8)
        try:
            self._signal.put(raw, force=True, connection_timeout=self._reply_s, **options)
        except (*access.silences(), ReadOnlyError) as error:
            raise self.silent() from error


def connect(channels: Iterable[Channel]) -> None:
    """Wait for all of ``channels``; raises one :class:`LabError` that names those that do not answer."""
    silent: list[str] = []
    for channel in channels:
        # The first that is silent has used the patience up for all others.
        if not (channel.connected if silent else channel.connect()):
            silent.append(channel.pv)
    if silent:
        more = f" and {len(silent) - 3} more" if len(silent) > 3 else ""
        raise ControllerSilent(
            f"The controller does not answer to {', '.join(silent[:3])}{more}; see that it runs, and that "
            "the lab file's prefix and addresses are right."
        )
