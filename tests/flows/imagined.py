"""A tiny untrained generator of membranes: it draws nothing meaningful, and that in milliseconds."""

from pathlib import Path

import torch

from models.generator import registry
from models.generator.encoding import ConditionEncoder
from models.generator.export import save
from models.generator.generator import Generator
from models.generator.networks import (
    Architecture,
    Networks,
    build_controlnet,
    build_scheduler,
    build_unet,
    build_vae,
    channels_last,
)
from models.generator.record import GeneratorRecord, ReferencePoint
from models.generator.schema import GeneratorSchema, MagnificationInfo, ParameterRange

SIDE = 32
ARCHITECTURE = Architecture(
    tile_size=SIDE, vae_channels=(4, 8), unet_channels=(8, 16), norm_groups=2, control_width=8
)
SCHEMA = GeneratorSchema(
    material="membrane",
    simulated=True,
    parameters=(
        ParameterRange(name="polymer_wt_pct", unit="%", low=10, high=25),
        ParameterRange(name="nonsolvent_pct", unit="%", low=0, high=12),
        ParameterRange(name="bath_temperature_C", unit="°C", low=5, high=60),
        ParameterRange(name="evaporation_s", unit="s", low=0, high=120),
    ),
    magnifications={
        5000: MagnificationInfo(
            pixel_size_um=25.4 / 48, descriptors=("phase_fraction", "correlation_length_um")
        )
    },
)


def conditions(polymer: float) -> dict[str, float | str]:
    return {
        "polymer_wt_pct": polymer,
        "nonsolvent_pct": 4.0,
        "bath_temperature_C": 25.0,
        "evaporation_s": 30.0,
    }


def generator() -> Generator:
    torch.manual_seed(0)
    controlnet = build_controlnet(ARCHITECTURE, ConditionEncoder(SCHEMA).size)
    for block in [*controlnet.controlnet_down_blocks, controlnet.controlnet_mid_block]:
        torch.nn.init.normal_(block.weight, std=0.2)  # untrained ControlNets say nothing: their ends are zero
    parts = [build_vae(ARCHITECTURE), build_unet(ARCHITECTURE), controlnet]
    for part in parts:
        channels_last(part).eval().requires_grad_(False)
    known = (10.0, 15.0, 20.0, 25.0)
    record = GeneratorRecord(
        version="membranes-1",
        created="2026-01-01T00:00:00+00:00",
        inputs=SCHEMA,
        tile_size=SIDE,
        latent_mean=(0.0,) * 4,
        latent_std=(1.0,) * 4,
        timesteps=(999, 300),
        trained_on=tuple(conditions(polymer) for polymer in known),
        held_out=tuple(
            ReferencePoint(
                conditions=conditions(polymer + 1),
                descriptors={"phase_fraction": polymer / 40, "correlation_length_um": 0.5},
            )
            for polymer in known
        ),
    )
    return Generator(Networks(*parts, build_scheduler()), record)


def install(home: Path, scratch: Path) -> str:
    """Register the generator in a state directory and make it current; its version."""
    made = generator()
    save(made, scratch / made.version)
    version = registry.register(scratch / made.version, home)
    registry.promote(version, home)
    return version
