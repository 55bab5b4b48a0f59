"""Pictures of what was segmented: outlines over the micrograph, and label images."""

from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from cli.drawing import write_atomically
from models.errors import UnusableInput
from models.micrographs import Micrograph

OUTLINE = (255, 140, 0)
MOST_LABELS = np.iinfo(np.uint16).max


class Album:
    """A folder of pictures, one per page of an image, named after it; names that repeat are numbered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._used: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnusableInput(
                f"The folder {folder} cannot be made ({error.strerror}); choose another."
            ) from error

    def place(self, image: Path, page: int, pages: int, suffix: str) -> Path:
        """Where the picture of a page belongs."""
        stem = image.stem if pages == 1 else f"{image.stem}_p{page:03d}"
        name, number = stem, 1
        while name in self._used:
            number += 1
            name = f"{stem}_{number}"
        self._used.add(name)
        return self.folder / f"{name}{suffix}"


def draw_overlay(path: Path, micrograph: Micrograph, labels: NDArray[np.int32]) -> None:
    """Write the micrograph with the outline of each label in orange, as PNG."""
    edge = np.zeros(labels.shape, bool)
    edge[1:] |= labels[1:] != labels[:-1]
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    # Two pixels wide on large fields, so that outlines survive being shown at half size.
    if min(labels.shape) > 600:
        edge[:-1] |= edge[1:].copy()
        edge[:, :-1] |= edge[:, 1:].copy()
    low, high = np.percentile(micrograph.pixels, (0.5, 99.5))
    grey = np.clip((micrograph.pixels - low) / max(high - low, 1e-6), 0, 1)
    colours = np.repeat((grey * 255).astype(np.uint8)[..., None], 3, axis=2)
    colours[edge] = OUTLINE
    write_atomically(path, lambda file: Image.fromarray(colours).save(file, "PNG"))


def write_labels(path: Path, labels: NDArray[np.int32]) -> None:
    """Write labels as a 16-bit TIFF (0 = background), of the size of the field without its bar."""
    if int(labels.max(initial=0)) > MOST_LABELS:
        raise UnusableInput(
            f"{path.name} would hold {labels.max()} particles; 16 bits count to {MOST_LABELS}."
        )
    pixels = labels.astype(np.uint16)
    write_atomically(
        path, lambda file: tifffile.imwrite(file, pixels, photometric="minisblack", metadata=None)
    )
