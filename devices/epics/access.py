"""Channel Access for this process: where controllers are looked for, and the library that talks to them."""

import os
import shutil
import socket
from collections.abc import Sequence

import ophyd

from devices.errors import LabError

_used: str | None = None
_no_repeater = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


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
        # Where there is no repeater of beacons, the library complains on standard error unless it thinks that
        # one runs: on a port that is taken.
        _no_repeater.bind(("127.0.0.1", 0))
        os.environ["EPICS_CA_REPEATER_PORT"] = str(_no_repeater.getsockname()[1])
    try:
        ophyd.set_cl("pyepics")
    except ImportError as error:
        raise LabError(
            f"This lab is driven over EPICS, which needs pyepics ({error}); "
            "install it with: pip install 'morpholoop[epics]'."
        ) from error
