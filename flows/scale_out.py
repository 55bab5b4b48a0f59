"""More machines for what takes processors: a Dask cluster by its address, and none without one.

``MORPHOLOOP_DASK`` names the scheduler (``tcp://host:8786``). Its workers need this package, and see the
images and the state directory under the same paths. Tasks are of seconds: shares of a swarm's evaluations, or
whole image files; never a single particle of a swarm.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from models.errors import UnusableInput
from models.inverse.generated import GeneratorPredictor
from models.values import Conditions, Estimate

if TYPE_CHECKING:
    from distributed import Client

ADDRESS = "MORPHOLOOP_DASK"
CONNECT_S = 10
Job = TypeVar("Job")
Result = TypeVar("Result")


def scheduler() -> str | None:
    """The address of the Dask scheduler to use; None: everything is computed here."""
    return os.environ.get(ADDRESS) or None


@contextmanager
def connected(address: str) -> "Iterator[Client]":
    """A client of the scheduler. Errors: :class:`UnusableInput` when it cannot be reached."""
    try:
        from distributed import Client
    except ImportError as missing:
        raise ImportError("Computing on Dask needs the extra: pip install 'morpholoop[dask]'.") from missing
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as failure:
        raise UnusableInput(
            f"The Dask scheduler {address} cannot be reached ({failure}); start it "
            f"(dask scheduler), mend {ADDRESS}, or unset it to compute here."
        ) from failure
    try:
        yield client
    finally:
        client.close()


def spread(
    function: Callable[[Job], Result], jobs: Sequence[Job], address: str, done: Callable[[], None]
) -> list[Result]:
    """``function`` of every job, in their order, on the workers; ``done`` is called once a job.

    Errors: the first one in the order of the jobs; :class:`UnusableInput` without a scheduler.
    """
    from distributed import as_completed

    with connected(address) as client:
        futures = client.map(function, jobs, pure=False)
        for _ in as_completed(futures, loop=client.loop):
            done()
        return [future.result() for future in futures]


class SpreadPredictor(GeneratorPredictor):
    """A generator's predictor whose conditions are shared out among the workers of a Dask cluster.

    The weights are read by each worker from ``folder``, once. The numbers are those of one machine, to
    within what another split into batches does to the last digits.
    """

    def __init__(
        self,
        generator: Any,
        descriptors: Sequence[str],
        *,
        images: Mapping[int, int],
        seed: int,
        folder: Path,
        address: str,
    ) -> None:
        super().__init__(generator, descriptors, images=images, seed=seed)
        self._address = address
        self._asked = (folder, tuple(descriptors), tuple(sorted(images.items())), seed)

    def _predict(self, many: Sequence[Conditions]) -> list[dict[str, Estimate]]:
        with connected(self._address) as client:
            workers = max(1, sum(client.nthreads().values()))
            shares = [list(many[start::workers]) for start in range(min(workers, len(many)))]
            futures = [client.submit(_predict_here, self._asked, share, pure=False) for share in shares]
            done = client.gather(futures)
        self.images_generated += len(many) * sum(self._images.values())
        predictions: list[dict[str, Estimate]] = [{} for _ in many]
        for start, share in enumerate(done):
            predictions[start :: len(shares)] = share
        return predictions


Asked = tuple[Path, tuple[str, ...], tuple[tuple[int, int], ...], int]


def _predict_here(asked: Asked, many: Sequence[Conditions]) -> list[dict[str, Estimate]]:
    """On a worker: what these conditions give."""
    return _predictor(asked).predict(many)


@cache
def _predictor(asked: Asked) -> GeneratorPredictor:
    from models.generator import load

    folder, descriptors, images, seed = asked
    return GeneratorPredictor(load(folder), descriptors, images=dict(images), seed=seed)
