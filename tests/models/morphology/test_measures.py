from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from models.errors import UnusableInput
from models.morphology import (
    Descriptor,
    FieldMeasurement,
    all_measures,
    known_descriptors,
    measure_for,
    quantify,
)


@dataclass
class Brightness:
    kind: str = "brightness"
    descriptors: dict = field(default_factory=lambda: {"mean_grey": Descriptor("mean_grey", "", "grey")})

    def measure(self, pixels, pixel_size_um):
        return FieldMeasurement(self.kind, {"grey": np.array([float(pixels.mean())])})

    def pool(self, fields):
        return {"mean_grey": float(np.mean([f.samples["grey"] for f in fields]))}


@pytest.fixture
def plug_in(monkeypatch) -> Iterator[list]:
    entries: list = []
    monkeypatch.setattr("models.morphology.measures.entry_points", lambda group: entries)
    all_measures.cache_clear()
    yield entries
    all_measures.cache_clear()


def entry(loaded):
    return SimpleNamespace(name="mine", value="mine:Measure", load=lambda: loaded)


def test_the_built_in_measures_know_their_descriptors():
    assert {"particles", "texture", "phase"} <= set(all_measures())
    assert measure_for("d50_um").kind == "particles"
    assert measure_for("texture_sd").kind == "texture"
    assert known_descriptors()["d50_um"].unit == "µm"


def test_an_unknown_descriptor_names_the_known_ones():
    with pytest.raises(UnusableInput, match=r"pore_size.*d50_um"):
        measure_for("pore_size")


def test_a_plug_in_measures_like_a_built_in(plug_in):
    plug_in.append(entry(Brightness))
    assert measure_for("mean_grey").kind == "brightness"
    result = quantify(np.full((40, 40), 0.25), 1.0, kind="brightness")
    assert result.descriptors == {"mean_grey": pytest.approx(0.25)}


def test_a_plug_in_may_not_take_a_descriptor(plug_in):
    taken = Brightness(descriptors={"d50_um": Descriptor("d50_um", "µm", "mine")})
    plug_in.append(entry(taken))
    with pytest.raises(UnusableInput, match="exist already"):
        all_measures()


def test_a_plug_in_that_is_no_measure_is_named(plug_in):
    plug_in.append(entry(object()))
    with pytest.raises(UnusableInput, match=r"'mine'.*object"):
        all_measures()
