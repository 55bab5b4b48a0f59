"""From a training run to a version: calibration, figures on held-out conditions, replay, weights."""

import datetime
import hashlib
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from models import morphology
from models.generator.base import load_base
from models.generator.calibration import Calibration
from models.generator.dataset import TRAIN
from models.generator.describe import tile_descriptors
from models.generator.evaluation import (
    denoised,
    fit_calibration,
    generated_descriptors,
    image_quality,
    score,
)
from models.generator.generator import Generator, load_folder
from models.generator.latents import training_pools
from models.generator.record import GeneratorRecord, Lineage, Metrics, ReferencePoint
from models.generator.replay import choose_replay
from models.generator.run import Run
from models.generator.sampling import spaced_timesteps
from models.generator.stages import reconstruct, texture_through
from models.generator.storage import save_version
from models.generator.writing import write_whole

QUALITY_TILES = 128
CALIBRATION_SEED, EVALUATION_SEED = 10_001, 10_002


def measured_descriptors(run: Run, rows: Sequence[int]) -> dict[int, dict[str, float]]:
    """Descriptors of the tiles of these conditions; kept in the run folder, since measuring takes minutes."""
    path = run.folder / f"measured-{run.dataset.fingerprint[:12]}-{_measures_hash()}.json"
    known: dict[int, dict[str, float]] = {}
    if path.exists():
        known = {int(row): values for row, values in json.loads(path.read_text(encoding="utf-8")).items()}
    missing = [row for row in rows if row not in known]
    for row in tqdm(missing, desc="measuring tiles", mininterval=2.0, disable=not missing):
        known[row] = tile_descriptors(run.dataset, row)
    if missing:
        write_whole(path, json.dumps(known))
    return known


def assemble(run: Run, *, created: str | None = None) -> Generator:
    """The generator of a run's latest weights, without calibration and figures."""
    networks, steps = run.trained()
    dataset, plan = run.dataset, run.plan
    mean, std = run.statistics()
    training = dataset.rows_in(TRAIN)
    place = {row: index for index, row in enumerate(training)}
    pools = training_pools(dataset, run.latents(), run.encoder, mean, std)
    rows = {
        m: np.array([place[int(r)] for r in tiles.rows[dataset.training_mask(m)]], dtype=np.int32)
        for m, tiles in dataset.tiles.items()
    }
    record = GeneratorRecord(
        version=plan.name,
        created=created or datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        inputs=dataset.schema,
        tile_size=dataset.tile_size,
        latent_mean=mean,
        latent_std=std,
        timesteps=spaced_timesteps(plan.sampling_steps, networks.scheduler.alphas_cumprod),
        guidance=1.0 if "guided" in steps else plan.guidance,
        guidance_learnt=plan.guidance if "guided" in steps else 1.0,
        trained_on=tuple(dataset.conditions[r] for r in training),
        lineage=Lineage(
            parent=run.started.version if run.started else None,
            data_fingerprint=dataset.fingerprint,
            seed=plan.seed,
            steps=steps,
            note=plan.note,
            base=run.started.lineage.base if run.started else plan.base,
            licence=_licence(run),
            tiles={m: int(dataset.training_mask(m).sum()) for m in dataset.tiles},
        ),
    )
    replay = choose_replay(pools, rows, plan.replay_tiles, plan.seed).to_bytes()
    return _as_stored(Generator(networks, record, replay))


def calibrate(run: Run, generator: Generator) -> Generator:
    """The same generator with a calibration fitted on training conditions only."""
    rows = _some_of(run.dataset.rows_in(TRAIN), run.plan.calibration_conditions)
    measured = measured_descriptors(run, rows)
    conditions = [run.dataset.conditions[r] for r in rows]
    generated = generated_descriptors(
        generator, conditions, n=run.plan.calibration_images, seed=CALIBRATION_SEED, common_noise=False
    )
    wanted = {name: np.array([measured[r][name] for r in rows]) for name in generated}
    return _updated(
        generator,
        calibration=fit_calibration(generator.encoder.coordinates_many(conditions), generated, wanted),
    )


