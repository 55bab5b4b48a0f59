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
from models.generator.manifest import read_record
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
from models.generator.record import GeneratorRecord
from models.generator.registry import locate
from models.generator.storage import load_networks

CONTROLNET_STAGES = ("controlnet", "guided", "matched")
"""The stages in which the base is frozen."""


@dataclass(frozen=True)
class Run:
    """A run folder. Checkpoints: ``vae``, ``joint`` (base and ControlNet), and :data:`CONTROLNET_STAGES`.

    Over a base that was given, the last three alone; from a version that was given, the last alone.
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
        if (started := self.started) is not None:
            networks = load_networks(locate(self.plan.start), torch.float32, "cpu")
            return networks, dict(started.lineage.steps)
        networks, steps = self.fresh(), {}
        if not self.plan.base:
            steps["vae"] = load_averaged(self.checkpoint("vae"), {"vae": networks.vae})
            if self.checkpoint("joint").exists():
                both = {"unet": networks.unet, "controlnet": networks.controlnet}
                steps["joint"] = load_averaged(self.checkpoint("joint"), both)
        return networks, steps

    @property
    def started(self) -> GeneratorRecord | None:
        """The record of the version that the run goes on from, if any.

        Errors: :class:`UnusableInput` when that one was trained on other data, since conditions that it was
        trained on must not be taken for held out.
        """
        if not self.plan.start:
            return None
        record = read_record(locate(self.plan.start))
        if record.lineage.data_fingerprint != self.dataset.fingerprint:
            raise UnusableInput(
                f"{record.version} was not trained on these data (its data have the fingerprint "
                f"{record.lineage.data_fingerprint[:12]}, these {self.dataset.fingerprint[:12]}): "
                "go on from it on the same data set, or fine-tune it."
            )
        return record

    def taught(self, stage: str) -> tuple[Networks, dict[str, int]]:
        """The networks before ``stage`` (``controlnet`` or a later one), and the steps of each stage."""
        networks, steps = self.based()
        for earlier in CONTROLNET_STAGES[: CONTROLNET_STAGES.index(stage)]:
            self._load(earlier, networks, steps)
        return networks, steps

    def trained(self) -> tuple[Networks, dict[str, int]]:
        """Networks with the averaged weights of the latest checkpoints, and the steps of each stage.

        Errors: :class:`UnusableInput` when the run has nothing to draw with yet.
        """
        first = "controlnet" if self.plan.base else "joint"
        if not self.plan.start and not self.checkpoint(first).exists():
            raise UnusableInput(
                f"{self.folder} holds no trained {first} stage yet: run the stages up to {first!r} first."
            )
        networks, steps = self.taught(CONTROLNET_STAGES[-1])
        self._load(CONTROLNET_STAGES[-1], networks, steps)
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
        if (started := self.started) is not None:
            return started.latent_mean, started.latent_std
        if self.plan.base:
            base = load_base(self.plan.base)
            channels = base.vae.config.latent_channels
            return (0.0,) * channels, (1.0 / base.scale,) * channels
        return channel_statistics(self.dataset, self.latents())
