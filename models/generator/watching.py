"""What a diffusion stage shows at every checkpoint, and when it may end early.

``samples-<stage>-<step>.png``: measured tiles above generated ones of the same conditions. ``progress.csv``
and ``progress.png``: loss, and PSNR and SSIM of held-out tiles that were noised to the middle of the schedule
and denoised in one step under their own conditions.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import matplotlib.figure
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.generator.evaluation import denoised, image_quality
from models.generator.generator import Generator
from models.generator.networks import Networks
from models.generator.plan import EarlyStop
from models.generator.record import GeneratorRecord
from models.generator.run import Run
from models.generator.sampling import spaced_timesteps

LOG = "progress.csv"
TILES = 32
SEED = 10_003


@dataclass(frozen=True)
class Watch:
    """Looks at ``networks`` while ``stage`` of ``run`` trains them."""

    run: Run
    networks: Networks
    stage: str

    def __call__(self, step: int, loss: float) -> bool:
        """Show how far training is after ``step`` steps; whether it is good enough to stop."""
        generator = self._generator()
        self._show_samples(generator, step)
        row: dict[str, float | str] = {"stage": self.stage, "step": step, "loss": round(loss, 5)}
        for magnification, tiles in self.run.dataset.tiles.items():
            held_out = np.flatnonzero(~self.run.dataset.training_mask(magnification))
            chosen = held_out[:: max(1, len(held_out) // TILES)][:TILES]
            if not len(chosen):
                continue
            originals = tiles.pixels[chosen].astype(np.float32) / 255.0
            conditions = [self.run.dataset.conditions[int(r)] for r in tiles.rows[chosen]]
            cleaned = denoised(generator, originals, conditions, magnification, SEED)
            psnr, ssim = image_quality(originals, cleaned)
            row |= {f"psnr_{magnification}": round(psnr, 3), f"ssim_{magnification}": round(ssim, 4)}
        rows = [*_rows(self.run.folder / LOG), {name: str(value) for name, value in row.items()}]
        _write_rows(self.run.folder / LOG, rows)
        _plot(self.run.folder / "progress.png", rows)
        mine = [one for one in rows if one["stage"] == self.stage]
        return good_enough(mine, self.run.plan.early_stop)

    def _generator(self) -> Generator:
        mean, std = self.run.statistics()
        rows = self.run.dataset.rows_in("train")[:6]
        record = GeneratorRecord(
            version="in-training",
            created="",
            inputs=self.run.dataset.schema,
            tile_size=self.run.dataset.tile_size,
            latent_mean=mean,
            latent_std=std,
            timesteps=spaced_timesteps(self.run.plan.sampling_steps, self.networks.scheduler.alphas_cumprod),
            trained_on=tuple(self.run.dataset.conditions[r] for r in rows),
        )
        return Generator(self.networks, record)

    def _show_samples(self, generator: Generator, step: int) -> None:
        conditions, lines = generator.record.trained_on, []
        rows = self.run.dataset.rows_in("train")[: len(conditions)]
        for magnification, tiles in self.run.dataset.tiles.items():
            real = [tiles.of_row(r)[0].astype(np.float32) / 255.0 for r in rows]
            made = generator.sample_many(conditions, magnification=magnification, n=2, seed=0)
            lines += [np.concatenate(line, 1) for line in (real, list(made[:, 0]), list(made[:, 1]))]
        write_png(self.run.folder / f"samples-{self.stage}-{step:06d}.png", np.concatenate(lines))


def good_enough(rows: list[dict[str, str]], wanted: EarlyStop) -> bool:
    """Whether PSNR and SSIM at every magnification were above their limits at the last checkpoints."""
    if len(rows) < wanted.patience:
        return False
    for row in rows[-wanted.patience :]:
        psnr = [float(value) for name, value in row.items() if name.startswith("psnr_") and value]
        ssim = [float(value) for name, value in row.items() if name.startswith("ssim_") and value]
        if not psnr or min(psnr) <= wanted.psnr_db or min(ssim) <= wanted.ssim:
            return False
    return True


def write_png(path: Path, pixels: NDArray[np.float32]) -> None:
    """Write an image (H, W) in [0, 1]."""
    Image.fromarray((pixels * 255.0 + 0.5).clip(0, 255).astype(np.uint8)).save(path)


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    temporary = path.with_suffix(".writing")
    with temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    temporary.replace(path)


def _plot(path: Path, rows: list[dict[str, str]]) -> None:
    names = [name for name in dict.fromkeys(n for row in rows for n in row) if name not in ("stage", "step")]
    figure = matplotlib.figure.Figure(figsize=(3.2 * len(names), 2.6), layout="constrained")
    for index, name in enumerate(names):
        axes = figure.add_subplot(1, len(names), index + 1)
        shown = [row for row in rows if row.get(name)]
        for stage in dict.fromkeys(row["stage"] for row in shown):
            mine = [row for row in shown if row["stage"] == stage]
            axes.plot(
                [int(row["step"]) for row in mine], [float(row[name]) for row in mine], ".-", label=stage
            )
        axes.set(title=f"{name} (dB)" if name.startswith("psnr") else name, xlabel="step")
        axes.legend(frameon=False)
    figure.savefig(path, dpi=80)
