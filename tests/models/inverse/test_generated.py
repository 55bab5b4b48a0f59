"""The predictor on a generator that draws discs: real measures, real pooling, no weights."""

import math

import numpy as np
import pytest

from models.errors import UnusableInput
from models.generator.calibration import Calibration, MonotoneMap
from models.generator.record import DescriptorScore, GeneratorRecord, Metrics
from models.generator.schema import GeneratorSchema, MagnificationInfo, ParameterRange
from models.inverse import GeneratorPredictor, ObjectiveWeights, optimise
from models.values import Parameter, Space, Target

PIXEL = 0.25


def record(**changes):
    schema = GeneratorSchema(
        material="discs",
        simulated=True,
        parameters=(ParameterRange(name="diameter_um", unit="µm", low=4, high=10),),
        magnifications={
            3000: MagnificationInfo(pixel_size_um=PIXEL, descriptors=("d50_um", "sphericity_mean")),
            15000: MagnificationInfo(pixel_size_um=0.026458, descriptors=("texture_mean",)),
        },
    )
    return GeneratorRecord(
        version="discs-1",
        created="2026-01-01T00:00:00+00:00",
        inputs=schema,
        tile_size=128,
        latent_mean=(0.0,),
        latent_std=(1.0,),
        timesteps=(999,),
        trained_on=({"diameter_um": 4.0},),
        **changes,
    )


class Discs:
    """Grey discs of the asked diameter on a dark ground (3000×), smoothed noise (15000×)."""

    def __init__(self, **changes):
        self.record = record(**changes)
        self.calls = []

    def pixel_size_um(self, magnification):
        return self.record.inputs.magnification(magnification).pixel_size_um

    def manifold_distance(self, conditions):
        return max(0.0, (conditions["diameter_um"] - 7) / 3)

    def calibrated(self, descriptor, values, conditions):
        return self.record.calibration.apply(descriptor, values)

    def sample_many(self, conditions, *, magnification, n, seed):
        self.calls.append((magnification, len(conditions), n, seed))
        return np.stack([self._images(c["diameter_um"], magnification, n, seed) for c in conditions])

    def _images(self, diameter, magnification, n, seed):
        random = np.random.default_rng(seed)
        images = 0.15 + 0.02 * random.normal(size=(n, 128, 128))
        if magnification == 15000:
            return np.clip(0.5 + 0.2 * random.normal(size=(n, 128, 128)), 0, 1).astype(np.float32)
        row, column = np.mgrid[:128, :128]
        for image in images:
            for centre in ((32, 32), (32, 96), (96, 32), (96, 96)):
                jitter = random.normal(size=3)
                radius = diameter * (1 + 0.02 * jitter[2]) / 2 / PIXEL
                inside = (row - centre[0] - jitter[0]) ** 2 + (
                    column - centre[1] - jitter[1]
                ) ** 2 < radius**2
                image[inside] = 0.7
        return np.clip(images, 0, 1).astype(np.float32)


def test_it_measures_what_the_generator_draws():
    (found,) = GeneratorPredictor(Discs(), ["d50_um", "sphericity_mean"]).predict([{"diameter_um": 7.0}])
    assert found["d50_um"].mean == pytest.approx(7.0, rel=0.06)
    assert found["sphericity_mean"].mean > 0.9
    assert 0 < found["d50_um"].sd < 0.3


def test_nothing_is_generated_twice():
    generator = Discs()
    predictor = GeneratorPredictor(generator, images={3000: 2}, seed=11)
    many = [{"diameter_um": d} for d in (5.0, 6.0, 7.0)]
    first = predictor.predict(many)
    again = predictor.predict([*many[:2], {"diameter_um": 8.0}])
    generated = {3000: 0, 15000: 0}
    for magnification, conditions, n, seed in generator.calls:
        assert (n, seed) == ({3000: 2, 15000: 1}[magnification], 11)
        generated[magnification] += conditions
    assert generated == {3000: 4, 15000: 4}
    assert again[:2] == first[:2]
    assert predictor.images_generated == 4 * (2 + 1)
    assert set(first[0]) == {"d50_um", "sphericity_mean", "texture_mean"}
    assert first[0]["texture_mean"].sd > 0


