from importlib import import_module
from inspect import signature

import numpy as np
import pytest

from models.errors import UnusableInput
from models.morphology import quantify, register_segmenter, segment, segmenter, segmenter_names
from models.morphology.particles import ParticleMeasure
from models.morphology.sam import SamSegmenter
from models.morphology.segmenters import DEFAULT


def disc(shape, x, y, radius):
    row, column = np.mgrid[: shape[0], : shape[1]]
    return (column - x) ** 2 + (row - y) ** 2 <= radius**2


class Masks:
    """Stands in for Segment Anything's mask generator."""

    def __init__(self, *masks):
        self.masks = masks

    def generate(self, image):
        assert image.ndim == 3
        assert image.dtype == np.uint8
        return [{"segmentation": mask, "predicted_iou": certainty} for mask, certainty in self.masks]


def test_masks_become_one_label_per_particle():
    shape = (120, 160)
    big, same, small = disc(shape, 50, 60, 30), disc(shape, 51, 60, 30), disc(shape, 60, 60, 8)
    other = disc(shape, 120, 60, 20)
    pixels = np.where(big | other, 0.6, 0.1).astype(np.float32)
    ground, frame = ~(big | other), np.ones(shape, bool)
    generator = Masks((big, 0.9), (same, 0.95), (small, 0.8), (other, 0.99), (ground, 0.97), (frame, 0.9))
    labels = SamSegmenter(None, generator).segment(pixels)
    assert labels.max() == 3
    assert labels[60, 30] != labels[60, 60]
    assert labels[60, 120] not in (0, labels[60, 30])
    assert labels[5, 5] == 0


def test_particles_may_be_darker_than_the_ground_and_gaps_are_none():
    shape = (120, 160)
    one, gap = disc(shape, 50, 60, 30), disc(shape, 120, 60, 20)
    pixels = np.where(one, 0.2, 0.7).astype(np.float32)
    pixels += 0.02 * np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    labels = SamSegmenter(None, Masks((one, 0.9), (gap, 0.95))).segment(pixels)
    assert (labels > 0).sum() == one.sum()


def test_sam_without_a_checkpoint_says_what_to_do(tmp_path):
    with pytest.raises(UnusableInput, match="--sam-checkpoint"):
        segmenter("sam")
    with pytest.raises(UnusableInput, match="no Segment Anything checkpoint"):
        segmenter("sam", tmp_path / "sam_vit_b.pth")


@pytest.mark.slow
def test_sam_runs_with_a_checkpoint_of_the_published_layout(tmp_path, monkeypatch):
    import torch
    from segment_anything import SamAutomaticMaskGenerator, sam_model_registry

    def tiny(checkpoint=None):
        # The published layout with a narrow encoder of windowed attention, so that it runs in seconds.
        return import_module("segment_anything.build_sam")._build_sam(16, 1, 1, [], checkpoint=checkpoint)

    class Recorded(SamAutomaticMaskGenerator):
        """The real generator, asked to give up nothing: untrained weights are sure of no mask."""

        def __init__(self, model):
            super().__init__(
                model, points_per_side=3, pred_iou_thresh=-9, stability_score_thresh=-1, box_nms_thresh=1.0
            )

        def generate(self, image):
            self.given = super().generate(image)
            return self.given

    monkeypatch.setitem(sam_model_registry, "vit_b", tiny)
    monkeypatch.setattr("segment_anything.SamAutomaticMaskGenerator", Recorded)
    monkeypatch.setattr("models.morphology.sam.SMALLEST_FILL", 0.05)
    monkeypatch.setattr("models.morphology.sam.LEAST_CONTRAST", 0.0)
    torch.manual_seed(0)
    checkpoint = tmp_path / "sam_vit_b.pth"
    torch.save(tiny().state_dict(), checkpoint)
    loaded = segmenter("sam", checkpoint)
    labels = loaded.segment(np.where(disc((96, 96), 48, 48, 20), 0.8, 0.1).astype(np.float32))
    masks = [mask["segmentation"] for mask in loaded._generator.given]
    # Nine prompts of three masks each, most of them alike.
    assert len(masks) > 10
    assert 0 < labels.max() < len(masks) / 2
    for number in range(1, labels.max() + 1):
        assert any(mask[labels == number].all() for mask in masks)


@pytest.mark.slow
def test_a_file_that_is_no_checkpoint_is_told(tmp_path):
    checkpoint = tmp_path / "sam_vit_b.pth"
    checkpoint.write_bytes(b"not weights")
    with pytest.raises(UnusableInput, match="is not a Segment Anything checkpoint"):
        segmenter("sam", checkpoint)


def test_an_unknown_segmenter_names_the_known_ones():
    with pytest.raises(UnusableInput, match="classical"):
        segmenter("magic")


def test_the_default_is_one_and_the_same_everywhere():
    assert type(ParticleMeasure().segmenter) is type(segmenter()) is type(segmenter(DEFAULT))
    assert signature(quantify).parameters["segmenter"].default == DEFAULT
    assert signature(segment).parameters["segmenter_name"].default == DEFAULT


def test_a_segmenter_of_ones_own(field, grid):
    class Whole:
        def segment(self, pixels):
            return disc(pixels.shape, 64, 64, 20).astype(np.int32)

    register_segmenter("whole", lambda checkpoint: Whole())
    assert "whole" in segmenter_names()
    pixels = field((128, 128), [(64.5, 64.5, 20)])
    result = quantify(pixels, 1.0, kind="particles", segmenter="whole")
    assert result.descriptors["d50_um"] == pytest.approx(40, rel=0.03)
