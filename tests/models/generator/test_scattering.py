import numpy as np
import pytest
import torch
from scipy import ndimage

from models.generator.scattering import Scattering

pytestmark = pytest.mark.slow  # it brings in the networks

SIDE = 64


def needles(seed: int, bend: float = 0.0) -> np.ndarray:
    """Pieces 16 px long, whose direction turns by ``bend`` rad/px."""
    rng = np.random.default_rng(seed)
    field = np.zeros((SIDE, SIDE))
    for _ in range(40):
        place, angle = rng.uniform(0, SIDE, 2), rng.uniform(0, 2 * np.pi)
        for _ in range(33):
            field[int(place[0]) % SIDE, int(place[1]) % SIDE] = 1.0
            place += 0.5 * np.array([np.sin(angle), np.cos(angle)])
            angle += 0.5 * bend
    return ndimage.gaussian_filter(field, 0.8, mode="wrap")


def scrambled(image: np.ndarray, seed: int) -> np.ndarray:
    """An image of the same spectrum with the phases of noise."""
    noise = np.fft.fft2(np.random.default_rng(seed).normal(size=image.shape))
    return np.real(np.fft.ifft2(np.abs(np.fft.fft2(image)) * noise / np.abs(noise)))


def statistics(images: list[np.ndarray]) -> torch.Tensor:
    stack = np.stack(images)
    stack = (stack - stack.min()) / np.ptp(stack)
    return Scattering(SIDE)(torch.from_numpy(stack.astype(np.float32)))


def test_images_of_one_spectrum_are_told_apart() -> None:
    sharp = [needles(seed) for seed in range(12)]
    both = statistics([*sharp, *(scrambled(image, k) for k, image in enumerate(sharp))])
    first, second = both[:12], both[12:]
    distance = (first.mean(0) - second.mean(0)).abs() / (first.std(0) + second.std(0) + 1e-6)
    bands = 18
    assert distance[:bands].max() < 0.5 * distance[bands:].max()
    assert distance.max() > 3.0


def test_straight_pieces_are_told_from_bent_ones() -> None:
    straight = statistics([needles(seed) for seed in range(12)])
    bent = statistics([needles(seed, bend=0.2) for seed in range(12)])
    distance = (straight.mean(0) - bent.mean(0)).abs() / (straight.std(0) + bent.std(0) + 1e-6)
    assert distance[54:87].max() > 4.0


def test_brightness_is_no_matter_and_a_blank_is_finite() -> None:
    image = torch.from_numpy(needles(0).astype(np.float32))[None]
    found = Scattering(SIDE)
    assert torch.allclose(found(image), found(image + 0.25), atol=1e-3)
    blank = torch.full((1, SIDE, SIDE), 0.5, requires_grad=True)
    made = found(blank)
    made.sum().backward()
    assert torch.isfinite(made).all()
    assert blank.grad is not None
    assert torch.isfinite(blank.grad).all()


def test_a_turn_by_a_step_of_orientation_turns_the_second_order_with_it() -> None:
    image = torch.from_numpy(needles(1).astype(np.float32))[None]
    scattering = Scattering(SIDE)
    found, turned = (scattering(view)[0, -3 - 54 : -3] for view in (image, torch.rot90(image, 1, (1, 2))))
    assert torch.allclose(found, turned, atol=0.05)