def test_the_order_and_company_of_conditions_change_nothing():
    many = [{"diameter_um": d} for d in (5.0, 6.0, 7.0, 8.0, 9.0)]
    together = GeneratorPredictor(Discs(), ["d50_um"]).predict(many)
    assert together == [GeneratorPredictor(Discs(), ["d50_um"]).predict([one])[0] for one in many]
    sizes = [one["d50_um"].mean for one in together]
    assert sizes == sorted(sizes)


def test_only_what_is_wanted_is_generated():
    generator = Discs()
    GeneratorPredictor(generator, ["texture_mean"]).predict([{"diameter_um": 6.0}])
    assert generator.calls == [(15000, 1, 1, 0)]


def test_the_stored_calibration_is_applied_to_value_and_spread():
    doubling = Calibration(maps={"d50_um": MonotoneMap(x=(0.0, 1.0), y=(0.0, 2.0))})
    plain = GeneratorPredictor(Discs(), ["d50_um"]).predict([{"diameter_um": 6.0}])[0]["d50_um"]
    double = GeneratorPredictor(Discs(calibration=doubling), ["d50_um"]).predict([{"diameter_um": 6.0}])[0][
        "d50_um"
    ]
    assert double.mean == pytest.approx(2 * plain.mean)
    assert double.sd == pytest.approx(2 * plain.sd)


def test_the_error_on_held_out_conditions_is_part_of_the_spread():
    score = DescriptorScore(
        r2=0.9, mae=0.6, relative=0.1, r2_uncalibrated=0, mae_uncalibrated=1, n_conditions=9
    )
    metrics = Metrics(descriptors={"held_out": {"d50_um": score}})
    predictor = GeneratorPredictor(Discs(metrics=metrics), ["d50_um"])
    estimate = predictor.predict([{"diameter_um": 6.0}])[0]["d50_um"]
    own = 0.1 * math.sqrt(math.pi / 2) * estimate.mean
    assert own < estimate.sd < 1.2 * own


def test_no_particles_is_not_a_number():
    class Blank(Discs):
        def _images(self, diameter, magnification, n, seed):
            return np.full((n, 128, 128), 0.2, dtype=np.float32)

    estimate = GeneratorPredictor(Blank(), ["d50_um"]).predict([{"diameter_um": 6.0}])[0]["d50_um"]
    assert math.isnan(estimate.mean)
    assert math.isnan(estimate.sd)


def test_the_swarm_finds_the_disc_that_was_asked_for():
    space = Space((Parameter("diameter_um", "µm", 4, 10, 0.1),))
    target = Target("d50_um", "value", 6.5, 6.5, 1.0, 0.3, 0.3)
    predictor = GeneratorPredictor(Discs(), ["d50_um"], images={3000: 1})
    result = optimise(
        predictor, space, [target], particles=5, iterations=4, weights=ObjectiveWeights(uncertainty=0.0)
    )
    assert result.best.conditions["diameter_um"] == pytest.approx(6.5, abs=0.3)
    assert result.model == "discs-1"
    assert result.images_generated == result.distinct_evaluations


@pytest.mark.parametrize(
    ("descriptors", "images", "fault"),
    [
        (["phase_fraction"], None, "phase_fraction"),
        (["porosity"], None, "porosity"),
        (["d50_um"], {3000: 0}, "at least 1 image"),
    ],
)
def test_what_cannot_be_predicted_is_refused(descriptors, images, fault):
    with pytest.raises(UnusableInput, match=fault):
        GeneratorPredictor(Discs(), descriptors, images=images)
