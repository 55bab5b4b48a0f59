import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from campaigns.report.charts import convergence_chart, descriptor_chart, worst_miss
from campaigns.report.contents import Comparison, Contents, ExperimentView, PictureRow, Wanted
from campaigns.report.page import figure, render, signed
from campaigns.report.pictures import embed

pytestmark = pytest.mark.slow

D50 = Wanted("d50_um", "µm", "median diameter", "8 ± 0.4", 8.0, 8.0, 0.4)
ROUND = Wanted("sphericity_mean", "", "roundness", "≥ 0.9", 0.9, None, 0.045)


def experiment(index: int, d50: float, state: str = "learned") -> ExperimentView:
    comparisons = {
        "d50_um": Comparison(
            8.1, 0.2, d50, d50 - 0.1, d50 + 0.1, d50 - 8, "met" if abs(d50 - 8) < 0.4 else "missed"
        ),
        "sphericity_mean": Comparison(0.91, 0.01, 0.92, 0.91, 0.93, 0.0, "met"),
    }
    return ExperimentView(index, state, (("pH", "10.5"),), comparisons, 8, True, "compact-1", "key-1", 1)


@pytest.fixture
def contents() -> Contents:
    return Contents(
        "lmr", "Precursor <8 µm>", "converged", "All met.", True, (D50, ROUND),
        (experiment(1, 9.4), experiment(2, 8.1)), figures=(("experiments", "2"),),
    )  # fmt: skip


def test_the_page_loads_nothing_from_outside(contents):
    page = render(contents)
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']+""", page)
    assert not re.findall(r"url\((?!#)", page)
    assert "@import" not in page


def test_the_page_says_that_it_is_simulated(contents):
    assert "simulated lab" in render(contents)
    assert "simulated lab" not in render(replace(contents, simulated=False))


def test_text_from_the_campaign_is_escaped(contents):
    assert "Precursor &lt;8 µm&gt;" in render(contents)


def test_intervals_and_verdicts_are_in_the_table(contents):
    page = render(contents)
    assert "9.3 … 9.5" in page
    assert "missed" in page
    assert "+1.4" in page


def test_a_campaign_without_experiments_has_a_page(contents):
    assert "No experiment yet." in render(replace(contents, experiments=()))


def test_charts_are_svg_in_the_pages_own_colours(contents):
    for chart in (descriptor_chart(D50, contents.experiments), convergence_chart(contents)):
        assert ElementTree.fromstring(chart).tag.endswith("svg")
        assert "var(--measured)" in chart
        assert "#0" not in re.sub(r"url\(#[^)]*\)|href=\"#[^\"]*\"", "", chart)
    assert convergence_chart(contents) == convergence_chart(contents)


def test_the_worst_miss_counts_in_tolerances(contents):
    assert worst_miss(contents, contents.experiments[0]) == pytest.approx(3.5)
    unmeasured = replace(contents.experiments[0], comparisons={"d50_um": Comparison(8.0, 0.1)})
    assert worst_miss(contents, unmeasured) is None


def test_an_open_side_is_no_miss():
    assert ROUND.misses_by(0.99) == 0
    assert ROUND.misses_by(0.81) == pytest.approx(2)


def test_tiles_stay_lossless_and_photographs_become_small(tmp_path, contents):
    Image.fromarray(np.zeros((128, 128), np.uint8)).save(tmp_path / "tile.png")
    Image.fromarray(np.zeros((960, 1280), np.uint8)).save(tmp_path / "field.tif")
    tile, field = (
        embed(tmp_path / "tile.png", "tile", "predicted"),
        embed(tmp_path / "field.tif", "f", "measured"),
    )
    assert tile.uri.startswith("data:image/png;base64,")
    assert field.uri.startswith("data:image/jpeg;base64,")
    shown = replace(contents.experiments[0], pictures=(PictureRow("3000×", (tile,), (field,)),))
    page = render(replace(contents, experiments=(shown,)))
    assert tile.uri in page
    assert field.uri in page


def test_a_missing_picture_says_so(tmp_path, contents):
    missing = embed(tmp_path / "gone.png", "field 1", "measured")
    assert missing.uri == ""
    shown = replace(contents.experiments[0], pictures=(PictureRow("3000×", (), (missing,)),))
    assert "gone.png cannot be read" in render(replace(contents, experiments=(shown,)))


@pytest.mark.parametrize(
    ("value", "text"), [(8.0, "8"), (0.12345, "0.123"), (1234.5, "1234"), (1e-7, "1e-07")]
)
def test_figures_read_as_a_person_writes_them(value, text):
    assert figure(value) == text


def test_differences_have_their_sign():
    assert [signed(v) for v in (0.5, -0.5, 0.0)] == ["+0.5", "-0.5", "0"]
