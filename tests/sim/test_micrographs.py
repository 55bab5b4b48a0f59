"""What the simulated microscope shows agrees with the powder and the membrane that it looks at."""

import dataclasses

import numpy as np
import pytest

from sim.agglomerates import outline
from sim.lmr import LMRPlant
from sim.membrane import MembranePlant

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
