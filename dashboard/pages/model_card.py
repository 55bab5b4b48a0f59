"""One version of the generator: how good it is on what it never saw, and where it comes from."""

from statistics import median

from markupsafe import Markup

from dashboard.parts.markup import NOTHING, facts, join, quantity, table, tag
from models.generator.record import GeneratorRecord
from models.generator.registry import Version


def worst_r2(record: GeneratorRecord) -> str:
    """The median and the worst R² on held-out conditions, in words."""
    found = [(score.r2, name) for one in record.metrics.descriptors.values() for name, score in one.items()]
    if not found:
        return NOTHING
    worst = min(found)
    taken_on = f", of {record.metrics.taken_on}" if record.metrics.taken_on else ""
    return f"median {median(r2 for r2, _ in found):.2f}, worst {worst[0]:.2f} ({worst[1]}){taken_on}"


def metrics(version: Version | None) -> Markup:
    """How good a version is on what it never saw."""
    if version is None or version.record is None:
        return tag("p", "Nothing is known of it.", class_="faint")
    known = version.record.metrics
    rows = [
        (
            split.replace("_", " "),
            name,
            f"{one.r2:.3f}",
            quantity(one.mae),
            f"{100 * one.relative:.1f} %",
            one.n_conditions,
        )
        for split, scores in known.descriptors.items()
        for name, one in scores.items()
    ]
    pictures = [
        (
            f"{magnification}×",
            _db(known.reconstruction_psnr.get(magnification)),
            quantity(known.reconstruction_ssim.get(magnification)),
            _db(known.denoising_psnr.get(magnification)),
            quantity(known.denoising_ssim.get(magnification)),
        )
        for magnification in sorted({*known.reconstruction_psnr, *known.denoising_psnr})
    ]
    return join(
        (
            tag("h2", f"{known.taken_on or version.name} on conditions that it was not trained on"),
            tag(
                "p",
                f"{version.name} was fine-tuned from it; ",
                tag("code", f"morpholoop model evaluate {version.name}"),
                " gives its own figures.",
                class_="faint",
            )
            if known.taken_on
            else "",
            table(
                ["held out by", "descriptor", "R²", "mean error", "relative", "conditions"],
                rows,
                numbers=range(2, 6),
            ),
            tag("h3", "Pictures"),
            table(
                ["magnification", "reconstruction PSNR", "SSIM", "denoising PSNR", "SSIM"],
                pictures,
                numbers=range(1, 5),
            ),
        )
    )


def _db(value: float | None) -> str:
    return quantity(value, "dB")


def lineage(version: Version | None) -> Markup:
    """Where a version comes from."""
    if version is None or version.record is None:
        return tag("p", version.problem if version else "There is none.", class_="faint")
    record = version.record
    line = record.lineage
    return join(
        (
            tag("h2", "Where it comes from"),
            facts(
                [
                    ("parent", line.parent or NOTHING),
                    ("kind", line.kind.replace("_", " ")),
                    (
                        "material",
                        record.inputs.material + (" (simulated)" if record.inputs.simulated else ""),
                    ),
                    ("trained on", f"{len(record.trained_on)} conditions"),
                    ("steps", ", ".join(f"{name} {count}" for name, count in line.steps.items()) or NOTHING),
                    ("tiles", ", ".join(f"{count} at {m}×" for m, count in line.tiles.items()) or NOTHING),
                    ("data", tag("code", line.data_fingerprint[:12] or NOTHING)),
                    ("seed", line.seed),
                    *([("base", f"{line.base} ({line.licence})")] if line.base else []),
                    ("note", line.note or NOTHING),
                ]
            ),
        )
    )
