"""What the simulated microscope shows agrees with the powder and the membrane that it looks at."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from sim import electron_optics
from sim.agglomerates import outline, scatter
from sim.contact_sheet import fields, sheet, write_truth
from sim.lmr import LMRPlant
from sim.membrane import MembranePlant
from sim.plant import pixel_size_um
from sim.primaries import relief
from sim.scanning import Path, along_lines, drift

CONDITIONS: dict[str, float | str] = {
    "pH": 10.5,
    "naoh_factor": 0.16,
    "nh4oh_factor": 0.16,
    "time_min": 360.0,
    "atmosphere": "N2",
}
SCAN = (640, 480)


def test_a_field_repeats_and_another_differs() -> None:
    plant = LMRPlant(1)
    powder = plant.synthesise(CONDITIONS, batch=0)
    first, again, other = (
        plant.render(powder, magnification=3000, field=f, scan=SCAN).pixels for f in (0, 0, 1)
    )
    assert first.shape == (480, 640)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_labelled_particles_have_the_diameter_of_the_powder() -> None:
    plant = LMRPlant(2)
    powder = plant.synthesise(CONDITIONS, batch=0)
    diameters = []
    for field in range(10):
        view = plant.render(powder, magnification=3000, field=field, scan=SCAN)
        assert view.labels is not None
        cut = set(np.unique(np.concatenate([view.labels[[0, -1]].ravel(), view.labels[:, [0, -1]].ravel()])))
        areas = np.bincount(view.labels.ravel())
        diameters += [
            2 * np.sqrt(a / np.pi) * view.pixel_size_um
            for number, a in enumerate(areas)
            if a and number and number not in cut
        ]
    assert np.median(diameters) == pytest.approx(powder.state.diameter_um, rel=0.06)


def test_brightness_separates_particles_from_the_stub() -> None:
    plant = LMRPlant(3)
    view = plant.render(plant.synthesise(CONDITIONS, batch=0), magnification=3000, field=0, scan=SCAN)
    assert view.labels is not None
    assert np.median(view.pixels[view.labels > 0]) > 1.6 * np.median(view.pixels[view.labels == 0])
    assert (view.pixels == 255).mean() < 0.01


@pytest.mark.parametrize("defect", [0.02, 0.06, 0.15])
def test_outlines_have_nearly_the_asked_sphericity(defect: float) -> None:
    rng = np.random.default_rng(0)
    made = [1 - outline(defect, rng)[1] for _ in range(200)]
    assert np.mean(made) == pytest.approx(defect, rel=0.2)


def test_samples_survive_being_written_down() -> None:
    lmr, membrane = LMRPlant(4), MembranePlant(4)
    powder = lmr.synthesise(CONDITIONS, batch=1)
    assert lmr.sample_from_dict(dataclasses.asdict(powder)) == powder
    cast = {"polymer_wt_pct": 17, "nonsolvent_pct": 10, "bath_temperature_C": 30, "evaporation_s": 30}
    sheet = membrane.synthesise(cast, batch=1)
    assert membrane.sample_from_dict(dataclasses.asdict(sheet)) == sheet


def test_a_membrane_shows_its_solid_fraction() -> None:
    plant = MembranePlant(0)
    cast = {"polymer_wt_pct": 15, "nonsolvent_pct": 20, "bath_temperature_C": 30, "evaporation_s": 10}
    sheet = plant.synthesise(cast, batch=0)
    bright = [
        (plant.render(sheet, magnification=5000, field=f, scan=SCAN).pixels > 92).mean() for f in range(4)
    ]
    assert np.mean(bright) == pytest.approx(sheet.polymer_fraction, abs=0.05)


@pytest.mark.slow
def test_both_magnifications_show_the_same_material() -> None:
    plant = LMRPlant(5)
    powder = plant.synthesise(CONDITIONS, batch=0)
    spacing, brightness = [], []
    for magnification in (6000, 15000):
        view = plant.render(powder, magnification=magnification, field=0)
        assert view.labels is not None
        grey = view.pixels.astype(np.float32)
        surface = ndimage.binary_erosion(view.labels > 0, iterations=round(0.5 / view.pixel_size_um))
        brightness.append(grey[surface].mean())
        level = ndimage.gaussian_filter(grey, 0.2 / view.pixel_size_um)
        flat = np.where(surface, grey - level, 0.0)
        spectrum = np.abs(np.fft.rfft2(ndimage.gaussian_filter(flat, 0.02 / view.pixel_size_um))) ** 2
        k = np.hypot(
            np.fft.fftfreq(flat.shape[0], view.pixel_size_um)[:, None],
            np.fft.rfftfreq(flat.shape[1], view.pixel_size_um)[None, :],
        )
        spacing.append((spectrum * (k < 12)).sum() / (spectrum * k * (k < 12)).sum())
        assert view.truth["d50_um"] == powder.state.diameter_um
        assert view.truth["primary_width_um"] == powder.state.primary_width_um
    assert spacing[0] == pytest.approx(spacing[1], rel=0.1)
    assert brightness[0] == pytest.approx(brightness[1], rel=0.2)


def test_primaries_fray_the_silhouette_and_leave_its_size() -> None:
    view = pixel_size_um(15000)
    particles = scatter(
        median_um=4.0,
        log_sd=0.1,
        defect_mean=0.05,
        defect_sd=0.02,
        extent_um=(8.0, 6.0),
        centred=True,
        rng=np.random.default_rng(0),
    )[-1:]
    straight = Path(*(np.zeros((720, 1), np.float32) for _ in range(2)))
    areas, lengths = [], []
    for roughness in (0.0, 5.0):
        _, labels = electron_optics.paint(
            particles,
            shape=(720, 960),
            pixel_um=view,
            relief=relief(15.0, 4.0, 512, 1),
            relief_gain=0.09,
            roughness_px=roughness,
            path=straight,
            rng=np.random.default_rng(1),
        )
        inside = labels > 0
        areas.append(inside.sum())
        lengths.append((inside & ~ndimage.binary_erosion(inside)).sum())
    assert areas[1] == pytest.approx(areas[0], rel=0.01)
    assert lengths[1] > 1.1 * lengths[0]


def test_drift_is_there_and_bounded() -> None:
    for seed in range(30):
        path = drift(960, rng=np.random.default_rng(seed))
        both = np.abs(np.concatenate([path.x, path.y]))
        assert 0.1 < both.max() < 3.0
        # Neighbouring lines differ by jitter alone, less than a pixel.
        assert 0.02 < np.diff(path.x, axis=0).std() < 0.4
        assert np.abs(np.diff(path.y, axis=0)).max() < 0.02


def test_labels_follow_the_drift() -> None:
    shape = (240, 320)
    particles = scatter(
        median_um=4.0,
        log_sd=0.2,
        defect_mean=0.05,
        defect_sd=0.02,
        extent_um=(32.0, 24.0),
        centred=False,
        rng=np.random.default_rng(0),
    )
    still = np.zeros((shape[0], 1), np.float32)
    shear = np.linspace(-9.0, 9.0, shape[0], dtype=np.float32)[:, None]
    painted = [
        electron_optics.paint(
            particles,
            shape=shape,
            pixel_um=0.1,
            relief=relief(2.0, 4.0, 512, 1),
            relief_gain=0.05,
            roughness_px=0.0,
            path=Path(x, still),
            rng=np.random.default_rng(1),
        )
        for x in (still, shear)
    ]
    (_, upright), (canvas, sheared) = painted
    # The sheared frame read straight is the upright one, picture and labels.
    assert (sheared != upright).mean() > 0.03
    straightened = along_lines(sheared.astype(np.float32), -np.round(shear)).astype(int)
    assert (straightened[:, 10:-10] != upright[:, 10:-10]).mean() < 0.02
    assert canvas[sheared > 0].min() > 0.2
    assert np.median(canvas[sheared > 0]) > 2 * np.median(canvas[sheared == 0])


@pytest.mark.slow
def test_the_contact_sheet_brings_masks_that_fit_its_fields(tmp_path: pathlib.Path) -> None:
    shown = list(fields(0, scan=(320, 240)))
    assert sheet(shown).size == (3 * 360, 6 * 270)
    write_truth(tmp_path, shown)
    told = json.loads((tmp_path / "truth.json").read_text())
    assert len(told) == 18
    for name, one in told.items():
        pixels, masks = (tifffile.imread(tmp_path / f"{name}{end}.tif") for end in ("", "_masks"))
        assert masks.shape == pixels.shape
        assert len(np.unique(masks[masks > 0])) == one["visible_particles"]
        assert one["descriptors"]["d50_um"] == one["powder"]["diameter_um"]
        assert np.median(pixels[masks > 0]) > 1.4 * np.median(pixels[masks == 0])
