"""A base of Stable Diffusion's shape instead of the built-in one: its frozen parts, and a ControlNet for it.

Any folder or hub name in the layout that diffusers writes (``vae/``, ``unet/``, ``scheduler/`` and, for the
embedding of the empty text, ``text_encoder/`` and ``tokenizer/``) with the shape of Stable Diffusion 1.5.
Weights are read from safetensors alone.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, ControlNetModel, DDPMScheduler, UNet2DConditionModel
from huggingface_hub import ModelCard
from huggingface_hub.errors import HfHubHTTPError
from torch import Tensor, nn

from models.errors import UnusableInput
from models.generator.networks import TRAINING_TIMESTEPS, Networks

TEXT_TOKENS = 77
_UNREADABLE = (OSError, ValueError, RuntimeError, KeyError, TypeError, HfHubHTTPError)


@dataclass(frozen=True)
class Base:
    """Where a base is from, the ``licence`` that its card names ("" where it names none), and its parts."""

    name: str
    licence: str
    vae: Any
    unet: Any
    scheduler: Any
    context: Tensor

    @property
    def scale(self) -> float:
        """What the autoencoder's latents are multiplied by before the base sees them."""
        return float(self.vae.config.scaling_factor)

    def networks(self, controlnet: Any) -> Networks:
        """The base with a ControlNet."""
        return Networks(self.vae, self.unet, controlnet, self.scheduler, self.context)


@functools.lru_cache(maxsize=1)
def load_base(name: str) -> Base:
    """The base in a folder or under a hub name, in float32; the last one is kept, and not to be changed.

    Errors: :class:`UnusableInput` naming the part that is missing, damaged or of another shape.
    """
    vae = _part(AutoencoderKL, name, "vae")
    unet = _part(UNet2DConditionModel, name, "unet")
    scheduler = _part(DDPMScheduler, name, "scheduler", weights=False)
    if unet.config.in_channels != vae.config.latent_channels or unet.config.class_embed_type is not None:
        raise UnusableInput(
            f"The base {name} has not the shape of Stable Diffusion 1.5 (its UNet takes "
            f"{unet.config.in_channels} channels, its autoencoder gives {vae.config.latent_channels}); "
            "choose another base."
        )
    if scheduler.config.num_train_timesteps != TRAINING_TIMESTEPS or scheduler.config.prediction_type not in (
        "epsilon",
        "v_prediction",
    ):
        raise UnusableInput(
            f"The base {name} was trained for {scheduler.config.prediction_type} over "
            f"{scheduler.config.num_train_timesteps} timesteps; expected epsilon or v_prediction over "
            f"{TRAINING_TIMESTEPS}. Choose another base."
        )
    for part in (vae, unet):
        part.eval().requires_grad_(False)
    return Base(name, _licence(name), vae, unet, scheduler, _empty_text(name, unet))


def controlnet_over(unet: Any, control_size: int, width: int) -> Any:
    """A ControlNet with the encoder half of ``unet`` and ``control_size`` process controls.

    As :func:`models.generator.networks.build_controlnet`: the controls come as constant maps at latent size
    and as a vector added to the time embedding. Its ends are zero, so that it changes nothing yet.
    """
    config = unet.config
    controlnet = ControlNetModel(
        in_channels=config.in_channels,
        conditioning_channels=control_size,
        flip_sin_to_cos=config.flip_sin_to_cos,
        freq_shift=config.freq_shift,
        down_block_types=config.down_block_types,
        mid_block_type=config.mid_block_type or "UNetMidBlock2D",
        block_out_channels=config.block_out_channels,
        layers_per_block=config.layers_per_block,
        attention_head_dim=config.attention_head_dim,
        cross_attention_dim=config.cross_attention_dim,
        norm_num_groups=config.norm_num_groups,
        resnet_time_scale_shift=config.resnet_time_scale_shift,
        use_linear_projection=config.use_linear_projection,
        conditioning_embedding_out_channels=(width,),
        class_embed_type="projection",
        projection_class_embeddings_input_dim=control_size,
    )
    for part in ("conv_in", "time_proj", "time_embedding", "down_blocks", "mid_block"):
        getattr(controlnet, part).load_state_dict(getattr(unet, part).state_dict())
    # The embedding of the controls starts silent too: a random one would shift every block's timestep.
    last = [layer for layer in controlnet.class_embedding.modules() if isinstance(layer, nn.Linear)][-1]
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return controlnet


def _part(kind: Any, name: str, part: str, *, weights: bool = True) -> Any:
    options: dict[str, Any] = {"use_safetensors": True, "torch_dtype": torch.float32} if weights else {}
    try:
        return kind.from_pretrained(name, subfolder=part, **options)
    except _UNREADABLE as error:
        raise UnusableInput(
            f"The {part} of the base {name} cannot be loaded ({str(error).splitlines()[0]}); give a folder "
            "or hub name with vae, unet and scheduler as diffusers writes them, weights as safetensors."
        ) from error


def _empty_text(name: str, unet: Any) -> Tensor:
    """The base's embedding (tokens, width) of the empty text; zeros where it brings no text encoder."""
    from transformers import CLIPTextModel, CLIPTokenizer

    if Path(name).is_dir() and not (Path(name) / "text_encoder").is_dir():
        return torch.zeros(TEXT_TOKENS, unet.config.cross_attention_dim)
    try:
        tokenizer = CLIPTokenizer.from_pretrained(name, subfolder="tokenizer")
        encoder = CLIPTextModel.from_pretrained(name, subfolder="text_encoder", use_safetensors=True)
    except _UNREADABLE as error:
        raise UnusableInput(
            f"The text encoder of the base {name} cannot be loaded ({str(error).splitlines()[0]}); "
            "restore it, or leave out text_encoder and tokenizer."
        ) from error
    tokens = tokenizer("", padding="max_length", max_length=tokenizer.model_max_length, return_tensors="pt")
    with torch.inference_mode():
        embedding: Tensor = encoder(tokens.input_ids)[0][0]
    return embedding.clone()


def _licence(name: str) -> str:
    card = Path(name) / "README.md" if Path(name).is_dir() else name
    try:
        return str(ModelCard.load(card, ignore_metadata_errors=True).data.license or "")
    except _UNREADABLE:
        return ""
