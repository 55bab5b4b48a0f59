"""Versions of the generator: shipped ones, ones made here, which is current, and the way back.

Versions made here live in ``<MORPHOLOOP_HOME>/models/<version>/``; shipped ones beside this package. The
file ``current.json`` names the promoted version and those before it; it is replaced atomically.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import UnusableInput
from models.generator.manifest import read_record, verify
from models.generator.record import GeneratorRecord
from models.generator.writing import write_whole, writing
from models.home import state_directory

SHIPPED = Path(__file__).resolve().parent.parent / "weights"
POINTER = "current.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


@dataclass(frozen=True)
class Version:
    """One registered version; ``problem`` says why it cannot be used, else it is empty."""

    name: str
    folder: Path
    shipped: bool
    current: bool
    record: GeneratorRecord | None
    problem: str = ""


def models_directory(home: Path | None = None) -> Path:
    """Where versions made here live."""
    return (home or state_directory(create=False)) / "models"


def versions(home: Path | None = None) -> tuple[Version, ...]:
    """All versions, shipped ones first; damaged ones are listed with their problem."""
    chosen = current(home)
    found: list[Version] = []
    for root, shipped in ((SHIPPED, True), (models_directory(home), False)):
        for folder in sorted(p for p in root.glob("*") if p.is_dir() and NAME.fullmatch(p.name)):
            record, problem = None, ""
            try:
                record = read_record(folder)
            except UnusableInput as error:
                problem = str(error)
            found.append(Version(folder.name, folder, shipped, folder.name == chosen, record, problem))
    return tuple(found)


def current(home: Path | None = None) -> str | None:
    """Name of the current version: the promoted one, else the newest shipped one, else None."""
    history = _history(home)
    if history:
        return history[-1]
    shipped = [(read_record(p.parent).created, p.parent.name) for p in SHIPPED.glob("*/morpholoop.json")]
    return max(shipped)[1] if shipped else None


def locate(version_or_path: str | Path | None = None, home: Path | None = None) -> Path:
    """Folder of a version by name or path; None means the current one.

    Errors: :class:`UnusableInput` naming the versions there are.
    """
    name = version_or_path if version_or_path is not None else current(home)
    if name is None:
        raise UnusableInput(
            "There is no generator: none is shipped and none is registered; train or import one."
        )
    if isinstance(name, Path) or os.sep in name:
        path = Path(name)
        if not path.is_dir():
            raise UnusableInput(
                f"There is no generator in {path}: give a folder that holds one, or a version's name."
            )
        return path
    found = _registered(name, home)
    if found is not None:
        return found
    if Path(name).is_dir():
        return Path(name)
    raise _unknown(name, home)


def _registered(name: str, home: Path | None) -> Path | None:
    for root in (models_directory(home), SHIPPED):
        if NAME.fullmatch(name) and (root / name).is_dir():
            return root / name
    return None


def _unknown(name: str, home: Path | None) -> UnusableInput:
    known = ", ".join(v.name for v in versions(home)) or "none"
    return UnusableInput(f"There is no generator version {name!r}; known: {known}. Choose one of them.")


def register(folder: Path, home: Path | None = None) -> str:
    """Copy a version from ``folder`` into the registry, whole or not at all, and return its name.

    Registering the same version twice changes nothing. Errors: :class:`UnusableInput` when it is damaged or
    foreign, or another version already has its name.
    """
    record = read_record(folder)
    if not NAME.fullmatch(record.version):
        raise UnusableInput(
            f"{record.version!r} is no usable version name: use letters, digits and . _ + - only."
        )
    root = models_directory(home)
    target = root / record.version
    for taken in (target, SHIPPED / record.version):
        if taken.is_dir():
            if (taken / "manifest.json").read_bytes() != (folder / "manifest.json").read_bytes():
                raise UnusableInput(
                    f"Another version is already called {record.version}: give this one another name."
                )
            return record.version
    copy_version(folder, target)
    return record.version


def copy_version(folder: Path, target: Path) -> None:
    """Copy a version with its checksums to ``target``, which does not exist yet, whole or not at all.

    Errors: :class:`UnusableInput` when it is damaged, or cannot be written there.
    """
    verify(folder)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".copying-"))
        try:
            shutil.copytree(folder, temporary / "version")
            verify(temporary / "version")
            os.replace(temporary / "version", target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def promote(name: str, home: Path | None = None) -> None:
    """Make ``name`` the current version. Errors: :class:`UnusableInput` when it is unknown or damaged.

    A folder is none: the current version must be found from everywhere, and stay.
    """
    folder = _registered(name, home)
    if folder is None:
        raise _unknown(name, home)
    verify(folder)
    history = _history(home) or [v for v in [current(home)] if v is not None]
    if history[-1:] != [name]:
        _write_history([*history, name], home)


def rollback(home: Path | None = None) -> str:
    """Return to the version that was current before, and tell its name.

    Errors: :class:`UnusableInput` when there is none.
    """
    history = _history(home)
    if len(history) < 2:
        raise UnusableInput(
            "There is no earlier version to go back to: nothing was promoted before the current one."
        )
    verify(locate(history[-2], home))
    _write_history(history[:-1], home)
    return history[-2]


def _history(home: Path | None) -> list[str]:
    path = models_directory(home) / POINTER
    try:
        names = json.loads(path.read_bytes())["history"]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableInput(
            f"{path} is damaged, so the current model is unknown; delete it to return to the shipped one."
        ) from error
    return [str(name) for name in names]


def _write_history(names: Sequence[str], home: Path | None) -> None:
    write_whole(models_directory(home) / POINTER, json.dumps({"history": list(names)}))
