"""The styles of training pictures: what is in them, and how it may look."""

from collections.abc import Mapping
from dataclasses import dataclass

Range = tuple[float, float]

HELD_OUT = "stones"


@dataclass(frozen=True)
class Style:
    """Ranges that the scenes of one style are drawn from.

    ``diameter`` is the range of medians in px of a field 640 px wide, ``spread`` of the SD of the logarithm
    of the diameter, ``coverage`` of the area of all bodies over that of the field, ``contact`` of the closest
    approach in radii of the smaller (1 touches, less overlaps). ``satellites``: share of fields with many
    small bodies beside the large. ``shadow`` is the length of a shadow in median diameters, ``contrast`` the
    least difference between faces and ground. The rest is as in :class:`sim.styles_scene.Look`.
    """

    kinds: Mapping[str, float]
    diameter: Range = (10.0, 120.0)
    spread: Range = (0.05, 0.4)
    coverage: Range = (0.1, 1.0)
    contact: Range = (0.55, 1.05)
    satellites: float = 0.25
    ground: Range = (0.04, 0.3)
    face: Range = (0.3, 0.6)
    limb: Range = (0.0, 0.4)
    rim: Range = (0.0, 0.25)
    light: float = 0.25
    texture: Range = (0.0, 0.12)
    bump: Range = (0.0, 0.03)
    textures: tuple[str, ...] = ("felt", "needles", "cells", "pits", "fractal")
    ground_texture: Range = (0.0, 0.05)
    dim: Range = (0.0, 0.35)
    shadow: Range = (0.0, 0.0)
    contrast: float = 0.0
    grown: bool = False
    crevice: Range = (0.0, 0.0)


