import math

import pytest

from campaigns.specification import load
from models.errors import UnusableInput

TARGET = "{descriptor: d50_um, value: 8}"


def target_of(write, text):
    return load(write((TARGET, text))).targets()[0]


def test_a_value_has_five_percent_by_default(write):
    target = target_of(write, TARGET)
    assert (target.kind, target.low, target.high, target.weight) == ("value", 8, 8, 1)
    assert target.tolerance == pytest.approx(0.4)
    assert target.scale == pytest.approx(0.4)


def test_the_other_kinds(write):
    between = target_of(write, "{descriptor: d50_um, range: [6 µm, 9000 nm], tolerance: 0.1, scale: 1 µm}")
    assert (between.kind, between.low, between.high) == ("range", 6, pytest.approx(9))
    assert (between.tolerance, between.scale) == (0.1, 1)
    most = target_of(write, "{descriptor: d50_um, at_most: 8, tolerance: 0, weight: 2}")
    assert (most.kind, most.low, most.high, most.tolerance, most.weight) == ("at_most", -math.inf, 8, 0, 2)
    assert most.scale == pytest.approx(0.4)
    least = target_of(write, "{descriptor: d50_um, at_least: 8, tolerance: 10 %}")
    assert (least.kind, least.high, least.tolerance) == ("at_least", math.inf, pytest.approx(0.8))


def test_a_range_from_zero_takes_its_share_of_the_other_end(write):
    assert target_of(write, "{descriptor: d50_um, range: [0, 4]}").tolerance == pytest.approx(0.2)


def test_a_target_like_images_needs_their_measurement(write, tmp_path):
    (tmp_path / "wanted.png").write_bytes(b"")
    campaign = load(write((TARGET, "{descriptor: d50_um, like: [wanted.png]}")))
    assert campaign.like_images() == {"d50_um": (tmp_path / "wanted.png",)}
    with pytest.raises(UnusableInput, match="could not be measured"):
        campaign.targets()
    with pytest.raises(UnusableInput, match="could not be measured"):
        campaign.targets({"d50_um": math.nan})
    (target,) = campaign.targets({"d50_um": 7.0})
    assert (target.kind, target.low, target.tolerance) == ("value", 7, pytest.approx(0.35))


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ("{descriptor: d50_um}", "targets[0]", "got none of them"),
        ("{descriptor: d50_um, value: 8, at_most: 9}", "targets[0]", "value and at_most"),
        ("{descriptor: d50_um, value: 8 min}", "targets[0].value", "a length in µm, got '8 min'"),
        ("{descriptor: d50_um, value: .nan}", "targets[0].value", "number"),
        ("{descriptor: d50_um, range: [9, 6]}", "targets[0].range", "lower end before"),
        ("{descriptor: d50_um, value: 0}", "targets[0].tolerance", "absolute tolerance"),
        ("{descriptor: d50_um, value: 0 nm, tolerance: 1 %}", "targets[0].tolerance", "absolute tolerance"),
        ("{descriptor: d50_um, value: 8, tolerance: 0}", "targets[0].tolerance", "above 0"),
        ("{descriptor: d50_um, value: 8, tolerance: -1 %}", "targets[0].tolerance", "0 or more"),
        ("{descriptor: d50_um, value: 8, scale: 0}", "targets[0].scale", "above 0"),
        ("{descriptor: d50_um, value: 8, weight: 0}", "targets[0].weight", "above 0"),
        ("{descriptor: d50_um, like: [none.png]}", "targets[0].like", "which does not"),
        ("{descriptor: d50_um, like: []}", "targets[0].like", "a list of image files"),
        ("{descriptor: span, value: 1}", "targets[0].descriptor", "measured in one of imaging.views"),
        ("{descriptor: d50, value: 1}", "targets[0].descriptor", "known descriptors"),
    ],
)
def test_faults_of_a_target(faults, text, path, says):
    assert says in faults((TARGET, text))[path]


def test_an_absolute_tolerance_allows_a_target_of_zero(write):
    target = target_of(write, "{descriptor: d50_um, at_most: 0, tolerance: 0.1}")
    assert (target.high, target.tolerance) == (0, 0.1)
