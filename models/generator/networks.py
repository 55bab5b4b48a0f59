"""The networks of a generator: diffusers classes, in the shape of Stable Diffusion, small enough for a CPU.

Latent diffusion: Rombach et al., CVPR 2022. ControlNet: Zhang et al., ICCV 2023. Sampler: DPM-Solver++ (2M),
Lu et al., arXiv 2211.01095.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKL, ControlNetModel, DPMSolverMultistepScheduler, UNet2DConditionModel
from torch import Tensor, nn

UNUSED_TOKENS = 1
"""Length of the cross-attention context, which a UNet without attention takes and ignores."""
TRAINING_TIMESTEPS = 1000


@dataclass(frozen=True)
class Architecture:
    """Sizes of the built-in base.

    ``norm_groups`` must leave several channels in a group: with one channel per group the normalisation would
    erase a constant control map.
    """

    tile_size: int = 128
    vae_channels: tuple[int, ...] = (16, 32, 64)
    unet_channels: tuple[int, ...] = (32, 64, 128)
    latent_channels: int = 4
    norm_groups: int = 8
    control_width: int = 64

    @property
    def latent_size(self) -> int:
        """Side of the latents of a tile."""
        return self.tile_size >> (len(self.vae_channels) - 1)


@dataclass(frozen=True)
class Networks:
    """The trained parts and the noise schedule.

    ``vae``: images ↔ latents; ``unet``: the base, frozen after its training; ``controlnet``: what the process
    conditions change. ``context`` (tokens, width): what a base with cross-attention is given in place of a
    text, its embedding of the empty one; None where the base has no use for it.
    """

    vae: Any
    unet: Any
    controlnet: Any
    scheduler: Any
    context: Tensor | None = None

    @property
    def predicts_noise(self) -> bool:
        """Whether the base predicts the noise ε, as Stable Diffusion 1.5 does, and not the velocity."""
        return bool(self.scheduler.config.prediction_type == "epsilon")


def build_vae(architecture: Architecture) -> Any:
    """Autoencoder of grey tiles, downsampling 2 per level after the first."""
    levels = len(architecture.vae_channels)
    return AutoencoderKL(
        in_channels=1,
        out_channels=1,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=architecture.vae_channels,
        layers_per_block=1,
        latent_channels=architecture.latent_channels,
        norm_num_groups=architecture.norm_groups,
        sample_size=architecture.tile_size,
        mid_block_add_attention=False,
    )


def build_unet(architecture: Architecture) -> Any:
    """Base denoiser over latents; it knows nothing of conditions."""
    levels = len(architecture.unet_channels)
    return UNet2DConditionModel(
        sample_size=architecture.latent_size,
        in_channels=architecture.latent_channels,
        out_channels=architecture.latent_channels,
        down_block_types=("DownBlock2D",) * levels,
        up_block_types=("UpBlock2D",) * levels,
        block_out_channels=architecture.unet_channels,
        layers_per_block=1,
        norm_num_groups=architecture.norm_groups,
        cross_attention_dim=architecture.norm_groups,
        resnet_time_scale_shift="scale_shift",
    )


def build_controlnet(architecture: Architecture, control_size: int) -> Any:
    """ControlNet over ``control_size`` process controls.

    The controls enter twice: as constant maps, and as a vector added to the time embedding, which modulates
    every block; a constant map by itself is weakened by each group normalisation.
    """
    return ControlNetModel(
        in_channels=architecture.latent_channels,
        conditioning_channels=control_size,
        down_block_types=("DownBlock2D",) * len(architecture.unet_channels),
        mid_block_type="UNetMidBlock2D",
        block_out_channels=architecture.unet_channels,
        layers_per_block=1,
        norm_num_groups=architecture.norm_groups,
        cross_attention_dim=architecture.norm_groups,
        resnet_time_scale_shift="scale_shift",
        # A single entry means that the maps are not downsampled: they come at latent size.
        conditioning_embedding_out_channels=(architecture.control_width,),
        class_embed_type="projection",
        projection_class_embeddings_input_dim=control_size,
    )


def build_scheduler() -> Any:
    """DPM-Solver++ 2M over the linear schedule of DDPM, whose last step is pure noise to 4e-5.

    The usual schedule of Stable Diffusion ends at a signal-to-noise ratio of 0.005, at which the coarse
    structure (particle size, brightness) still shows, so that sampling from pure noise would be off.
    """
    return DPMSolverMultistepScheduler(
        num_train_timesteps=TRAINING_TIMESTEPS,
        beta_schedule="linear",
        beta_start=1e-4,
        beta_end=0.02,
        algorithm_type="dpmsolver++",
        solver_order=2,
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        final_sigmas_type="zero",
    )


def maps(controls: Tensor, size: Sequence[int]) -> Tensor:
    """Control vectors (B, F) as constant maps (B, F, h, w)."""
    return controls[:, :, None, None].expand(-1, -1, *size).contiguous(memory_format=torch.channels_last)


def predict(
    networks: Networks,
    latents: Tensor,
    timesteps: Tensor,
    controls: Tensor,
    *,
    controlled: bool = True,
    keep: Tensor | None = None,
) -> Tensor:
    """What the base predicts of ``latents`` (B, C, h, w) at ``timesteps`` (B,) under ``controls`` (B, F).

    Velocity √ᾱ·ε − √(1−ᾱ)·x, or the noise ε (:attr:`Networks.predicts_noise`); :func:`clean_estimate` makes
    either into an image. ``keep`` (B,) of 0 and 1 switches the control off per sample (control dropout); not
    ``controlled``, or without a ControlNet, the base predicts alone, which is the unconditional branch.
    """
    unet = networks.unet
    if networks.context is None:
        context = latents.new_zeros(len(latents), UNUSED_TOKENS, unet.config.cross_attention_dim)
    else:
        context = networks.context.to(latents).expand(len(latents), -1, -1)
    down: list[Tensor] | None = None
    mid: Tensor | None = None
    if controlled and networks.controlnet is not None:
        down, mid = networks.controlnet(
            latents,
            timesteps,
            context,
            controlnet_cond=maps(controls, latents.shape[-2:]),
            class_labels=controls,
            return_dict=False,
        )
        if keep is not None:
            gate = keep.to(latents.dtype)[:, None, None, None]
            down = [residual * gate for residual in down or ()]
            mid = mid * gate if mid is not None else None
    predicted: Tensor = unet(
        latents,
        timesteps,
        context,
        down_block_additional_residuals=down,
        mid_block_additional_residual=mid,
        return_dict=False,
    )[0]
    return predicted


def clean_estimate(
    networks: Networks, predicted: Tensor, latents: Tensor, alpha: Tensor | float, sigma: Tensor | float
) -> Tensor:
    """The clean latents that ``predicted`` stands for; ``alpha`` √ᾱ and ``sigma`` √(1−ᾱ) of the timestep."""
    if networks.predicts_noise:
        return (latents - sigma * predicted) / alpha
    return alpha * latents - sigma * predicted


def channels_last(module: nn.Module) -> nn.Module:
    """The module with its weights in the layout that CPUs convolve fastest."""
    return module.to(memory_format=torch.channels_last)
