"""What several reactors know between them: who was started with a key, and who is idle."""

from collections.abc import Mapping

from devices.errors import LabError
from devices.reactor import Reactor
from devices.records import RunRecord


def who_knows(reactors: Mapping[str, Reactor], key: str) -> tuple[Reactor | None, RunRecord | None]:
    """The reactor that was started with ``key`` and what it knows of it; None: none of them ever was.

    Errors: :class:`LabError` where one cannot tell and no other knows the key.
    """
    silent: LabError | None = None
    for reactor in reactors.values():
        try:
            record = reactor.record(key)
        except LabError as error:
            silent = silent or error
            continue
        if record is not None:
            return reactor, record
    if silent is not None:
        raise silent
    return None, None


def idle(reactors: Mapping[str, Reactor]) -> tuple[str, ...]:
    """The reactors in which nothing runs, as they say themselves.

    Errors: :class:`LabError` where none of them can be asked.
    """
    found, silent = [], []
    for name, reactor in reactors.items():
        try:
            if reactor.logic.running() is None:
                found.append(name)
        except LabError as error:
            silent.append(error)
    if len(silent) == len(reactors):
        raise silent[0]
    return tuple(found)
