"""One training run on disk: its data, its plan, its stages' checkpoints, and the networks they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import UnusableInput
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
    """A run folder. Checkpoints: ``vae``, ``joint`` (base and ControlNet), ``controlnet``."""

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
        """Randomly initialised networks, the same for the same seed."""
        torch.manual_seed(self.plan.seed)
        architecture = self.plan.architecture
        vae = build_vae(architecture)
        unet = build_unet(architecture)
        controlnet = build_controlnet(architecture, self.encoder.size)
        for module in (vae, unet, controlnet):
            channels_last(module)
        return Networks(vae, unet, controlnet, build_scheduler())

    def trained(self) -> tuple[Networks, dict[str, int]]:
        """Networks with the averaged weights of the latest checkpoints, and the steps of each stage.

        Errors: :class:`UnusableInput` when the run has no base yet.
        """
        networks = self.fresh()
        if not self.checkpoint("joint").exists():
            raise UnusableInput(
                f"{self.folder} holds no trained base yet: run the stages up to 'joint' first."
            )
        steps = {"vae": load_averaged(self.checkpoint("vae"), {"vae": networks.vae})}
        both = {"unet": networks.unet, "controlnet": networks.controlnet}
        steps["joint"] = load_averaged(self.checkpoint("joint"), both)
        if self.checkpoint("controlnet").exists():
            steps["controlnet"] = load_averaged(
                self.checkpoint("controlnet"), {"controlnet": networks.controlnet}
            )
        for module in (networks.vae, networks.unet, networks.controlnet):
            module.eval().requires_grad_(False)
        return networks, steps

    def latents(self) -> Mapping[int, NDArray[np.float16]]:
        """Latents of every tile, as the stage ``vae`` left them."""
        return read_latents(self.dataset, self.folder)

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of the training latents per channel."""
        return channel_statistics(self.dataset, self.latents())
