"""A small sample of the training latents that ships with a version, so that fine-tuning does not forget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from models.generator.encoding import ConditionEncoder
from models.generator.latents import LatentPool
from models.values import Conditions


@dataclass(frozen=True)
class Replay:
    """Normalised latents (N, 4, h, w) per magnification, and the index (N,) of each one's condition."""

    latents: Mapping[int, NDArray[np.float16]]
    rows: Mapping[int, NDArray[np.int32]]

    def to_bytes(self) -> bytes:
        """A safetensors payload; latents in 8 bits, which is finer than what their noise levels resolve."""
        tensors: dict[str, NDArray[np.generic]] = {}
        for magnification, values in self.latents.items():
            tensors[f"latents_{magnification}"] = np.round(
                np.clip(values.astype(np.float32) / STEP, -127, 127)
            ).astype(np.int8)
            tensors[f"rows_{magnification}"] = self.rows[magnification].astype(np.int32)
        return bytes(save(tensors))

    @classmethod
    def from_bytes(cls, payload: bytes) -> "Replay":
        """The inverse of :meth:`to_bytes`."""
        tensors = load(payload)
        latents, rows = {}, {}
        for name, values in tensors.items():
            kind, _, magnification = name.partition("_")
            if kind == "latents":
                latents[int(magnification)] = (values.astype(np.float32) * STEP).astype(np.float16)
            else:
                rows[int(magnification)] = values.astype(np.int32)
        return cls(latents, rows)

    def pools(self, encoder: ConditionEncoder, conditions: Sequence[Conditions]) -> dict[int, LatentPool]:
        """What fine-tuning draws from; ``conditions`` are those that ``rows`` index."""
        return {
            m: LatentPool(values, encoder.controls([conditions[r] for r in self.rows[m]], m))
            for m, values in self.latents.items()
        }


STEP = 4.0 / 127.0
"""Quantisation step of normalised latents, which reach about ±4."""


def choose_replay(
    pools: Mapping[int, LatentPool], rows: Mapping[int, NDArray[np.int32]], tiles: int, seed: int
) -> Replay:
    """At most ``tiles`` latents per magnification, from as many conditions as possible."""
    rng = np.random.default_rng(seed)
    latents, chosen_rows = {}, {}
    for magnification, pool in pools.items():
        order = rng.permutation(len(pool.latents))
        # The k-th tile of every condition comes before the (k+1)-th of any.
        rank = np.empty(len(order), dtype=np.int64)
        seen: dict[int, int] = {}
        for place in order:
            row = int(rows[magnification][place])
            rank[place] = seen.get(row, 0)
            seen[row] = rank[place] + 1
        chosen = order[np.argsort(rank[order], kind="stable")][:tiles]
        latents[magnification] = pool.latents[chosen]
        chosen_rows[magnification] = rows[magnification][chosen].astype(np.int32)
    return Replay(latents, chosen_rows)
