"""What a training run does, stage by stage; the plan is stored with the run."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.generator.autoencoding import AutoencoderLoss
from models.generator.diffusion import DiffusionLoss
from models.generator.matching import MatchingLoss
from models.generator.networks import Architecture
from models.generator.optimisation import Schedule

TRAINED = ("vae", "joint", "controlnet", "guided", "matched")
"""The stages that train something; each is a field of the plan."""

STAGES = (*TRAINED, "calibrate", "evaluate")


@dataclass(frozen=True)
class EarlyStop:
    """A diffusion stage ends early once both have held at every magnification for ``patience`` checkpoints.

    Of held-out tiles, noised and denoised (:mod:`models.generator.watching`). The limits are those of Choi et
    al., Mater. Horiz. 2026, 13, 727, who count epochs.
    """

    psnr_db: float = 34.0
    ssim: float = 0.965
    patience: int = 10


@dataclass(frozen=True)
class TrainingPlan:
    """Sizes, lengths and seeds of the stages; the same plan and data give the same weights on one machine.

    ``processes`` train together, one thread each; batches are per process. The autoencoder must pass
    ``minimum_slope`` and ``minimum_correlation`` (texture of reconstructions against originals,
    held-out tiles) before anything is trained on its latents. In the joint stage the ControlNet learns
    ``joint_controlnet_rate`` times as fast as the base. ``note`` goes into the version's lineage.

    ``base``: a folder or hub name of Stable Diffusion's shape (:mod:`models.generator.base`) in place of the
    built-in base. It stays frozen with its autoencoder, so the stages ``vae`` and ``joint`` are left out.

    ``start``: a version (name or folder) whose networks take the place of the stages before ``matched``.

    In the stage ``guided`` the ControlNet learns to draw in one evaluation what it draws under guidance of
    strength ``guidance`` in two. In the stage ``matched`` it learns to draw, in ``sampling_steps``
    evaluations, images with the statistics of measured ones.
    """

    name: str = "model-1"
    seed: int = 0
    processes: int = 2
    base: str = ""
    start: str = ""
    architecture: Architecture = field(default_factory=Architecture)
    vae: Schedule = field(default_factory=lambda: Schedule(steps=800, learning_rate=1.5e-3))
    vae_loss: AutoencoderLoss = field(default_factory=AutoencoderLoss)
    vae_crop: int = 64
    vae_batch: int = 16
    minimum_slope: float = 0.8
    minimum_correlation: float = 0.97
    joint: Schedule = field(default_factory=lambda: Schedule(steps=10750, learning_rate=8e-4))
    joint_loss: DiffusionLoss = field(default_factory=lambda: DiffusionLoss(crop=16, crop_steps=5700))
    joint_controlnet_rate: float = 2.0
    controlnet: Schedule = field(default_factory=lambda: Schedule(steps=500, learning_rate=2e-4, decay=0.6))
    controlnet_loss: DiffusionLoss = field(default_factory=lambda: DiffusionLoss(dropout=0.0))
    guided: Schedule = field(default_factory=lambda: Schedule(steps=500, learning_rate=2e-4, decay=0.6))
    matched: Schedule = field(
        default_factory=lambda: Schedule(
            steps=2000, learning_rate=3e-4, warmup=20, weight_decay=0.0, momentum=0.5
        )
    )
    matching_loss: MatchingLoss = field(default_factory=MatchingLoss)
    early_stop: EarlyStop = field(default_factory=EarlyStop)
    sampling_steps: int = 6
    guidance: float = 1.5
    calibration_conditions: int = 576
    calibration_images: int = 4
    evaluation_conditions: int = 48
    evaluation_images: int = 16
    gate_conditions: int = 24
    replay_tiles: int = 320
    note: str = ""

    def changed(self, steps: Mapping[str, int], accumulate: int) -> "TrainingPlan":
        """The plan with other lengths of the stages in ``steps``; crops keep their share of the joint stage.

        ``accumulate``: batches whose gradients make one step, in all stages but the autoencoder's.
        """
        schedules = {
            stage: dataclasses.replace(
                kept := getattr(self, stage),
                steps=steps.get(stage, kept.steps),
                accumulate=kept.accumulate if stage == "vae" else accumulate,
            )
            for stage in TRAINED
        }
        crop_steps = round(self.joint_loss.crop_steps * schedules["joint"].steps / self.joint.steps)
        return dataclasses.replace(
            self, **schedules, joint_loss=dataclasses.replace(self.joint_loss, crop_steps=crop_steps)
        )
