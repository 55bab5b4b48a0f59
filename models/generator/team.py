"""The processes that train one model together by averaging their gradients.

On a CPU, several of one thread each. On a GPU, one; on several GPUs or machines, those that ``accelerate
launch`` (or ``torchrun``) started.
"""

import multiprocessing
import multiprocessing.connection
import os
import tempfile
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing
from accelerate import PartialState
from torch import distributed, nn
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from models.errors import UnusableInput


@dataclass(frozen=True)
class Team:
    """This process's place among those that train together, and the device that it trains on."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def leads(self) -> bool:
        """Whether this process writes checkpoints and shows progress."""
        return self.rank == 0

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its mean over the team."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        # One flat message instead of a hundred small ones.
        flat = torch.cat([g.reshape(-1) for g in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        offset = 0
        for gradient in gradients:
            gradient.copy_(flat[offset : offset + gradient.numel()].view_as(gradient))
            offset += gradient.numel()

    def agree(self, said: bool) -> bool:
        """What the leading process says."""
        if self.size == 1:
            return said
        told = torch.tensor([int(said)], device=self.device)
        distributed.broadcast(told, src=0)
        return bool(told.item())


def launched() -> Team | None:
    """This process's place if a launcher started it among several, else None."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return None
    state = PartialState(cpu=not torch.cuda.is_available())
    return Team(state.process_index, state.num_processes, str(state.device))


def leads() -> bool:
    """Whether this process speaks for all that a launcher started, if one did."""
    here = launched()
    return here is None or here.leads


def wait_for_all() -> None:
    """Wait until every process that a launcher started has come this far."""
    if launched() is not None:
        PartialState().wait_for_everyone()


def run_together(work: Callable[..., None], arguments: tuple[Any, ...], processes: int) -> None:
    """Call ``work(*arguments, team)`` in all processes that train together, and wait for them.

    ``processes``: how many on a CPU, of one thread each: two threads in one process are far slower than two
    processes where cores are shared. What a launcher started, or one GPU, takes their place.
    """
    here = launched()
    if here is not None:
        work(*arguments, here)
        wait_for_all()
    elif processes == 1 or torch.cuda.is_available():
        run_alone(work, arguments)
    else:
        with tempfile.TemporaryDirectory(prefix="morpholoop-team-") as folder:
            told = Path(folder) / "told"
            try:
                torch.multiprocessing.spawn(  # type: ignore[attr-defined, no-untyped-call]
                    _member, (work, arguments, processes, Path(folder) / "meeting", told), nprocs=processes
                )
            except (ProcessExitedException, ProcessRaisedException):
                # An exception comes back as the text of a traceback; what a person can act on is told apart.
                if told.exists():
                    raise UnusableInput(told.read_text(encoding="utf-8")) from None
                raise


def run_alone(work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Call ``work(*arguments, team)`` in one process, while those that a launcher started wait."""
    here = launched()
    if here is None:
        torch.set_num_threads(1)
        here = Team(device="cuda" if torch.cuda.is_available() else "cpu")
    if here.leads:
        work(*arguments, Team(device=here.device))
    wait_for_all()


def _member(
    rank: int, work: Callable[..., None], arguments: tuple[Any, ...], size: int, meeting: Path, told: Path
) -> None:
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    try:
        work(*arguments, Team(rank, size))
    except UnusableInput as error:
        told.write_text(str(error), encoding="utf-8")
        raise
    finally:
        distributed.destroy_process_group()


def _end_with_parent() -> None:
    """A killed command must not leave its processes training on."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)
