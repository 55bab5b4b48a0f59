"""Statistics that tell textures and outlines apart: wavelet scattering of two orders, and moments.

The first order is how much there is at each wavelength and orientation; the second, how the places where it
is are themselves arranged, along it and across (Bruna & Mallat, "Invariant scattering convolution networks",
IEEE TPAMI 35, 1872 (2013)). Needles and a net may have the same spectrum: of straight pieces the second order
is larger along than across. Skewness, kurtosis and correlations between bands are those of Portilla &
Simoncelli, Int. J. Comput. Vision 40, 49 (2000). Everything has gradients.
"""

import itertools
import math

import torch
from torch import Tensor, nn

WAVELENGTHS_PX = (3.0, 6.0, 12.0)
ORIENTATIONS = 6
LONG_WAVELENGTHS_PX = (4.0, 8.0, 16.0)
LONG_ORIENTATIONS = 12
SMALLEST = 1e-7


def band_pass(side: int, wavelengths_px: tuple[float, ...], orientations: int, across: float = 0.3) -> Tensor:
    """Transfer functions (J, L, side, side) of Gaussian bands, each of one wavelength and orientation.

    ``across``: bandwidth across the orientation, in units of the frequency; a narrow one wants long pieces.
    """
    fy, fx = torch.fft.fftfreq(side)[:, None], torch.fft.fftfreq(side)[None]
    made = []
    for wavelength, k in itertools.product(wavelengths_px, range(orientations)):
        angle, centre = math.pi * k / orientations, 1.0 / wavelength
        along = fx * math.cos(angle) + fy * math.sin(angle)
        aside = fy * math.cos(angle) - fx * math.sin(angle)
        band = torch.exp(
            -0.5 * ((along - centre) / (0.4 * centre)) ** 2 - 0.5 * (aside / (across * centre)) ** 2
        )
        band[0, 0] = 0.0  # no mean
        made.append(band)
    return torch.stack(made).view(len(wavelengths_px), orientations, side, side)


class Scattering(nn.Module):
    """Statistics (B, K) of images (B, side, side) in [0, 1]; energies as logarithms."""

    first: Tensor
    second: Tensor
    long: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        self.register_buffer("first", band_pass(side, WAVELENGTHS_PX, ORIENTATIONS))
        coarser = tuple(2.0 * wavelength for wavelength in WAVELENGTHS_PX)
        self.register_buffer("second", band_pass(side, coarser, ORIENTATIONS).square())
        self.register_buffer("long", band_pass(side, LONG_WAVELENGTHS_PX, LONG_ORIENTATIONS, across=0.12))

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        centred = images.float() - images.float().mean((1, 2), keepdim=True)
        spectrum = torch.fft.fft2(centred)[:, None, None]
        response = torch.fft.ifft2(spectrum * self.first)
        real, magnitude = response.real, (response.real**2 + response.imag**2 + 1e-8).sqrt()
        mean = magnitude.mean((-1, -2))
        skewness = _moment(real, 3) / (_moment(real, 2) ** 1.5 + SMALLEST)
        kurtosis = _moment(magnitude, 4) / (_moment(magnitude, 2) ** 2 + SMALLEST**2)
        relief = magnitude - mean[..., None, None]
        relief = relief / (_moment(relief, 2)[..., None, None].sqrt() + 1e-6)
        found = [
            mean.log(),
            kurtosis.log(),
            skewness,
            _of_long_pieces(torch.fft.ifft2(spectrum * self.long)),
            *_between_orientations(relief),
            _between_scales(relief),
            self._second_order(relief),
            _of_grey_values(centred),
        ]
        return torch.cat([part.flatten(1) for part in found], dim=1)

    def _second_order(self, relief: Tensor) -> Tensor:
        """Log energies (B, J, J, L) of the first order's magnitudes, by the angle between both orders."""
        pixels = relief.shape[-1] * relief.shape[-2]
        spectrum = torch.fft.fft2(relief)
        power = (spectrum.real**2 + spectrum.imag**2) / pixels**2
        energy = (torch.einsum("bjlyx,kmyx->bjlkm", power, self.second) + SMALLEST).log()
        turned = [torch.roll(energy[:, :, k], -k, dims=-1) for k in range(ORIENTATIONS)]
        return torch.stack(turned).mean(dim=0)


def _moment(values: Tensor, order: int) -> Tensor:
    return (values**order).mean((-1, -2))


def _between_orientations(relief: Tensor) -> list[Tensor]:
    turns = range(1, ORIENTATIONS // 2 + 1)
    each = torch.stack([(relief * relief.roll(-d, dims=2)).mean((-1, -2)) for d in turns], dim=2)
    return [each, each.mean(dim=-1)]


def _between_scales(relief: Tensor) -> Tensor:
    pairs = itertools.combinations(range(len(WAVELENGTHS_PX)), 2)
    return torch.stack([(relief[:, a] * relief[:, b]).mean((-1, -2)) for a, b in pairs], dim=1)


def _of_long_pieces(response: Tensor) -> Tensor:
    """How straight, and how far apart in strength, bright and dark pieces are: (B, 11, J).

    ``response`` (B, J, L, h, w) of long bands. A needle answers to one orientation alone and strongly, the
    bent cords of a net to several and weakly.
    """
    power = response.real**2 + response.imag**2
    energy = power.mean((2, 3, 4)) + 1e-8
    real = response.real / energy.sqrt()[:, :, None, None, None]
    magnitude = (power / energy[:, :, None, None, None] + 1e-6).sqrt()
    strongest = magnitude.max(dim=2).values
    straight = strongest / magnitude.mean(dim=2)
    bright, dark = real.max(dim=2).values, (-real).max(dim=2).values
    found = [
        energy.log(),
        (magnitude**4).mean((2, 3, 4)).log(),
        (real**3).mean((2, 3, 4)),
        straight.mean((2, 3)),
        (straight - straight.mean((2, 3), keepdim=True)).square().mean((2, 3)),
        strongest.mean((2, 3)),
        _moment(strongest, 4).log(),
    ]
    for piece in (bright, dark):
        found += [piece.mean((2, 3)), _moment(piece, 3)]
    return torch.stack(found, dim=1)


def _of_grey_values(centred: Tensor) -> Tensor:
    spread = (_moment(centred, 2) + SMALLEST).sqrt()
    return torch.stack(
        [spread.log(), _moment(centred, 3) / spread**3, _moment(centred, 4) / spread**4], dim=1
    )
