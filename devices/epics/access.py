"""Channel Access for this process: where controllers are looked for, and the library that talks to them."""

import atexit
import os
import shutil
import socket
import struct
import threading
from collections.abc import Sequence

import ophyd

from devices.errors import LabError

_used: str | None = None

_CONFIRM = struct.pack(">HHHHII", 17, 0, 0, 0, 0, 0)
"""REPEATER_CONFIRM of the Channel Access protocol."""


def begin(addresses: Sequence[str] | None) -> None:
    """Have ophyd talk to EPICS, with pyepics, before the first PV is made.

    ``addresses`` are hosts, with a port if it is not 5064 (``"192.168.1.20"``, ``"127.0.0.1:5070"``), and
    replace a search by broadcast; None leaves it to ``EPICS_CA_ADDR_LIST`` and the other variables of the
    environment. Errors: :class:`LabError` when pyepics is missing, or this process has searched elsewhere.
    """
    global _used
    wanted = None if addresses is None else " ".join(addresses)
    if _used is not None and wanted not in (None, _used):
        raise LabError(
            f"This process looks for controllers at {_used}, and EPICS cannot be told another place "
            f"({wanted}) later; use a process of its own for the other lab."
        )
    if wanted is not None and _used is None:
        # The library reads its environment once, when it is loaded.
        os.environ["EPICS_CA_ADDR_LIST"] = _used = wanted
        os.environ["EPICS_CA_AUTO_ADDR_LIST"] = "NO"
    if ophyd.get_cl().name == "pyepics":
        return
    if "EPICS_CA_REPEATER_PORT" not in os.environ and shutil.which("caRepeater") is None:
        _stand_in_for_the_repeater()
    try:
        ophyd.set_cl("pyepics")
    except ImportError as error:
        raise LabError(
            f"This lab is driven over EPICS, which needs pyepics ({error}); "
            "install it with: pip install 'morpholoop[epics]'."
        ) from error


def silences() -> tuple[type[Exception], ...]:
    """What ophyd and pyepics raise when a controller does not answer."""
    from epics.ca import CASeverityException, ChannelAccessException, ChannelAccessGetFailure
    from ophyd.utils.errors import DisconnectedError

    return (
        TimeoutError,
        CASeverityException,
        ChannelAccessException,
        ChannelAccessGetFailure,
        DisconnectedError,
        KeyError,  # pyepics, where the connection is lost between its look and what it does then
    )


def _stand_in_for_the_repeater() -> None:
    """Answer in place of the caRepeater that passes on servers' beacons and is not installed with pyepics.

    Without it the library complains on standard error, at its start and later. No beacon is passed on: they
    only make it find a controller again somewhat sooner.
    """
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    os.environ["EPICS_CA_REPEATER_PORT"] = str(receiver.getsockname()[1])

    def confirm() -> None:
        while True:
            try:
                _, client = receiver.recvfrom(1024)
                receiver.sendto(_CONFIRM, client)
            except OSError:
                return

    threading.Thread(target=confirm, name="no-ca-repeater", daemon=True).start()
    atexit.register(receiver.close)
