import numpy as np
import pytest

from sim import styles_bodies as bodies
from sim.styles import OTHERS, render, write
from sim.styles_deposit import LEAST_VISIBLE, Deposit
from sim.styles_heaps import KINDS, sky
from sim.styles_library import HELD_OUT, SHARES, STYLES
from sim.styles_scene import Look, Placed, noise_tile, paint, walled

pytestmark = pytest.mark.slow

SMALL = (120, 160)


@pytest.mark.parametrize("kind", ["lump", "sphere", "cluster", "crystal", "disc", "rod", "stone"])
def test_bodies_have_unit_size_and_a_surface_over_all_of_it(kind):
    body = getattr(bodies, kind)(np.random.default_rng(3))
    x, y = body.outline * np.cos(bodies.THETA), body.outline * np.sin(bodies.THETA)
    area = 0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))
    assert area == pytest.approx(np.pi, rel=1e-3)
    assert 0.2 < body.sphericity <= 1.0
    inner = np.asarray(0.5 * x, np.float32), np.asarray(0.5 * y, np.float32)
    height = body.height(*inner, np.full(x.shape, 0.5, np.float32))
    assert np.isfinite(height).all()
    assert (height > 0).mean() > 0.9


def test_a_round_body_has_the_sphericity_of_a_disc():
    round_one = bodies.Body(np.ones(bodies.ANGLES, np.float32), lambda u, v, rho: rho)
    assert round_one.sphericity == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("style", [*STYLES, *OTHERS])
def test_every_style_renders_labels_with_their_true_sizes(style):
    field = render(style, 5, SMALL)
    assert field.image.shape == field.labels.shape == SMALL
    assert field.image.dtype == np.uint8
    present = np.unique(field.labels[field.labels > 0])
    assert (present == np.arange(1, len(present) + 1)).all()
    assert len(field.diameter) == len(field.sphericity) == len(present)


def test_the_area_of_a_free_particle_is_that_of_its_outline():
    field = render("discs", 4, (240, 320))
    area = np.bincount(field.labels.ravel())[1:]
    share = 2 * np.sqrt(area / np.pi) / field.diameter
    # Overlapped and cut ones are smaller; the largest share belongs to those seen whole.
    assert np.quantile(share, 0.9) == pytest.approx(1.0, abs=0.03)


def test_the_same_seed_gives_the_same_picture_and_another_seed_another():
    first, again, other = (render("spheres", seed, SMALL).image for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_the_held_out_style_is_never_written_unasked(tmp_path):
    assert HELD_OUT in STYLES
    assert HELD_OUT not in SHARES
    write(tmp_path, number=4, seed=1, styles=("spheres", "rods"), shape=SMALL, workers=1)
    names = sorted(file.name.split("-")[0] for file in tmp_path.glob("*.npz"))
    assert names == ["rods", "spheres", "spheres", "spheres"]


def test_textures_are_normalised_and_periodic():
    tile = noise_tile(np.random.default_rng(0), 6.0, "felt")
    assert tile.mean() == pytest.approx(0.0, abs=1e-5)
    assert tile.std() == pytest.approx(1.0, rel=1e-4)
    seam = np.abs(tile[0] - tile[-1]).mean()
    assert seam < 2 * np.abs(np.diff(tile, axis=0)).mean()


def test_of_bodies_grown_together_the_higher_surface_is_seen():
    ball = bodies.Body(
        np.ones(bodies.ANGLES, np.float32),
        lambda u, v, rho: np.sqrt(np.maximum(1 - rho**2, 0)).astype(np.float32),
    )
    look = Look(0.5, 0.0, 0.0, 0.0, 1.0, (0.0, 0.0), 0.0, 0.0, 0.0, 1.0, 0.0, grown=True)
    ground, flat = np.zeros((80, 120), np.float32), [np.zeros((512, 512), np.float32)]
    # The third is put down over the first, and much smaller: inside of it, it does not show.
    pair = [Placed(ball, 40, 40, 25), Placed(ball, 80, 40, 25), Placed(ball, 40, 40, 8)]
    _, labels, shown = paint(pair, ground, look, flat, np.random.default_rng(0))
    assert len(shown) == 2
    assert labels[40, 50] == 1
    assert labels[40, 70] == 2


def test_ground_between_two_walls_sees_less_of_the_sky():
    summit = np.zeros((40, 60), np.float32)
    summit[:, 20:25] = summit[:, 35:40] = 20.0
    hidden = walled(summit, 10.0)
    assert hidden[20, 30] > hidden[20, 44] > hidden[20, 22] == 0.0
    assert hidden.max() < 1.0


def test_a_body_rests_on_what_lies_below_and_hides_no_more_of_it_than_allowed():
    deposit = Deposit(np.zeros((60, 60)))
    box = deposit.around(30.0, 30.0, 10.0)
    low, high = np.zeros(deposit.surface[box].shape), np.full(deposit.surface[box].shape, 8.0)
    deposit.lay(box, low, high)
    assert deposit.surface.max() == 8.0
    whole = int((deposit.labels == 1).sum())
    deposit.lay(box, low, high)  # all of the first would be hidden: it stays away
    assert deposit.labels.max() == 1
    beside = deposit.around(43.0, 30.0, 10.0)
    deposit.lay(beside, low, high, sunk=3.0)
    assert deposit.surface.max() == 8.0 + 8.0 - 3.0
    assert LEAST_VISIBLE * whole <= (deposit.labels == 1).sum() < whole


@pytest.mark.parametrize("kind", KINDS)
def test_bodies_of_a_heap_are_closed_and_about_as_large_as_asked(kind):
    dy, dx = np.mgrid[-50:51, -50:51].astype(float)
    for seed in range(5):
        low, high = kind(20.0, dx, dy, np.random.default_rng(seed))
        solid = high > low
        assert np.isfinite(low[solid]).all()
        assert np.isfinite(high[solid]).all()
        assert 0.4 < 2 * np.sqrt(solid.sum() / np.pi) / 40.0 < 1.6
        assert not solid[0].any()
        assert not solid[:, 0].any()


def test_all_of_the_sky_is_seen_from_a_plain_and_little_from_a_pit():
    surface = np.zeros((90, 90))
    assert (sky(surface) == 1.0).all()
    surface[:] = 40.0
    surface[42:48, 42:48] = 0.0
    assert sky(surface)[45, 45] < 0.2
    assert sky(surface)[10, 10] == 1.0
