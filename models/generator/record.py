"""morpholoop.json: what is kept beside the weights of a version."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from models.generator.calibration import Calibration
from models.generator.schema import GeneratorSchema

FORMAT = 1


class ReferencePoint(BaseModel):
    """Measured descriptors of one condition that was not trained on; ``split`` says how it was held out."""

    model_config = ConfigDict(frozen=True)

    conditions: Mapping[str, float | str]
    descriptors: Mapping[str, float]
    split: str = "held_out"


class DescriptorScore(BaseModel):
    """Predicted against measured values of one descriptor over held-out conditions.

    ``mae`` in the descriptor's unit; ``relative`` is the mean absolute error over the mean measured value.
    ``r2_monotone``: with the calibration's map and without its field (None: not looked at). ``r2_low`` and
    ``r2_high``: 95 % interval of ``r2`` over the choice of conditions (bootstrap).
    """

    model_config = ConfigDict(frozen=True)

    r2: float
    r2_low: float | None = None
    r2_high: float | None = None
    mae: float
    relative: float
    r2_monotone: float | None = None
    r2_uncalibrated: float
    mae_uncalibrated: float
    n_conditions: int


class Metrics(BaseModel):
    """How good a version is, on conditions it was not trained on.

    ``reconstruction_*``: autoencoder output against held-out tiles, per magnification. ``denoising_*``:
    held-out tiles noised to the middle of the schedule and denoised in one step under their own conditions.
    PSNR in dB over the range 0–1. ``descriptors`` by split and descriptor. ``taken_on``: the version that the
    figures were taken on, where that is not the one that they stand with; fine-tuning takes none.
    """

    model_config = ConfigDict(frozen=True)

    reconstruction_psnr: Mapping[int, float] = {}
    reconstruction_ssim: Mapping[int, float] = {}
    reconstruction_slope: Mapping[str, float] = {}
    reconstruction_correlation: Mapping[str, float] = {}
    denoising_psnr: Mapping[int, float] = {}
    denoising_ssim: Mapping[int, float] = {}
    descriptors: Mapping[str, Mapping[str, DescriptorScore]] = {}
    images_per_condition: int = 0
    taken_on: str = ""
    seconds_per_image: float = 0.0


class Lineage(BaseModel):
    """Where a version comes from.

    ``base`` is the folder or hub name of a base that was not trained here, ``licence`` that of its weights.
    """

    model_config = ConfigDict(frozen=True)

    parent: str | None = None
    kind: str = "trained"
    data_fingerprint: str = ""
    seed: int = 0
    steps: Mapping[str, int] = {}
    tiles: Mapping[int, int] = {}
    note: str = ""
    base: str = ""
    licence: str = ""


class GeneratorRecord(BaseModel):
    """Everything about a version that is not a weight.

    ``guidance``: strength of the classifier-free guidance when drawing. ``guidance_learnt``: the strength
    that the ControlNet has learnt to draw with by itself.
    """

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    version: str
    created: str
    inputs: GeneratorSchema
    tile_size: int = Field(gt=0)
    latent_mean: tuple[float, ...]
    latent_std: tuple[float, ...]
    timesteps: tuple[int, ...] = Field(min_length=1)
    guidance: float = 1.0
    guidance_learnt: float = 1.0
    calibration: Calibration = Calibration()
    trained_on: tuple[Mapping[str, float | str], ...] = Field(min_length=1)
    held_out: tuple[ReferencePoint, ...] = ()
    metrics: Metrics = Metrics()
    lineage: Lineage = Lineage()
