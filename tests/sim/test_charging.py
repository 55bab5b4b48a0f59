"""Charge leaves streaks beside what is bright, and little of them in ordinary fields."""

import numpy as np
import pytest

from sim.charging import charge


def scene() -> np.ndarray:
    image = np.full((200, 320), 0.2, np.float32)
    image[80:120, 40:120] = 0.5
    return image


def charged(**strength: float) -> np.ndarray:
    return charge(
        scene(), **{"tails": 0.0, "lines": 0.0, "creep": 0.0, **strength}, rng=np.random.default_rng(3)
    )


def test_lines_are_darker_behind_a_bright_particle_and_nowhere_else() -> None:
    change = charged(tails=0.08) - scene()
    beside, before = change[80:120, 120:136], change[80:120, :40]
    assert beside.mean() < -0.003
    assert np.abs(change).max() < 0.08
    assert np.abs(before).max() == 0.0
    assert np.abs(change[:80]).max() == 0.0
    # It wears off along the line.
    assert np.abs(change[80:120, 136:152]).mean() < np.abs(beside).mean()


def test_brightness_creeps_from_the_first_line_to_the_last() -> None:
    lines = (charged(creep=0.01) - scene()).mean(axis=1)
    assert np.abs(lines).max() > 0.001
    assert np.allclose(np.diff(lines), np.diff(lines)[0], atol=1e-6)


def test_offsets_of_lines_wander() -> None:
    lines = (charged(lines=0.01) - scene()).mean(axis=1)
    assert 0.003 < lines.std() < 0.03
    assert np.corrcoef(lines[:-1], lines[1:])[0, 1] > 0.8


def test_no_charge_leaves_the_image() -> None:
    assert charged() == pytest.approx(scene())
