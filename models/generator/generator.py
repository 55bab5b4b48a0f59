"""The generator: process conditions in, micrographs out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from models.errors import UnusableInput
from models.generator.calibration import Calibration
from models.generator.encoding import ConditionEncoder
from models.generator.manifest import read_record, verify
from models.generator.manifold import Manifold
from models.generator.networks import Networks
from models.generator.record import GeneratorRecord
from models.generator.sampling import decode, denoise, shared_noise
from models.generator.schema import GeneratorSchema
from models.generator.storage import REPLAY, load_networks
from models.values import Conditions

BATCH = 32
"""Images denoised together: large enough for the convolutions, small enough for the cache of a laptop."""


class Generator:
    """One version of the generator, ready to draw images.

    ``replay`` is the stored sample of training latents for fine-tuning, as a safetensors payload, or None.
    Images of one seed share their noise across conditions (common random numbers), so that differences
    between conditions are differences of the conditions.
    """

    def __init__(self, networks: Networks, record: GeneratorRecord, replay: bytes | None = None) -> None:
        self.networks = networks
        self.record = record
        self.replay = replay
        self.encoder = ConditionEncoder(record.inputs)
        self._manifold = Manifold(self.encoder, record.trained_on)
        weight = next(networks.unet.parameters())
        self._device = weight.device
        self._mean = torch.tensor(record.latent_mean, device=self._device)
        self._std = torch.tensor(record.latent_std, device=self._device)

    @property
    def version(self) -> str:
        """Name of the version."""
        return self.record.version

    @property
    def schema(self) -> GeneratorSchema:
        """Parameters with their ranges, magnifications, and which descriptors each magnification shows."""
        return self.record.inputs

    @property
    def calibration(self) -> Calibration:
        """From descriptors of generated images to those of measured ones."""
        return self.record.calibration

    def calibrated(
        self, descriptor: str, values: ArrayLike, conditions: Sequence[Conditions]
    ) -> NDArray[np.float64]:
        """Measured-equivalent values (C,) of values (C,) taken from images generated under ``conditions``."""
        return self.calibration.apply(descriptor, values, self.encoder.coordinates_many(conditions))

    @property
    def latent_statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (4,) of the latents per channel."""
        return self._mean, self._std

    def pixel_size_um(self, magnification: float) -> float:
        """Side of a pixel of the generated images, in µm."""
        return self.schema.magnification(magnification).pixel_size_um

    def manifold_distance(self, conditions: Conditions) -> float:
        """0 at a training condition, 1 at the edge of what was trained on, above 1 outside."""
        return self._manifold.distance(conditions)

    def sample(
        self, conditions: Conditions, *, magnification: float, n: int, seed: int
    ) -> NDArray[np.float32]:
        """``n`` images (n, H, W) in [0, 1] of the material made under ``conditions``.

        Parameters that the generator was never shown are ignored (``schema.unknown`` lists them).
        Errors: :class:`UnusableInput` for missing or unusable conditions or an unknown magnification.
        """
        return np.asarray(self.sample_many([conditions], magnification=magnification, n=n, seed=seed)[0])

    def sample_many(
        self,
        conditions: Sequence[Conditions],
        *,
        magnification: float,
        n: int,
        seed: int,
        common_noise: bool = True,
    ) -> NDArray[np.float32]:
        """Images (C, n, H, W) in [0, 1]; image k of every condition starts from the same noise.

        Without ``common_noise`` each condition has its own noise: for calibration and figures, where what a
        particular noise adds to all conditions alike must average out. The same seed gives the same images on
        the same machine.
        """
        if n < 1 or not conditions:
            raise UnusableInput(
                f"At least one image of one condition must be asked for, not {n} of {len(conditions)}."
            )
        controls = torch.from_numpy(self.encoder.controls(conditions, magnification))
        side = self.record.tile_size
        latent = side // 2 ** (len(self.networks.vae.config.block_out_channels) - 1)
        shape = (self.networks.unet.config.in_channels, latent, latent)
        noise = shared_noise(n if common_noise else n * len(conditions), shape, seed)
        images = np.empty((len(conditions) * n, side, side), dtype=np.float32)
        for start in range(0, len(images), BATCH):
            index = torch.arange(start, min(start + BATCH, len(images)))
            latents = denoise(
                self.networks,
                noise[index % len(noise)].to(self._device),
                controls[index // n].to(self._device),
                timesteps=self.record.timesteps,
                guidance=self.record.guidance,
            )
            pixels = decode(self.networks.vae, latents, self._mean, self._std)
            images[start : start + len(index)] = pixels.cpu().numpy()
        return images.reshape(len(conditions), n, side, side)


def default_device() -> str:
    """The first accelerator where there is one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def inference_dtype(device: str) -> torch.dtype:
    """bfloat16 where the processor multiplies it natively, else float32."""
    if device != "cpu" or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported():
        return torch.bfloat16
    return torch.float32


def load_folder(folder: Path, *, device: str | None = None, check: bool = True) -> Generator:
    """Load a version from its folder; ``check`` compares every file with the manifest first.

    Errors: :class:`UnusableInput` when the folder is no version, or damaged, or holds foreign files.
    """
    record = read_record(folder)
    if check:
        verify(folder)
    device = device or default_device()
    networks = load_networks(folder, inference_dtype(device), device)
    replay = folder / REPLAY
    return Generator(networks, record, replay.read_bytes() if replay.exists() else None)
