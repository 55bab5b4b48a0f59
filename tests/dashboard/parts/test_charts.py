import pytest

from campaigns.ledger import MeasuredValue, PredictedValue
from campaigns.report.contents import Wanted
from dashboard.parts.charts import convergence_chart, descriptor_chart
from dashboard.reading.campaign import IterationView

pytestmark = pytest.mark.slow


def _iteration(index: int, value: float | None, worst: float | None = None) -> IterationView:
    measured = {} if value is None else {"d": MeasuredValue(value, (value - 1, value + 1), "µm", 0.95, 6)}
    predicted = {"d": PredictedValue(8.0, 0.5, "µm")}
    return IterationView(
        str(index), index, "learned", "", {}, predicted, measured, {}, worst, 6, 0, True, "m"
    )


WANTED = Wanted("d", "µm", "", "8", 8.0, 8.0, 0.4)


def test_predictions_measurements_and_the_accepted_band_are_drawn():
    options = descriptor_chart(WANTED, [_iteration(1, 9.0), _iteration(2, None)])
    predicted, measured = options["series"]
    assert [point[1] for point in predicted["data"]] == [8.0, 8.0]
    assert measured["data"] == [[1.1, 9.0]]
    bars = [(bar[0]["coord"][1], bar[1]["coord"][1]) for bar in predicted["markLine"]["data"]]
    assert bars == [(7.0, 9.0), (8.0, 10.0), (7.0, 9.0)]
    assert predicted["markArea"]["data"] == [[{"yAxis": 7.6}, {"yAxis": 8.4}]]


@pytest.mark.parametrize("value", [8.01, 30.0, 8e-3, 4e4])
def test_the_axis_holds_everything_and_ends_on_its_own_steps(value):
    axis = descriptor_chart(WANTED, [_iteration(1, value)])["yAxis"]
    assert axis["min"] < min(value - 1, 7.0)
    assert axis["max"] > max(value + 1, 9.0)
    steps = (axis["max"] - axis["min"]) / axis["interval"]
    assert steps == pytest.approx(round(steps), abs=1e-3)
    assert 3 <= round(steps) <= 9


def test_convergence_shows_the_best_so_far():
    this, best = convergence_chart(
        [_iteration(1, 9.0, 3.0), _iteration(2, 9.0, 4.0), _iteration(3, 9.0, 0.5)]
    )["series"]
    assert [point[1] for point in this["data"]] == [3.0, 4.0, 0.5]
    assert [point[1] for point in best["data"]] == [3.0, 3.0, 0.5]
