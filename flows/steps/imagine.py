"""Predicted micrographs of conditions, stored, for people to look at."""

from typing import TYPE_CHECKING

from campaigns.ledger import Micrograph
from flows import pictures
from flows.store import put
from flows.worker import Worker
from models.values import Conditions

if TYPE_CHECKING:
    from models.generator import Generator

TILES = 4
"""Predicted micrographs kept for each magnification."""


def predicted_micrographs(
    worker: Worker, generator: "Generator | None", index: int, conditions: Conditions
) -> list[Micrograph]:
    """Pictures at every magnification of the campaign that the generator knows; none without a generator."""
    kept: list[Micrograph] = []
    if generator is None:
        return kept
    for view in worker.campaign.imaging.views:
        if view.magnification not in generator.schema.magnifications:
            continue
        drawn = generator.sample(
            conditions, magnification=view.magnification, n=TILES, seed=worker.seed(index, "imagine")
        )
        for number, pixels in enumerate(drawn):
            stored = put(pictures.tile(pixels), worker.root / "predictions", ".png")
            pixel_size = generator.pixel_size_um(view.magnification)
            kept.append(
                Micrograph("predicted", view.magnification, number, stored.path, stored.sha256, pixel_size)
            )
    return kept
