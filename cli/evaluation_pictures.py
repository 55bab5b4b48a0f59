"""Pictures of an evaluation: predicted against measured, and descriptors over a plane of two parameters."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cli.units import descriptor_unit, with_unit
from models.errors import UnusableInput

if TYPE_CHECKING:
    from models.generator.generator import Generator
    from models.generator.record import DescriptorScore, ReferencePoint
    from models.generator.schema import GeneratorSchema

STEPS = 7
IMAGES = 4
COLUMNS = 4
SPLIT_COLOURS = ("#2f6690", "#c1440e", "#4b7f52", "#7d4f96")


def plane_parameters(schema: "GeneratorSchema", asked: str | None) -> tuple[str, str]:
    """The two numeric parameters of the plane: those asked for, else the first and the third that vary.

    For the shipped material these are pH and NH4OH, the plane that Choi et al. (Mater. Horiz. 2026, 13, 727)
    show. Errors: :class:`UnusableInput`.
    """
    numeric = [one.name for one in schema.parameters if one.varies and not one.categories]
    if asked is None:
        if len(numeric) < 2:
            raise UnusableInput("A plane needs two numeric parameters that vary, and the model knows fewer.")
        return numeric[0], numeric[min(2, len(numeric) - 1)]
    names = [name.strip() for name in asked.split(",")]
    if len(set(names)) != 2 or not set(names) <= set(numeric):
        raise UnusableInput(f"--plane {asked}: expected two different ones of {', '.join(numeric)}.")
    return names[0], names[1]


def draw_parity(
    points: Sequence["ReferencePoint"],
    predicted: Mapping[str, Mapping[str, Any]],
    scores: Mapping[str, Mapping[str, "DescriptorScore"]],
    path: Path,
) -> None:
    """Calibrated predictions against measured values, a panel per descriptor, a colour per split."""
    names = list(dict.fromkeys(name for found in scores.values() for name in found))
    figure, panels = _panels(len(names))
    for ax, name in zip(panels, names, strict=True):
        for colour, (split, values) in zip(SPLIT_COLOURS, predicted.items(), strict=False):
            here = [point for point in points if point.split == split]
            measured = [point.descriptors.get(name, np.nan) for point in here]
            found = scores[split].get(name)
            label = f"{split}: R² {found.r2:.2f}" if found is not None else split
            ax.plot(measured, values[name], "o", ms=4, alpha=0.7, color=colour, label=label)
        low, high = min(*ax.get_xlim(), *ax.get_ylim()), max(*ax.get_xlim(), *ax.get_ylim())
        ax.plot([low, high], [low, high], color="#6b7780", lw=0.8)
        ax.set(title=with_unit(name, descriptor_unit(name)), xlabel="measured", ylabel="predicted")
        ax.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def draw_plane(generator: "Generator", axes: tuple[str, str], path: Path, *, seed: int) -> None:
    """Predicted descriptors over two parameters, the others in the middle of what was trained on."""
    from models.inverse import GeneratorPredictor

    ranges = {one.name: one for one in generator.schema.parameters}
    middle: dict[str, float | str] = {
        one.name: one.categories[0] if one.categories else (one.low + one.high) / 2
        for one in generator.schema.parameters
    }
    xs, ys = (np.linspace(ranges[name].low, ranges[name].high, STEPS) for name in axes)
    conditions = [{**middle, axes[0]: float(x), axes[1]: float(y)} for y in ys for x in xs]
    images = dict.fromkeys(generator.schema.magnifications, IMAGES)
    found = GeneratorPredictor(generator, images=images, seed=seed).predict(conditions)
    names = list(generator.schema.descriptors)
    figure, panels = _panels(len(names))
    for ax, name in zip(panels, names, strict=True):
        values = np.array([one[name].mean for one in found]).reshape(STEPS, STEPS)
        shown = ax.pcolormesh(xs, ys, values, shading="nearest", cmap="viridis")
        ax.figure.colorbar(shown, ax=ax)
        ax.set(
            title=with_unit(name, descriptor_unit(name)),
            xlabel=with_unit(axes[0], ranges[axes[0]].unit),
            ylabel=with_unit(axes[1], ranges[axes[1]].unit),
        )
    fixed = ", ".join(
        f"{name} {value if isinstance(value, str) else f'{value:g}'} {ranges[name].unit}".rstrip()
        for name, value in middle.items()
        if name not in axes
    )
    figure.suptitle(f"{generator.version}, predicted at {fixed}")
    figure.savefig(path, dpi=110)


def _panels(number: int) -> tuple[Any, list[Any]]:
    import matplotlib.figure

    rows = -(-number // COLUMNS)
    columns = min(number, COLUMNS)
    figure = matplotlib.figure.Figure(figsize=(3.6 * columns, 3.3 * rows + 0.4), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for spare in panels[number:]:
        spare.remove()
    return figure, panels[:number]
