"""Telling people who are elsewhere: an approval is needed, an experiment was lost, a campaign has ended.

Through Apprise (e-mail, webhooks, chat services): ``MORPHOLOOP_NOTIFY`` holds addresses in its notation,
separated by white space, e.g. ``mailtos://user:password@host?to=kim@lab.org jsons://host/hook``. They hold
passwords, so they are in the environment and not in a campaign file.
"""

import logging
import os
import threading
from typing import TYPE_CHECKING

from models.errors import UnusableInput

if TYPE_CHECKING:
    from apprise import Apprise

VARIABLE = "MORPHOLOOP_NOTIFY"

_log = logging.getLogger(__name__)


def notify(title: str, text: str) -> threading.Thread | None:
    """Send a message to every address, from a thread of its own: nothing waits for it, nothing fails by it.

    What cannot be sent is said in a warning. None where there is no address.
    """
    if not os.environ.get(VARIABLE, "").strip():
        return None
    thread = threading.Thread(target=_send_or_warn, args=(title, text), name="notification")
    thread.start()
    return thread


def send(title: str, text: str) -> int:
    """Send a message now; how many addresses took it. Errors: :class:`UnusableInput` naming what failed."""
    opened = addresses()
    failed = [
        one.url(privacy=True)  # type: ignore[no-untyped-call]
        for one in opened
        if not one.notify(title=title, body=text)
    ]
    if failed:
        raise UnusableInput(
            f"No message could be sent to {', '.join(failed)} (passwords are hidden); see that the address "
            f"in {VARIABLE} is right and can be reached."
        )
    return len(opened)


def addresses() -> "Apprise":
    """The addresses in the environment. Errors: :class:`UnusableInput` for one that is not understood."""
    from apprise import Apprise

    opened = Apprise()
    for number, text in enumerate(os.environ.get(VARIABLE, "").split(), start=1):
        if not opened.add(text):
            raise UnusableInput(
                f"Address {number} in {VARIABLE} (it begins with {text.partition(':')[0]}:) is none that "
                "Apprise understands; write e.g. jsons://host/hook or mailtos://user:password@host."
            )
    return opened


def _send_or_warn(title: str, text: str) -> None:
    try:
        send(title, text)
    except Exception as error:  # whatever it is, the campaign goes on
        _log.warning("Nobody was told of %r: %s", title, error)