STYLES: Mapping[str, Style] = {
    "agglomerates": Style({"lump": 3, "cluster": 1}, limb=(0.05, 0.5), texture=(0.02, 0.16)),
    "spheres": Style({"sphere": 1}, rim=(0.0, 0.45), texture=(0.0, 0.05), satellites=0.4),
    "powder": Style(
        {"sphere": 3, "lump": 2, "cluster": 0.3},
        spread=(0.3, 0.65),
        coverage=(0.3, 1.1),
        contact=(0.6, 0.95),
        satellites=0.6,
        face=(0.3, 0.5),
        texture=(0.02, 0.12),
        textures=("cells", "felt", "fractal"),
        dim=(0.2, 0.75),
        ground=(0.03, 0.2),
    ),
    "crystals": Style(
        {"crystal": 1},
        light=0.5,
        limb=(0.0, 0.3),
        texture=(0.0, 0.06),
        contact=(0.75, 1.1),
        coverage=(0.1, 0.8),
    ),
    "discs": Style({"disc": 1}, limb=(0.0, 0.2), rim=(0.05, 0.35), texture=(0.0, 0.06), coverage=(0.1, 0.8)),
    "rods": Style({"rod": 1}, diameter=(12.0, 90.0), coverage=(0.05, 0.6), contact=(0.7, 1.2)),
    "clusters": Style({"cluster": 1}, diameter=(20.0, 140.0), limb=(0.1, 0.5), texture=(0.0, 0.1)),
    "bright_ground": Style(
        {"sphere": 2, "lump": 2, "crystal": 1, "disc": 1},
        ground=(0.45, 0.85),
        face=(0.1, 0.3),
        limb=(0.0, 0.2),
        rim=(0.0, 0.15),
    ),
    "mixed": Style(
        {"sphere": 1, "lump": 1, "crystal": 1, "disc": 1, "rod": 0.5, "cluster": 0.5}, spread=(0.2, 0.7)
    ),
    "close_up": Style(
        {"lump": 1, "cluster": 0.5, "sphere": 1},
        diameter=(500.0, 1500.0),
        spread=(0.0, 0.1),
        coverage=(1.0, 2.0),
        contact=(0.9, 1.0),
        satellites=0.0,
        texture=(0.05, 0.2),
    ),
    "bare": Style({"sphere": 1}, coverage=(0.0, 0.0), ground=(0.05, 0.8), ground_texture=(0.0, 0.1)),
    "silhouettes": Style(
        {"sphere": 1, "lump": 1, "disc": 1, "crystal": 0.5, "rod": 0.5},
        spread=(0.1, 0.6),
        coverage=(0.2, 1.2),
        contact=(0.55, 0.9),
        ground=(0.04, 0.4),
        face=(0.45, 0.9),
        limb=(0.0, 0.05),
        rim=(0.0, 0.1),
        light=0.0,
        texture=(0.0, 0.03),
        dim=(0.0, 0.2),
        contrast=0.2,
    ),
    "satellites": Style(
        {"sphere": 2, "lump": 2},
        spread=(0.3, 0.7),
        coverage=(0.4, 1.3),
        contact=(0.55, 0.85),
        satellites=1.0,
        face=(0.3, 0.5),
        limb=(0.05, 0.4),
        texture=(0.01, 0.1),
        textures=("cells", "felt", "fractal"),
        dim=(0.2, 0.8),
        ground=(0.02, 0.15),
    ),
    "lit": Style(
        {"sphere": 1, "lump": 1, "crystal": 1, "disc": 0.5},
        spread=(0.1, 0.5),
        coverage=(0.2, 1.0),
        contact=(0.6, 1.05),
        ground=(0.15, 0.6),
        face=(0.3, 0.7),
        limb=(0.0, 0.1),
        rim=(0.0, 0.05),
        light=0.7,
        dim=(0.0, 0.3),
        shadow=(0.05, 0.5),
        contrast=0.1,
    ),
    "anything": Style(
        {"sphere": 1, "lump": 1, "crystal": 1, "disc": 1, "rod": 0.5, "cluster": 0.5},
        spread=(0.05, 0.7),
        coverage=(0.1, 1.3),
        contact=(0.55, 1.1),
        ground=(0.02, 0.8),
        face=(0.1, 0.85),
        limb=(0.0, 0.6),
        rim=(0.0, 0.5),
        light=0.6,
        texture=(0.0, 0.2),
        bump=(0.0, 0.06),
        ground_texture=(0.0, 0.1),
        dim=(0.0, 0.7),
        contrast=0.12,
    ),
    "grown": Style(
        {"sphere": 2, "lump": 2, "cluster": 3, "crystal": 1, "rod": 0.3},
        diameter=(14.0, 140.0),
        coverage=(0.2, 1.2),
        contact=(0.45, 0.95),
        ground=(0.05, 0.6),
        face=(0.25, 0.6),
        limb=(0.05, 0.6),
        rim=(0.0, 0.1),
        light=0.6,
        texture=(0.0, 0.1),
        bump=(0.0, 0.06),
        textures=("felt", "cells", "fractal"),
        dim=(0.0, 0.3),
        grown=True,
        crevice=(0.2, 1.0),
    ),
    "stones": Style(
        {"stone": 1},
        spread=(0.1, 0.35),
        coverage=(0.3, 0.8),
        contact=(0.8, 1.0),
        satellites=0.0,
        ground=(0.3, 0.5),
        face=(0.5, 0.65),
        limb=(0.0, 0.0),
        rim=(0.0, 0.0),
        light=0.6,
        dim=(0.0, 0.2),
        texture=(0.03, 0.08),
        textures=("fractal",),
        ground_texture=(0.02, 0.06),
        shadow=(0.25, 0.25),
    ),
}
PRECURSOR = "precursor"
"""Fields of the simulated precursor itself, with sizes, forms and crystallites drawn at random."""
SHARES: Mapping[str, float] = {
    "agglomerates": 4, "spheres": 3, "powder": 5, "crystals": 2, "discs": 1.5, "rods": 1, "clusters": 1.5,
    "bright_ground": 2, "mixed": 2, "close_up": 0.7, "bare": 0.5, "silhouettes": 3, "satellites": 5, "lit": 4,
    "anything": 5, PRECURSOR: 4, "grown": 8, "heights": 12, "heaps": 14,
}  # fmt: skip
