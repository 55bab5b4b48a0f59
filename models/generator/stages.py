"""The training stages; each is called in every process of a team."""

import copy
import dataclasses
import functools
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import UnusableInput
from models.generator.autoencoding import autoencoder_step
from models.generator.describe import describe
from models.generator.diffusion import diffusion_step
from models.generator.generator import inference_dtype
from models.generator.latents import LatentPool, encode_dataset, training_pools
from models.generator.matching import Matching
from models.generator.networks import Networks
from models.generator.optimisation import LossFunction, Training
from models.generator.plan import STAGES
from models.generator.run import Run
from models.generator.sampling import decode, encode, spaced_timesteps
from models.generator.team import Team
from models.generator.watching import Watch, write_png

GATE_TILES = 96


def train_vae(run: Run, team: Team) -> None:
    """Train the autoencoder on crops of both magnifications."""
    plan, networks = run.plan, run.fresh()
    networks.vae.to(team.device)
    Training(
        {"vae": networks.vae},
        plan.vae,
        plan.seed,
        team,
        run.checkpoint("vae"),
        "autoencoder",
        on_checkpoint=functools.partial(_show_reconstructions, run, networks),
    ).run(autoencoder_step(networks.vae, run.dataset, plan.vae_crop, plan.vae_batch, plan.vae_loss))


