"""Micrographs: reading them with their pixel size, cutting the information bar."""

from models.micrographs.files import ImageFile, find_images, open_image
from models.micrographs.reading import Micrograph, pages, read

__all__ = ["ImageFile", "Micrograph", "find_images", "open_image", "pages", "read"]
