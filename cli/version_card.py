"""A version of the generator as a person reads it: what it knows, how good it is, where it comes from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.units import descriptor_unit, with_unit

if TYPE_CHECKING:
    from models.generator.record import DescriptorScore, GeneratorRecord, Metrics
    from models.generator.schema import ParameterRange


def version_card(record: "GeneratorRecord", *, shipped: bool) -> Group:
    """All that is stored but the numbers of the calibration and the lists of conditions."""
    inputs, line = record.inputs, record.lineage
    figures = record.metrics
    simulated = "simulated, and so says all that it draws" if inputs.simulated else "measured"
    told = [
        f"{record.version}{' (shipped)' if shipped else ''}, {line.kind}"
        f"{f' from {line.parent}' if line.parent else ''}, {record.created[:10]}",
        f"{inputs.material}; data {simulated}",
        f"{len(record.trained_on)} conditions trained on, {len(record.held_out)} kept for the gate; "
        + "; ".join(f"{count} tiles at {m}×" for m, count in line.tiles.items()),
        "steps: " + ", ".join(f"{stage} {count}" for stage, count in line.steps.items()),
        *([f"base: {line.base} ({line.licence or 'licence unknown'})"] if line.base else []),
        *([f"note: {line.note}"] if line.note else []),
    ]
    knows = Table("parameter", "trained over", title="What it knows")
    for one in inputs.parameters:
        knows.add_row(with_unit(one.name, one.unit), _range(one))
    sees = Table("magnification", "tile", "descriptors")
    for magnification, info in inputs.magnifications.items():
        side = f"{info.pixel_size_um * record.tile_size:.3g} µm ({record.tile_size} px)"
        sees.add_row(f"{magnification}×", side, ", ".join(info.descriptors))
    # What a person wrote, such as the material, is no markup.
    parts: list[RenderableType] = [*map(Text, told), knows, sees]
    parts += scores_tables(figures.taken_on or record.version, figures.descriptors)
    if figures.taken_on:
        parts.append(Text(f"`morpholoop model evaluate {record.version}` gives its own figures."))
    if figures.reconstruction_psnr:
        parts.append(_pictures(figures))
    return Group(*parts)


def scores_tables(version: str, scores: Mapping[str, Mapping[str, "DescriptorScore"]]) -> list[Table]:
    """R² and errors by descriptor, a table for each split.

    "images alone" is R² without the calibration's field, "number" that of the conditions.
    """
    return [_scores(f"{version}, not trained on: {split}", found) for split, found in scores.items() if found]


def _scores(title: str, found: Mapping[str, "DescriptorScore"]) -> Table:
    table = Table(title=title)
    for heading in ("descriptor", "R²", "95 %", "images alone", "mean error", "number"):
        table.add_column(heading, no_wrap=heading in ("descriptor", "95 %", "mean error"))
    for name, one in found.items():
        table.add_row(
            name,
            f"{one.r2:.2f}",
            f"{one.r2_low:.2f} to {one.r2_high:.2f}" if one.r2_low is not None else "",
            f"{one.r2_monotone:.2f}" if one.r2_monotone is not None else "",
            f"{one.mae:.3g} {descriptor_unit(name)}".rstrip() + f", {one.relative:.1%}",
            f"{one.n_conditions}",
        )
    return table


def _range(one: "ParameterRange") -> str:
    if one.categories:
        return ", ".join(one.categories)
    return f"{one.low:g} to {one.high:g}" if one.varies else f"{one.low:g} alone"


def _pictures(figures: "Metrics") -> Table:
    table = Table("magnification", "reconstructed: PSNR", "SSIM", "denoised: PSNR", "SSIM", title="Pictures")
    for m, psnr in figures.reconstruction_psnr.items():
        denoised = figures.denoising_psnr.get(m), figures.denoising_ssim.get(m)
        table.add_row(
            f"{m}×",
            f"{psnr:.1f} dB",
            f"{figures.reconstruction_ssim[m]:.3f}",
            f"{denoised[0]:.1f} dB" if denoised[0] is not None else "",
            f"{denoised[1]:.3f}" if denoised[1] is not None else "",
        )
    return table
