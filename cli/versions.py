"""`morpholoop model …`: the versions of the generator, and the way from one to the next."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from cli.evaluating import evaluate
from cli.output import console, emit
from cli.recording import take_note
from cli.training import fine_tune, train
from cli.version_card import version_card
from models.errors import UnusableInput

if TYPE_CHECKING:
    from models.generator.record import GeneratorRecord
    from models.generator.registry import Version

model = typer.Typer(
    help="Model versions: list, show, train, fine-tune, evaluate, promote, roll back, import, export.\n\n"
    "Example: morpholoop model list",
    no_args_is_help=True,
)
model.command("train")(train)
model.command("fine-tune")(fine_tune)
model.command("evaluate")(evaluate)

_JSON = typer.Option(False, "--json", help="Print one JSON object.")
_NAME = typer.Argument(..., metavar="VERSION", help="Name of a version (see `morpholoop model list`).")


@model.command("list")
def list_versions(as_json: bool = _JSON) -> None:
    """List all versions, shipped and made here. Example: morpholoop model list"""
    from models.generator import registry

    found = registry.versions()
    result = {"models": [_summary(version) for version in found], "current": registry.current()}

    def table() -> Table:
        shown = Table(title="Generator versions")
        for heading in ("", "version", "made from", "created", "held-out R²", ""):
            shown.add_column(heading)
        for version in found:
            record = version.record
            shown.add_row(
                "→" if version.current else "",
                version.name,
                (record.lineage.parent or record.lineage.kind) if record else "",
                record.created[:10] if record else "",
                _r2(record) if record else "",
                version.problem or ("shipped" if version.shipped else ""),
            )
        return shown

    emit(result, as_json, table)


@model.command("show")
def show(
    name: str | None = typer.Argument(None, metavar="VERSION", help="Version or folder (default: current)."),
    as_json: bool = _JSON,
) -> None:
    """Show one version: what it knows, how good it is, where it comes from. Example: morpholoop model show"""
    from models.generator import registry
    from models.generator.manifest import read_record

    folder = registry.locate(name)
    record = read_record(folder)
    # Everything that is stored but the lists of conditions, which are long.
    stored = record.model_dump(exclude={"trained_on", "held_out", "inputs"})
    result = {
        **stored,
        "folder": folder,
        "current": record.version == registry.current(),
        "material": record.inputs.material,
        "simulated": record.inputs.simulated,
        "parameters": record.inputs.parameters,
        "magnifications": record.inputs.magnifications,
        "conditions_trained_on": len(record.trained_on),
        "conditions_held_out": len(record.held_out),
    }
    emit(result, as_json, lambda: version_card(record, shipped=folder.parent == registry.SHIPPED))


@model.command("promote")
def promote(name: str = _NAME, as_json: bool = _JSON) -> None:
    """Make a version the current one, from now on. Example: morpholoop model promote lmr-6-ft-0a1b2c3d"""
    from models.generator import registry

    before = registry.current()
    registry.promote(name)
    take_note("model promoted", name, facts={"before": before})
    emit(
        {"current": name, "before": before}, as_json, lambda: f"The current version is {name} (was {before})."
    )


@model.command("rollback")
def rollback(as_json: bool = _JSON) -> None:
    """Go back to the version that was current before. Example: morpholoop model rollback"""
    from models.generator import registry

    before = registry.current()
    name = registry.rollback()
    take_note("model rolled back", name, facts={"before": before})
    emit(
        {"current": name, "before": before}, as_json, lambda: f"The current version is {name} (was {before})."
    )


@model.command("import")
def import_version(
    folder: Path = typer.Argument(..., help="Folder of a version, as `model export` writes it."),
    as_json: bool = _JSON,
) -> None:
    """Check a version against its checksums and add it to the registry; it is not promoted.

    Example: morpholoop model import /media/usb/lmr-6
    """
    from models.generator import registry

    if not folder.is_dir():
        raise UnusableInput(f"There is no folder {folder}; give one that `morpholoop model export` wrote.")
    name = registry.register(folder)
    emit({"version": name, "folder": registry.locate(name)}, as_json, lambda: f"{name} is registered.")


@model.command("export")
def export_version(
    name: str = _NAME,
    out: Path = typer.Option(..., "--out", help="Folder to be made; it must not exist yet."),
    as_json: bool = _JSON,
) -> None:
    """Copy a version with its checksums, whole or not at all, in the layout of diffusers.

    Example: morpholoop model export lmr-6 --out /media/usb/lmr-6
    """
    from models.generator import registry
    from models.generator.manifest import read_record

    folder = registry.locate(name)
    if out.exists():
        raise UnusableInput(f"{out} exists already and is not overwritten; give another folder with --out.")
    registry.copy_version(folder, out)
    console.print(f"Copied {folder}", style="dim", markup=False)
    emit({"version": read_record(out).version, "folder": out}, as_json, lambda: f"{name} is in {out}")


def _summary(version: "Version") -> dict[str, Any]:
    record = version.record
    return {
        "version": version.name,
        "current": version.current,
        "shipped": version.shipped,
        "folder": version.folder,
        "problem": version.problem,
        "created": record.created if record else None,
        "material": record.inputs.material if record else None,
        "simulated": record.inputs.simulated if record else None,
        "kind": record.lineage.kind if record else None,
        "parent": record.lineage.parent if record else None,
        "r2": {
            split: {name: score.r2 for name, score in scores.items()}
            for split, scores in (record.metrics.descriptors.items() if record else ())
        },
        "r2_of": (record.metrics.taken_on or record.version) if record else None,
    }


def _r2(record: "GeneratorRecord") -> str:
    scores = list(next(iter(record.metrics.descriptors.values()), {}).items())
    if not scores:
        return ""
    told = ", ".join(f"{name} {score.r2:.2f}" for name, score in scores[:4])
    taken_on = f", of {record.metrics.taken_on}" if record.metrics.taken_on else ""
    return f"{told} ({max(score.n_conditions for _, score in scores)} conditions{taken_on})"