def texture_through(run: Run, networks: Networks) -> dict[str, tuple[float, float]]:
    """(slope, correlation) of each texture-like descriptor, reconstructions against originals, tile by tile.

    Over held-out tiles of the highest magnification, where the finest structure is.
    """
    magnification = max(run.dataset.schema.magnifications)
    info = run.dataset.schema.magnifications[magnification]
    tiles = run.dataset.tiles[magnification]
    held_out = np.flatnonzero(~run.dataset.training_mask(magnification))
    if not len(held_out):
        held_out = np.arange(len(tiles.rows))
    chosen = held_out[:: max(1, len(held_out) // GATE_TILES)]
    originals = tiles.pixels[chosen].astype(np.float32) / 255.0
    rebuilt = reconstruct(networks, originals)
    found = {}
    for name in info.descriptors:
        if not name.endswith("_mean"):
            continue
        pairs = np.array(
            [
                [describe(image[None], info.pixel_size_um, [name])[name] for image in pair]
                for pair in zip(originals, rebuilt, strict=True)
            ]
        )
        pairs = pairs[np.isfinite(pairs).all(axis=1)]
        covariance = np.cov(pairs.T)
        slope = covariance[0, 1] / covariance[0, 0]
        found[name] = (float(slope), float(np.corrcoef(pairs.T)[0, 1]))
    return found


def check_vae(run: Run) -> dict[str, tuple[float, float]]:
    """Stop here unless the autoencoder keeps texture; the figures per descriptor.

    The autoencoder of a given base or version is not trained here: its figures are told and nothing is
    stopped. Errors: :class:`UnusableInput` with the figures when the gate is not passed.
    """
    networks, _ = run.based()
    figures = texture_through(run, networks)
    for name, (slope, correlation) in () if run.plan.base or run.plan.start else figures.items():
        if slope < run.plan.minimum_slope or correlation < run.plan.minimum_correlation:
            raise UnusableInput(
                f"The autoencoder does not keep {name} (slope {slope:.2f}, correlation {correlation:.3f}; "
                f"needed {run.plan.minimum_slope:g} and {run.plan.minimum_correlation:g}): "
                f"train it longer, e.g. with --steps vae={2 * run.plan.vae.steps}."
            )
    return figures


def reconstruct(networks: Networks, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Images (N, H, W) in [0, 1] through the autoencoder and back."""
    device = next(networks.vae.parameters()).device
    zero, one = torch.zeros(1, device=device), torch.ones(1, device=device)
    parts = []
    for start in range(0, len(images), 32):
        latents = encode(networks.vae, torch.from_numpy(images[start : start + 32]).to(device))
        parts.append(decode(networks.vae, latents, zero, one).cpu().numpy())
    return np.concatenate(parts)


def encode_tiles(run: Run, team: Team) -> None:
    """Encode the whole data set with the trained autoencoder."""
    networks, _ = run.based()
    # In the precision that fine-tuning will encode new tiles in, which is also the faster one.
    # (torch's own .to(): that of diffusers warns about layers that some models keep in float32.)
    vae = torch.nn.Module.to(
        copy.deepcopy(networks.vae).eval(), device=team.device, dtype=inference_dtype(team.device)
    )
    encode_dataset(vae, run.dataset, run.folder)


def train_joint(run: Run, team: Team) -> None:
    """Train base and ControlNet together; control dropout makes the base alone the unconditional branch."""
    networks, _ = run.based()
    modules = {"unet": networks.unet, "controlnet": networks.controlnet}
    _train_diffusion(run, team, networks, modules, "joint")


def train_controlnet(run: Run, team: Team) -> None:
    """Train the ControlNet alone over the frozen base."""
    networks, _ = run.based()
    networks.unet.requires_grad_(False)
    _train_diffusion(run, team, networks, {"controlnet": networks.controlnet}, "controlnet")


def train_guided(run: Run, team: Team) -> None:
    """Have the ControlNet learn what it draws under guidance, from a frozen copy of itself."""
    networks, _ = run.taught("guided")
    networks.unet.requires_grad_(False)
    teacher = copy.deepcopy(networks.controlnet).eval().requires_grad_(False).to(team.device)
    _train_diffusion(run, team, networks, {"controlnet": networks.controlnet}, "guided", teacher)


def train_matched(run: Run, team: Team) -> None:
    """Have the ControlNet draw images with the statistics of those measured."""
    networks, _ = run.taught("matched")
    networks.unet.requires_grad_(False)
    networks.controlnet.train().requires_grad_(True)
    _on_device(networks, team)
    timesteps = spaced_timesteps(run.plan.sampling_steps, networks.scheduler.alphas_cumprod)
    strength = run.plan.guidance if run.started is None else run.started.guidance_learnt
    settings = dataclasses.replace(
        run.plan.matching_loss,
        anchor=dataclasses.replace(run.plan.matching_loss.anchor, guidance=strength),
    )
    pools = _pools(run)
    # The same tiles in every process: what is expected must be the same to all of them.
    matching = Matching(networks, pools, settings, run.statistics(), seed=run.plan.seed, quiet=not team.leads)
    _train(
        run,
        team,
        networks,
        {"controlnet": networks.controlnet, "departure": matching.departure},
        "matched",
        matching.step(timesteps),
        on_gradients=matching.departure.follow,
    )


def _train_diffusion(
    run: Run,
    team: Team,
    networks: Networks,
    modules: dict[str, torch.nn.Module],
    stage: str,
    teacher: torch.nn.Module | None = None,
) -> None:
    plan = run.plan
    loss = plan.joint_loss if stage == "joint" else plan.controlnet_loss
    if stage == "guided":
        loss = dataclasses.replace(loss, guidance=plan.guidance)
    faster = {"controlnet": plan.joint_controlnet_rate} if stage == "joint" else {}
    _on_device(networks, team)
    step = diffusion_step(networks, _pools(run), loss, teacher)
    _train(run, team, networks, modules, stage, step, faster=faster)


def _train(
    run: Run,
    team: Team,
    networks: Networks,
    modules: dict[str, torch.nn.Module],
    stage: str,
    loss: LossFunction,
    *,
    faster: Mapping[str, float] | None = None,
    on_gradients: Callable[[], None] | None = None,
) -> None:
    training = Training(
        modules,
        getattr(run.plan, stage),
        run.plan.seed + STAGES.index(stage) - 1,  # no stage must repeat another one's random numbers
        team,
        run.checkpoint(stage),
        stage,
        on_checkpoint=Watch(run, networks, stage),
        faster=faster or {},
        on_gradients=on_gradients,
    )
    training.run(loss)


def _on_device(networks: Networks, team: Team) -> None:
    for part in (networks.vae, networks.unet, networks.controlnet):
        part.to(team.device)


def _pools(run: Run) -> Mapping[int, LatentPool]:
    return training_pools(run.dataset, run.latents(), run.encoder, *run.statistics())


def _show_reconstructions(run: Run, networks: Networks, step: int, _loss: float) -> bool:
    figures = texture_through(run, networks)
    pairs = []
    for tiles in run.dataset.tiles.values():
        images = tiles.pixels[:: max(1, len(tiles.pixels) // 8)][:8].astype(np.float32) / 255.0
        pairs += [np.concatenate(list(images), 1), np.concatenate(list(reconstruct(networks, images)), 1)]
    write_png(run.folder / "reconstructions.png", np.concatenate(pairs))
    print(f"\nstep {step}: (slope, correlation) {figures}", flush=True)
    return False