def evaluate(run: Run, generator: Generator) -> Generator:
    """The same generator with its figures on held-out conditions, and those that a gate will compare on."""
    plan, dataset = run.plan, run.dataset
    by_split, held_out, seconds, images = {}, [], 0.0, 0
    for split in dataset.held_out_splits:
        rows = _some_of(dataset.rows_in(split), plan.evaluation_conditions)
        measured = measured_descriptors(run, rows)
        points = [
            ReferencePoint(conditions=dataset.conditions[r], descriptors=_finite(measured[r]), split=split)
            for r in rows
        ]
        started = time.perf_counter()
        generated = generated_descriptors(
            generator,
            [p.conditions for p in points],
            n=plan.evaluation_images,
            seed=EVALUATION_SEED,
            common_noise=False,
        )
        seconds += time.perf_counter() - started
        images += len(points) * plan.evaluation_images * len(dataset.tiles)
        by_split[split] = score(generator, generated, points)
        held_out.append(points)
    metrics = _quality(run, generator).model_copy(
        update={
            "descriptors": by_split,
            "images_per_condition": plan.evaluation_images,
            "seconds_per_image": seconds / max(images, 1),
        }
    )
    share = max(1, plan.gate_conditions // max(1, len(held_out)))
    kept = tuple(points[i] for points in held_out for i in _some_of(range(len(points)), share))
    return _updated(generator, metrics=metrics, held_out=kept)


def save(generator: Generator, folder: Path) -> None:
    """Write a generator as a version; see :func:`models.generator.storage.save_version`."""
    save_version(folder, generator.networks, generator.record, generator.replay)


def _quality(run: Run, generator: Generator) -> Metrics:
    psnr, ssim, dn_psnr, dn_ssim = {}, {}, {}, {}
    for magnification, tiles in run.dataset.tiles.items():
        held_out = np.flatnonzero(~run.dataset.training_mask(magnification))
        chosen = _some_of(held_out.tolist(), QUALITY_TILES)
        if not chosen:
            continue
        originals = tiles.pixels[chosen].astype(np.float32) / 255.0
        psnr[magnification], ssim[magnification] = image_quality(
            originals, reconstruct(generator.networks, originals)
        )
        conditions = [run.dataset.conditions[int(r)] for r in tiles.rows[chosen]]
        cleaned = denoised(generator, originals, conditions, magnification, EVALUATION_SEED)
        dn_psnr[magnification], dn_ssim[magnification] = image_quality(originals, cleaned)
    texture = texture_through(run, generator.networks)
    return Metrics(
        reconstruction_psnr=psnr,
        reconstruction_ssim=ssim,
        reconstruction_slope={name: slope for name, (slope, _) in texture.items()},
        reconstruction_correlation={name: correlation for name, (_, correlation) in texture.items()},
        denoising_psnr=dn_psnr,
        denoising_ssim=dn_ssim,
    )


def _licence(run: Run) -> str:
    if run.started is not None:
        return run.started.lineage.licence
    return load_base(run.plan.base).licence if run.plan.base else ""


def _as_stored(generator: Generator) -> Generator:
    # Calibrated and judged as users will load it: in fp16 and the processor's own precision.
    with tempfile.TemporaryDirectory(prefix="morpholoop-export-") as folder:
        save(generator, Path(folder) / "version")
        return load_folder(Path(folder) / "version", check=False)


def _updated(
    generator: Generator,
    *,
    calibration: Calibration | None = None,
    metrics: Metrics | None = None,
    held_out: tuple[ReferencePoint, ...] | None = None,
) -> Generator:
    given = {"calibration": calibration, "metrics": metrics, "held_out": held_out}
    update = {name: value for name, value in given.items() if value is not None}
    return Generator(generator.networks, generator.record.model_copy(update=update), generator.replay)


def _some_of(rows: Sequence[int], most: int) -> list[int]:
    """At most ``most`` of ``rows``, at random but always the same ones.

    Every k-th row would not do: rows of a Sobol design at even distances share coordinates.
    """
    if len(rows) <= most:
        return list(rows)
    chosen = np.random.default_rng(len(rows)).choice(len(rows), most, replace=False)
    return [rows[i] for i in sorted(chosen)]


def _measures_hash() -> str:
    """Tells apart the code and constants by which descriptors were measured."""
    digest = hashlib.sha256()
    for path in sorted(Path(morphology.__file__).parent.rglob("*")):
        if path.suffix in {".py", ".json", ".safetensors"}:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if np.isfinite(value)}
