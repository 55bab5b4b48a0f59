"""What a micrograph shows, as numbers: segmentation, particle and texture descriptors, plug-in measures."""

from models.morphology.measures import (
    Descriptor,
    FieldMeasurement,
    Measure,
    all_measures,
    known_descriptors,
    measure_for,
    measure_of,
)
from models.morphology.quantification import MorphologyResult, quantify, segment
from models.morphology.segmenters import Segmenter, register_segmenter, segmenter, segmenter_names

__all__ = [
    "Descriptor",
    "FieldMeasurement",
    "Measure",
    "MorphologyResult",
    "Segmenter",
    "all_measures",
    "known_descriptors",
    "measure_for",
    "measure_of",
    "quantify",
    "register_segmenter",
    "segment",
    "segmenter",
    "segmenter_names",
]
