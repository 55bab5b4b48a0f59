"""Generated tiles a second, by number of sampling steps, by batch and by precision, and the peak memory.

``python -m benchmarks.generator`` prints two tables. The peer in the same run is the UNet alone, evaluated as
often as the sampler needs it: what is above 1 is ControlNet, solver and decoder.
"""

import argparse
import resource
import time
from collections.abc import Callable

import torch

from benchmarks.compared.asked import Asked
from models.generator import load, registry
from models.generator.generator import Generator
from models.generator.networks import UNUSED_TOKENS
from models.generator.sampling import spaced_timesteps
from models.generator.storage import load_networks

TILES = 32
BATCHES = (1, 4, 16, 32)
MOST_OVER_BASE = 3.5
"""ControlNet and decoder may cost this; more is a regression."""
MOST_GIB = 2.0


def seconds(work: Callable[[], object]) -> float:
    """Best of three, after one call to warm up."""
    work()
    took = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return min(took)


def base_alone(generator: Generator, steps: int) -> float:
    unet = generator.networks.unet
    side = unet.config.sample_size
    weight = next(unet.parameters())
    latents = torch.randn(
        TILES, unet.config.in_channels, side, side, dtype=weight.dtype, device=weight.device
    )
    latents = latents.to(memory_format=torch.channels_last)
    context = latents.new_zeros(TILES, UNUSED_TOKENS, unet.config.cross_attention_dim)

    def work() -> None:
        with torch.inference_mode():
            for step in range(steps):
                out = unet(latents, torch.full((TILES,), step, device=weight.device), context)
            out.sample.cpu()  # an accelerator has then done it

    return seconds(work)


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    torch.set_num_threads(1)
    generator = load(None)
    conditions = dict(generator.record.trained_on[0])
    magnification = next(iter(generator.schema.magnifications))

    def tiles_a_second(drawing: Generator, tiles: int) -> float:
        return tiles / seconds(
            lambda: drawing.sample(conditions, magnification=magnification, n=tiles, seed=0)
        )

    own = next(generator.networks.unet.parameters())
    print(f"{generator.version}, {own.device}, one thread, tiles of {generator.record.tile_size} px")
    print(f"{'steps':>6} {'tiles/s':>9} {'time / base alone':>18}    {own.dtype}, {TILES} at once")
    asked = Asked("generator")
    for steps in (4, 6, 8, 12):
        timesteps = spaced_timesteps(steps, generator.networks.scheduler.alphas_cumprod)
        record = generator.record.model_copy(update={"timesteps": timesteps})
        rate = tiles_a_second(Generator(generator.networks, record), TILES)
        ratio = TILES / rate / base_alone(generator, steps)
        print(f"{steps:>6} {rate:>9.1f} {ratio:>18.2f}")
        asked.most(f"{steps} steps: time over that of the base alone", ratio, MOST_OVER_BASE)
    asked.most("peak memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, MOST_GIB, "GiB")
    precisions = (torch.bfloat16, torch.float32)
    folder = registry.locate(generator.version)
    drawing = [
        Generator(load_networks(folder, dtype, str(own.device)), generator.record) for dtype in precisions
    ]
    print(f"\n{'batch':>6}" + "".join(f"{dtype!s:>16}" for dtype in precisions) + "    tiles/s")
    for batch in BATCHES:
        print(f"{batch:>6}" + "".join(f"{tiles_a_second(one, batch):>16.1f}" for one in drawing))
    asked.end()


if __name__ == "__main__":
    main()
