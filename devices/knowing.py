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


def left_standing(reactor: Reactor, record: RunRecord) -> bool:
    """Whether a reactor still stands as a batch that is done had it: its plan was killed before the end.

    Every quantity with a safe value has to be nearer to where the batch had it: if not, somebody else moves
    the reactor, or it is safe. Without limits nothing is known to be safe, and nothing would be moved.
    """
    if record.state != "done" or reactor.logic.running() is not None:
        return False
    stands = False
    try:
        limits = reactor.source.read()
    except LabError:
        return False
    for name, value in record.conditions.items():
        limit = limits.get(name)
        if limit is None or limit.safe is None or limit.safe == value:
            continue
        now = getattr(reactor.set_points, name).readback.get()
        numbers = [one for one in (now, value, limit.safe) if not isinstance(one, str)]
        if len(numbers) == 3:
            actual, batch, safe = numbers
            near = abs(actual - batch) < abs(actual - safe)
        else:
            near = now == value
        if not near:
            return False
        stands = True
    return stands
