"""How good a generator is on conditions it was not trained on, and the calibration that makes it better."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from models.generator.calibrating import fit_field, fit_map
from models.generator.calibration import Calibration
from models.generator.describe import describe, is_positive
from models.generator.generator import BATCH, Generator
from models.generator.networks import clean_estimate, predict
from models.generator.record import DescriptorScore, ReferencePoint
from models.generator.sampling import decode, encode
from models.values import Conditions

CHUNK = 8
BOOTSTRAP = 1000
DENOISED_FROM = 250
"""Timestep of the one-step denoising figures: noise and signal have about equal power there."""


def generated_descriptors(
    generator: Generator, conditions: Sequence[Conditions], *, n: int, seed: int, common_noise: bool = False
) -> dict[str, NDArray[np.float64]]:
    """Descriptors (C,) by name, pooled over ``n`` generated images per condition, not calibrated.

    With ``common_noise`` all conditions share theirs: right for comparing versions. Without, its errors
    are independent between conditions: right for calibration and for figures over conditions.
    """
    found: dict[str, list[float]] = {name: [] for name in generator.schema.descriptors}
    for magnification, info in generator.schema.magnifications.items():
        for start in range(0, len(conditions), CHUNK):
            batch = conditions[start : start + CHUNK]
            drawn = generator.sample_many(
                batch,
                magnification=magnification,
                n=n,
                seed=seed if common_noise else seed + start,
                common_noise=common_noise,
            )
            for images in drawn:
                for name, value in describe(images, info.pixel_size_um, info.descriptors).items():
                    found[name].append(value)
    return {name: np.array(values) for name, values in found.items()}


def fit_calibration(
    coordinates: NDArray[np.float64],
    generated: Mapping[str, NDArray[np.float64]],
    measured: Mapping[str, NDArray[np.float64]],
) -> Calibration:
    """Maps and fields from values (C,) of the same training conditions, at ``coordinates`` (C, d)."""
    maps, fields = {}, {}
    for name, values in generated.items():
        scale: Literal["linear", "log"] = "log" if is_positive(name) else "linear"
        found = fit_map(values, measured[name], scale)
        if found is not None:
            maps[name] = found
        mapped = values if found is None else found(values)
        field = fit_field(coordinates, mapped, measured[name], scale)
        if field is not None:
            fields[name] = field
    return Calibration(maps=maps, fields=fields)


def score(
    generator: Generator,
    generated: Mapping[str, NDArray[np.float64]],
    references: Sequence[ReferencePoint],
) -> dict[str, DescriptorScore]:
    """Scores by descriptor over the conditions where both values exist.

    A generated value that the calibration cannot map, such as a span of 0 on its logarithmic scale, is none.
    """
    scores = {}
    for name, values in generated.items():
        measured = np.array([r.descriptors.get(name, np.nan) for r in references])
        calibrated = generator.calibrated(name, values, [r.conditions for r in references])
        mapped = generator.calibration.apply(name, values)
        usable = np.isfinite([measured, calibrated, mapped, values]).all(axis=0)
        if usable.sum() < 3:
            continue
        truth = measured[usable]
        error, plain, raw = (found[usable] - truth for found in (calibrated, mapped, values))
        r2, low, high = r_squared(error, truth)
        scores[name] = DescriptorScore(
            r2=r2,
            r2_low=low,
            r2_high=high,
            mae=float(np.abs(error).mean()),
            relative=float(np.abs(error).mean() / max(np.abs(truth).mean(), 1e-12)),
            r2_monotone=_r2(plain, truth),
            r2_uncalibrated=_r2(raw, truth),
            mae_uncalibrated=float(np.abs(raw).mean()),
            n_conditions=int(usable.sum()),
        )
    return scores


def r_squared(error: NDArray[np.float64], truth: NDArray[np.float64]) -> tuple[float, float, float]:
    """R² of predictions (C,) that are off by ``error``, and its 95 % interval were conditions drawn again.

    Percentile bootstrap, always the same draws.
    """
    rng = np.random.default_rng(len(truth))
    drawn = rng.integers(len(truth), size=(BOOTSTRAP, len(truth)))
    found = [_r2(error[rows], truth[rows]) for rows in drawn if np.ptp(truth[rows]) > 0]
    low, high = np.quantile(found, [0.025, 0.975]) if found else (np.nan, np.nan)
    return _r2(error, truth), float(low), float(high)


def _r2(error: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    return float(1.0 - np.sum(error**2) / max(np.sum((truth - truth.mean()) ** 2), 1e-12))


def image_quality(originals: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[float, float]:
    """Mean PSNR (dB) and SSIM of images (N, H, W) in [0, 1]."""
    psnr = [peak_signal_noise_ratio(a, b, data_range=1.0) for a, b in zip(originals, others, strict=True)]
    ssim = [structural_similarity(a, b, data_range=1.0) for a, b in zip(originals, others, strict=True)]
    return float(np.mean(psnr)), float(np.mean(ssim))


@torch.inference_mode()
def denoised(
    generator: Generator,
    images: NDArray[np.float32],
    conditions: Sequence[Conditions],
    magnification: int,
    seed: int,
) -> NDArray[np.float32]:
    """Images (N, H, W) encoded, noised to timestep 250, denoised in one step as conditioned, decoded."""
    networks = generator.networks
    mean, std = generator.latent_statistics
    alpha = networks.scheduler.alphas_cumprod[DENOISED_FROM]
    controls = torch.from_numpy(generator.encoder.controls(conditions, magnification)).to(mean.device)
    dtype = next(networks.unet.parameters()).dtype
    random = torch.Generator().manual_seed(seed)
    parts = []
    for start in range(0, len(images), BATCH):
        pixels = torch.from_numpy(images[start : start + BATCH]).to(mean.device)
        latents = encode(networks.vae, pixels, mean, std)
        noise = torch.randn(latents.shape, generator=random).to(mean.device)
        noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
        at = torch.full((len(latents),), DENOISED_FROM, device=mean.device)
        predicted = predict(networks, noisy.to(dtype), at, controls[start : start + BATCH].to(dtype)).float()
        clean = clean_estimate(networks, predicted, noisy, float(alpha.sqrt()), float((1 - alpha).sqrt()))
        parts.append(decode(networks.vae, clean, mean, std).cpu().numpy())
    return np.concatenate(parts)
