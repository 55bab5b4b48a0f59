"""Targets given as images: measured by the same code as everything else."""

from collections.abc import Mapping

from campaigns.specification import Campaign
from models.errors import UnusableInput
from models.micrographs import find_images, read
from models.morphology import measure_for


def references(campaign: Campaign) -> Mapping[str, float]:
    """The value of each descriptor whose target is "like these images", in the descriptor's unit.

    Errors: :class:`UnusableInput` when no image is found, or one cannot be read or has no pixel size.
    """
    found = {}
    for descriptor, paths in campaign.like_images().items():
        files = find_images(list(paths))
        if not files:
            raise UnusableInput(
                f"The target of {descriptor} is like images, and there are none in {paths[0]}."
            )
        measure = measure_for(descriptor)
        pages = [page for file in files for page in read(file)]
        fields = [measure.measure(page.pixels, page.pixel_size_um) for page in pages]
        found[descriptor] = measure.pool(fields)[descriptor]
    return found
