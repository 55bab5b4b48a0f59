"""The network: a U-Net small enough for one core, and how it is kept on disk."""

import json
from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.errors import UnusableInput

CHANNELS = (16, 32, 64, 96, 128, 128)
MAPS = 3
"""Interior (logit), boundary (logit), and distance to the edge relative to the particle's largest."""
FORMAT = "morpholoop-segmenter-1"


class Block(nn.Module):
    """3×3 convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs, momentum=0.05)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, outputs, H/stride, W/stride)."""
        return torch.relu_(self.norm(self.conv(x)))


class SegmentationNet(nn.Module):
    """U-Net (Ronneberger et al., MICCAI 2015) that adds its skip connections, as LinkNet does, for speed.

    (B, 1, H, W), H and W multiples of ``stride``, levels from 0 (dark) to 1 → (B, 3, H, W), see :data:`MAPS`.
    """

    def __init__(self, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        self.channels = tuple(channels)
        self.stride = 2 ** (len(channels) - 1)
        self.down = nn.ModuleList([Block(1, channels[0])])
        for above, here in pairwise(channels):
            self.down.append(nn.Sequential(Block(above, here, 2), Block(here, here)))
        self.narrow = nn.ModuleList(nn.Conv2d(below, here, 1) for here, below in pairwise(channels))
        # The two finest levels cost most and gain least from a second convolution.
        self.up = nn.ModuleList(
            nn.Sequential(*(Block(here, here) for _ in range(1 if level < 2 else 2)))
            for level, here in enumerate(channels[:-1])
        )
        self.head = nn.Conv2d(channels[0], MAPS, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, 3, H, W) of pictures (B, 1, H, W)."""
        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        x = skips.pop()
        for narrow, up in zip(reversed(self.narrow), reversed(self.up), strict=True):
            x = up(interpolate(narrow(x), scale_factor=2.0, mode="nearest") + skips.pop())
        maps: Tensor = self.head(x)
        return maps


def fused(network: SegmentationNet) -> SegmentationNet:
    """``network`` for inference, its normalisations folded into the convolutions (in place)."""
    network.eval().requires_grad_(False)
    for module in network.modules():
        if isinstance(module, Block) and isinstance(module.norm, nn.BatchNorm2d):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()
    return network


def save(network: SegmentationNet, file: Path) -> None:
    """Write the weights in half precision, with what is needed to build the network again."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    save_file(tensors, file, metadata={"format": FORMAT, "channels": json.dumps(network.channels)})


def load(file: Path) -> SegmentationNet:
    """The network that :func:`save` wrote. Errors: :class:`UnusableInput` if the file is not one of these."""
    try:
        with safe_open(file, framework="pt") as opened:
            about = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name).float() for name in opened.keys()}  # noqa: SIM118
        if about.get("format") != FORMAT:
            raise UnusableInput(
                f"{file} has the format {about.get('format')!r}, expected {FORMAT!r}: give weights written "
                "by models.morphology.learned.train."
            )
        network = SegmentationNet(tuple(json.loads(about["channels"])))
        network.load_state_dict(tensors, strict=False)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise UnusableInput(
            f"The segmenter's weights {file} cannot be read ({str(error).splitlines()[0]}): restore the file."
        ) from error
    return network
