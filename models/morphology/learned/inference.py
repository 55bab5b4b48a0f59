"""Running the network over pictures; this is where torch comes in."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import pad

from models.morphology.learned.network import SegmentationNet, fused, load
from models.morphology.measures import Image


def stretched(pixels: Image) -> Image:
    """Grey levels (…, H, W) from the darkest 1 % (0) to the brightest 1 % (1); what the network is shown."""
    low, high = np.percentile(pixels[..., ::3, ::3], (1, 99), axis=(-2, -1), keepdims=True)
    return np.asarray(np.clip((pixels - low) / np.maximum(high - low, 1e-3), -0.5, 1.5), np.float32)


def predicted(network: SegmentationNet, pixels: Image) -> Image:
    """Interior and boundary probabilities and relative distance (N, 3, H, W) of stretched (N, H, W)."""
    height, width = pixels.shape[1:]
    weight = next(network.parameters())
    x = torch.from_numpy(pixels)[:, None].to(weight)
    below, right = -height % network.stride, -width % network.stride
    mode = "reflect" if below < height and right < width else "replicate"
    x = pad(x, (0, right, 0, below), mode=mode).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        maps = network(x)[:, :, :height, :width].float()
        maps[:, :2] = maps[:, :2].sigmoid()
    return np.asarray(maps.cpu().numpy())


@cache
def ready(weights: Path) -> SegmentationNet:
    """The network of a file, set up for this machine. Errors: :class:`models.errors.UnusableInput`."""
    network = fused(load(weights)).to(memory_format=torch.channels_last)
    if torch.cuda.is_available():
        return network.to("cuda")
    if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported():
        network = network.to(torch.bfloat16)
    return network
