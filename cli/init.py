"""`morpholoop init`: a folder to work in, with the shipped campaigns, labs, faults and deployments."""

import importlib.resources
from importlib.resources.abc import Traversable
from pathlib import Path

import typer

from cli.output import emit
from models.errors import UnusableInput

SHIPPED = (("campaigns", "library"), ("flows", "prefect.yaml"))
"""What is copied: a package, and what in it (a folder or a file)."""


def init(
    folder: Path = typer.Argument(Path("."), help="Where to; made if it is not there."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Lay out a folder to work in: campaigns/library with its labs and fault scenarios, and prefect.yaml.

    For an installation from a wheel; a checkout has all of it in its place. A file that is there already is
    left as it is. Example: morpholoop init my-lab
    """
    _check_installed()
    copied, kept = [], []
    for package, name in SHIPPED:
        source = importlib.resources.files(package) / name
        place = folder / package / name if source.is_dir() else folder / name
        for file, target in _files(source, place):
            if target.exists():
                kept.append(str(target))
                continue
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
            except OSError as error:
                raise UnusableInput(
                    f"{target} cannot be written ({error.strerror}); choose another folder."
                ) from None
            copied.append(str(target))
    emit({"copied": copied, "kept": kept}, as_json, lambda: _told(folder, copied, kept))


def _check_installed() -> None:
    # Beside an editable installation, a folder named campaigns would be taken for the package of that name.
    root = Path(str(importlib.resources.files("campaigns"))).parent
    if (root / "pyproject.toml").exists():
        raise UnusableInput(
            f"This morpholoop is installed from the checkout {root}, which has these files: work there."
        )


def _files(source: Traversable, target: Path) -> list[tuple[Traversable, Path]]:
    """Every YAML file of ``source``, beside where it is copied to."""
    if source.is_file():
        return [(source, target)] if source.name.endswith(".yaml") else []
    inside = sorted(source.iterdir(), key=lambda entry: entry.name)
    return [pair for entry in inside for pair in _files(entry, target / entry.name)]


def _told(folder: Path, copied: list[str], kept: list[str]) -> str:
    there = f", {len(kept)} were there and are as they were" if kept else ""
    begin = "" if folder == Path(".") else f"cd {folder} && "
    command = f"{begin}morpholoop dry-run campaigns/library/membrane.yaml"
    return f"{len(copied)} files copied to {folder}{there}. Try: {command}"
