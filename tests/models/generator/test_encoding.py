import numpy as np
import pytest

from models.errors import UnusableInput
from models.generator.encoding import ConditionEncoder
from models.generator.schema import GeneratorSchema
from tests.models.generator.stand_in import META, conditions, schema

pytestmark = pytest.mark.slow  # it brings in the networks


def test_controls_are_scaled_and_one_hot() -> None:
    control = ConditionEncoder(schema()).control(conditions(2.0, 10.0, "air"), 500)
    # feed, hold, log hold, exp(−hold/90), Ar, air, magnification; the fixed pressure says nothing.
    assert control == pytest.approx([1.0, -1.0, -1.0, 1.0, 0.0, 1.0, 1.0])


def test_time_is_the_declared_parameter_not_a_name() -> None:
    without = ConditionEncoder(GeneratorSchema.model_validate({**META, "time_parameter": None}))
    assert without.size == ConditionEncoder(schema()).size - 2


def test_four_controls_are_padded_because_four_channels_pass_for_latents() -> None:
    gas = next(p for p in META["parameters"] if p["name"] == "gas")
    feed = META["parameters"][0]
    encoder = ConditionEncoder(
        GeneratorSchema.model_validate({**META, "time_parameter": None, "parameters": [gas, feed]})
    )
    assert encoder.size == 5
    assert len(encoder.control({"gas": "Ar", "feed": 1.0}, 500)) == 5


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"hold_min": 30.0, "gas": "Ar"}, "needs feed"),
        (conditions(gas="N2"), "one of Ar, air"),
        (conditions(feed=40.0), "far outside"),
        (conditions(feed=float("nan")), "must be a number"),
        (conditions(hold_min=-5.0), "above 0 min"),
    ],
)
def test_unusable_conditions_are_named(given: dict[str, float | str], told: str) -> None:
    with pytest.raises(UnusableInput, match=told):
        ConditionEncoder(schema()).control(given, 500)


def test_an_unknown_magnification_is_refused() -> None:
    with pytest.raises(UnusableInput, match="trained at 500"):
        ConditionEncoder(schema()).control(conditions(), 3000)


def test_unknown_parameters_are_listed() -> None:
    assert schema().unknown({**conditions(), "stirring": 1.0}) == ("stirring",)


def test_categories_are_one_apart() -> None:
    encoder = ConditionEncoder(schema())
    apart = encoder.coordinates(conditions(gas="Ar")) - encoder.coordinates(conditions(gas="air"))
    assert np.linalg.norm(apart) == pytest.approx(1.0)
