"""Several single-threaded processes that train one model by averaging their gradients."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing
from torch import distributed, nn


@dataclass(frozen=True)
class Team:
    """This process's place among those that train together."""

    rank: int = 0
    size: int = 1

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


def run_together(work: Callable[..., None], arguments: tuple[Any, ...], processes: int) -> None:
    """Call ``work(*arguments, team)`` in ``processes`` processes of one thread each, and wait for them.

    Two threads in one process are far slower than two processes where cores are shared.
    """
    if processes == 1:
        torch.set_num_threads(1)
        work(*arguments, Team())
        return
    with tempfile.TemporaryDirectory(prefix="morpholoop-team-") as folder:
        torch.multiprocessing.spawn(  # type: ignore[attr-defined, no-untyped-call]
            _member, (work, arguments, processes, str(Path(folder) / "meeting")), nprocs=processes
        )


def _member(
    rank: int, work: Callable[..., None], arguments: tuple[Any, ...], size: int, meeting: str
) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    try:
        work(*arguments, Team(rank, size))
    finally:
        distributed.destroy_process_group()
