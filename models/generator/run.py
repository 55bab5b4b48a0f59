"""One training run on disk: its data, its plan, its stages' checkpoints, and the networks they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import UnusableInput
from models.generator.base import controlnet_over, load_base
from models.generator.dataset import TileDataset
from models.generator.encoding import ConditionEncoder
from models.generator.latents import channel_statistics, read_latents
from models.generator.networks import (
    Networks,
    build_controlnet,
    build_scheduler,
    build_unet,
    build_vae,
    channels_last,
)
from models.generator.optimisation import load_averaged
from models.generator.plan import TrainingPlan


@dataclass(frozen=True)
class Run:
    """A run folder. Checkpoints: ``vae``, ``joint`` (base and ControlNet), ``controlnet``, ``guided``.

    Over a base that was given, the last two alone.
    """

    folder: Path
    dataset: TileDataset
    plan: TrainingPlan

    def checkpoint(self, stage: str) -> Path:
        """Where a stage keeps its state."""
        return self.folder / f"{stage}.safetensors"

    @property
    def encoder(self) -> ConditionEncoder:
        """Conditions → controls of this data set."""
        return ConditionEncoder(self.dataset.schema)

    def fresh(self) -> Networks:
        """The networks before the first step, the same for the same seed."""
        torch.manual_seed(self.plan.seed)
        architecture = self.plan.architecture
        if self.plan.base:
            base = load_base(self.plan.base)
            networks = base.networks(
                controlnet_over(base.unet, self.encoder.size, architecture.control_width)
            )
        else:
            networks = Networks(
                build_vae(architecture),
                build_unet(architecture),
                build_controlnet(architecture, self.encoder.size),
                build_scheduler(),
            )
        for module in (networks.vae, networks.unet, networks.controlnet):
            channels_last(module)
        return networks

    def based(self) -> tuple[Networks, dict[str, int]]:
        """The networks with the trained autoencoder, and base where there is one, and the steps of each."""
        networks, steps = self.fresh(), {}
        if not self.plan.base:
            steps["vae"] = load_averaged(self.checkpoint("vae"), {"vae": networks.vae})
            if self.checkpoint("joint").exists():
                both = {"unet": networks.unet, "controlnet": networks.controlnet}
                steps["joint"] = load_averaged(self.checkpoint("joint"), both)
        return networks, steps

    def taught(self) -> tuple[Networks, dict[str, int]]:
        """The networks before the stage ``guided``, and the steps of each stage."""
        networks, steps = self.based()
        self._load("controlnet", networks, steps)
        return networks, steps

    def trained(self) -> tuple[Networks, dict[str, int]]:
        """Networks with the averaged weights of the latest checkpoints, and the steps of each stage.

        Errors: :class:`UnusableInput` when the run has nothing to draw with yet.
        """
        first = "controlnet" if self.plan.base else "joint"
        if not self.checkpoint(first).exists():
            raise UnusableInput(
                f"{self.folder} holds no trained {first} stage yet: run the stages up to {first!r} first."
            )
        networks, steps = self.taught()
        self._load("guided", networks, steps)
        for module in (networks.vae, networks.unet, networks.controlnet):
            module.eval().requires_grad_(False)
        return networks, steps

    def _load(self, stage: str, networks: Networks, steps: dict[str, int]) -> None:
        if self.checkpoint(stage).exists():
            steps[stage] = load_averaged(self.checkpoint(stage), {"controlnet": networks.controlnet})

    def latents(self) -> Mapping[int, NDArray[np.float16]]:
        """Latents of every tile, as the stage ``vae`` left them."""
        return read_latents(self.dataset, self.folder)

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of the latents per channel, or what a given base was trained with."""
        if self.plan.base:
            base = load_base(self.plan.base)
            channels = base.vae.config.latent_channels
            return (0.0,) * channels, (1.0 / base.scale,) * channels
        return channel_statistics(self.dataset, self.latents())
