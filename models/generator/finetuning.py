"""Fine-tuning the ControlNet on what the lab measured, with replay of what it was trained on."""

import copy
import dataclasses
import datetime
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import UnusableInput
from models.generator.diffusion import DiffusionLoss, diffusion_step
from models.generator.generator import Generator
from models.generator.latents import LatentPool
from models.generator.networks import Networks
from models.generator.optimisation import LossFunction, Schedule, Training
from models.generator.record import Lineage
from models.generator.replay import Replay
from models.generator.sampling import encode
from models.values import Conditions

DEFAULT_STEPS = 60
MOST_TILES = 256


@dataclass(frozen=True)
class NewTiles:
    """Measured tiles of one condition: ``pixels`` (k, H, W) in [0, 1], cut and scaled as the generator's."""

    conditions: Conditions
    magnification: int
    pixels: NDArray[np.float32]


def fine_tune(
    generator: Generator,
    new_tiles: Sequence[NewTiles],
    *,
    replay: float = 0.5,
    steps: int = DEFAULT_STEPS,
    seed: int = 0,
    learning_rate: float = 3e-5,
    batch: int = 16,
    created: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Generator:
    """A candidate whose ControlNet also learned ``new_tiles``; base and autoencoder stay as they are.

    ``replay`` is the share of every batch that is replayed from the latents stored with the version. On these
    the candidate learns what ``generator`` predicts, and not the truth: it is to stay as it is where nothing
    new was measured (Li & Hoiem, "Learning without forgetting", ECCV 2016). The rest is new. ``progress`` is
    told (steps done, steps). The candidate is not registered and not promoted; see
    :func:`models.generator.gate.gate`. The same seed and data give the same candidate on the same machine.

    Errors: :class:`UnusableInput` for tiles of the wrong size, or when nothing new is given.
    """
    if not sum(len(t.pixels) for t in new_tiles):
        raise UnusableInput("Fine-tuning needs at least one measured tile, and none was given.")
    new = _encode_new(generator, new_tiles, seed)
    old: dict[int, LatentPool] = {}
    if replay > 0 and generator.replay is not None:
        old = Replay.from_bytes(generator.replay).pools(generator.encoder, generator.record.trained_on)
    # Full precision for training: bf16 weights would swallow updates of this size.
    controlnet = copy.deepcopy(generator.networks.controlnet).float().requires_grad_(True)
    trained = dataclasses.replace(
        generator.networks,
        unet=copy.deepcopy(generator.networks.unet).float().requires_grad_(False),
        controlnet=controlnet,
    )
    schedule = Schedule(
        steps, learning_rate, warmup=max(1, steps // 10), decay=0.5, weight_decay=0.0, average_decay=0.9
    )
    parent = copy.deepcopy(generator.networks.controlnet).float().requires_grad_(False)
    loss = _loss(trained, parent, new, old, round(batch * replay), batch, generator.record.guidance_learnt)
    Training({"controlnet": controlnet}, schedule, seed, label="fine-tuning", progress=progress).run(loss)
    dtype = next(generator.networks.unet.parameters()).dtype
    for parameter in controlnet.parameters():
        # Through fp16, as it is stored, so that a candidate and its reloaded copy draw the same images.
        parameter.data = parameter.data.to(torch.float16).to(dtype)
    controlnet.eval().requires_grad_(False)
    networks = dataclasses.replace(generator.networks, controlnet=controlnet)
    counts: dict[int, int] = {}
    for tiles in new_tiles:
        counts[tiles.magnification] = counts.get(tiles.magnification, 0) + len(tiles.pixels)
    figures = generator.record.metrics
    record = generator.record.model_copy(
        update={
            "metrics": figures.model_copy(update={"taken_on": figures.taken_on or generator.version}),
            "version": f"{generator.version.split('-ft-')[0]}-ft-{weights_hash(controlnet)}",
            "created": created or datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "trained_on": _extended(generator.record.trained_on, [t.conditions for t in new_tiles]),
            "lineage": Lineage(
                parent=generator.version,
                kind="fine-tuned",
                data_fingerprint=_tiles_hash(new_tiles),
                seed=seed,
                steps={"controlnet": steps},
                tiles=counts,
            ),
        }
    )
    return Generator(networks, record, generator.replay)


def weights_hash(module: torch.nn.Module) -> str:
    """Eight hexadecimal digits of the weights as they are stored (fp16): the same weights, the same name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().to("cpu", torch.float16).contiguous().numpy().tobytes())
    return digest.hexdigest()[:8]


def _encode_new(generator: Generator, new_tiles: Sequence[NewTiles], seed: int) -> dict[int, LatentPool]:
    side = generator.record.tile_size
    mean, std = generator.latent_statistics
    rng = np.random.default_rng([seed, 1])
    latents: dict[int, list[NDArray[np.float16]]] = {}
    controls: dict[int, list[NDArray[np.float32]]] = {}
    for tiles in new_tiles:
        if tiles.pixels.ndim != 3 or tiles.pixels.shape[1:] != (side, side):
            raise UnusableInput(
                f"Tiles for fine-tuning must be (k, {side}, {side}), but came as {tiles.pixels.shape}: "
                "cut them so."
            )
        chosen = tiles.pixels
        if len(chosen) > MOST_TILES:
            chosen = chosen[np.sort(rng.choice(len(chosen), MOST_TILES, replace=False))]
        control = generator.encoder.control(tiles.conditions, tiles.magnification)
        for start in range(0, len(chosen), 32):
            pixels = torch.from_numpy(np.ascontiguousarray(chosen[start : start + 32], dtype=np.float32))
            made = encode(generator.networks.vae, pixels.to(mean.device), mean, std).cpu().numpy()
            latents.setdefault(tiles.magnification, []).append(made.astype(np.float16))
            controls.setdefault(tiles.magnification, []).append(np.repeat(control[None], len(made), 0))
    return {m: LatentPool(np.concatenate(latents[m]), np.concatenate(controls[m])) for m in latents}


def _loss(
    networks: Networks,
    parent: torch.nn.Module,
    new: Mapping[int, LatentPool],
    old: Mapping[int, LatentPool],
    replayed: int,
    batch: int,
    guidance: float,
) -> LossFunction:
    """New tiles teach what they show; replayed ones what ``parent`` makes of them."""
    replayed = min(replayed, batch - 1) if old else 0
    fresh = diffusion_step(
        networks, new, DiffusionLoss(dropout=0.0, batch=batch - replayed, guidance=guidance)
    )
    if not replayed:
        return fresh
    kept = diffusion_step(networks, old, DiffusionLoss(dropout=0.0, batch=replayed), parent)
    share = replayed / batch
    return lambda rng, step: (1.0 - share) * fresh(rng, step) + share * kept(rng, step)


def _extended(
    known: Sequence[Mapping[str, float | str]], new: Sequence[Conditions]
) -> tuple[Mapping[str, float | str], ...]:
    # New ones go to the end: the replay's rows index the ones before.
    names = tuple(known[0])
    extended = list(known)
    for conditions in new:
        kept = {name: conditions[name] for name in names if name in conditions}
        if kept not in extended:
            extended.append(kept)
    return tuple(extended)


def _tiles_hash(new_tiles: Sequence[NewTiles]) -> str:
    digest = hashlib.sha256()
    for tiles in new_tiles:
        digest.update(repr(sorted(tiles.conditions.items())).encode())
        digest.update(str(tiles.magnification).encode())
        digest.update(np.ascontiguousarray(tiles.pixels, dtype=np.float32).tobytes())
    return digest.hexdigest()
