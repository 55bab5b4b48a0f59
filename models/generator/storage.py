"""A version on disk: diffusers folders of safetensors, morpholoop.json, replay latents, checksums."""

import copy
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, ControlNetModel, DPMSolverMultistepScheduler, UNet2DConditionModel
from pydantic import ValidationError

from models.errors import UnusableInput
from models.generator.networks import Networks, channels_last
from models.generator.record import FORMAT, GeneratorRecord

RECORD = "morpholoop.json"
MANIFEST = "manifest.json"
REPLAY = "replay.safetensors"
PARTS = ("vae", "unet", "controlnet")
ALLOWED_SUFFIXES = {".json", ".safetensors"}


def read_record(folder: Path) -> GeneratorRecord:
    """The record of a version, without touching weights.

    Errors: :class:`UnusableInput` when the folder is no version of this format.
    """
    path = folder / RECORD
    try:
        record = GeneratorRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UnusableInput(
            f"{folder} is no generator: it has no readable {RECORD}; "
            "give a folder written by `morpholoop model`."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UnusableInput(
            f"{path} is damaged ({where}: {first['msg']}): restore the version or use another."
        ) from error
    if record.format != FORMAT:
        raise UnusableInput(
            f"{folder} has format {record.format}, but this morpholoop reads format {FORMAT}: "
            "export it again with the program that wrote it."
        )
    return record


def verify(folder: Path) -> None:
    """Check every file of a version against its manifest.

    Errors: :class:`UnusableInput` naming the first file that is missing, changed or foreign.
    """
    try:
        expected = json.loads((folder / MANIFEST).read_bytes())["sha256"]
        names = set(expected)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableInput(
            f"{folder} has no readable {MANIFEST}, so its weights cannot be trusted: "
            "export the version again."
        ) from error
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {MANIFEST}
    for name in sorted(names | present):
        if name not in present:
            raise UnusableInput(
                f"{folder} is incomplete: {name} is missing; restore the version or use another."
            )
        if name not in names or Path(name).suffix not in ALLOWED_SUFFIXES:
            raise UnusableInput(f"{folder} holds {name}, which is not part of the version: remove it.")
        if _sha256(folder / name) != expected[name]:
            raise UnusableInput(
                f"{folder / name} is damaged (its checksum differs from {MANIFEST}): restore the version."
            )


def load_networks(folder: Path, dtype: torch.dtype, device: str) -> Networks:
    """The networks of a version, for inference (weights only, never pickles)."""
    options: dict[str, Any] = {"torch_dtype": dtype, "use_safetensors": True, "local_files_only": True}
    loaded: dict[str, Any] = {}
    classes = {"vae": AutoencoderKL, "unet": UNet2DConditionModel, "controlnet": ControlNetModel}
    for name, kind in classes.items():
        try:
            module = kind.from_pretrained(folder / name, **options)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise UnusableInput(
                f"The {name} weights in {folder} cannot be loaded ({str(error).splitlines()[0]}): "
                "restore the version."
            ) from error
        loaded[name] = channels_last(module.to(device)).eval().requires_grad_(False)
    scheduler = DPMSolverMultistepScheduler.from_pretrained(folder / "scheduler", local_files_only=True)
    return Networks(loaded["vae"], loaded["unet"], loaded["controlnet"], scheduler)


def save_version(folder: Path, networks: Networks, record: GeneratorRecord, replay: bytes | None) -> None:
    """Write a version so that it is either whole or absent: to a temporary folder, flushed, then renamed.

    Weights are stored in fp16. Errors: FileExistsError when ``folder`` exists (a version never changes).
    """
    if folder.exists():
        raise FileExistsError(f"{folder} exists already; a version is never overwritten")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".writing-"))
    try:
        for name in PARTS:
            _save_half(getattr(networks, name), temporary / name)
        networks.scheduler.save_pretrained(temporary / "scheduler")
        (temporary / RECORD).write_text(record.model_dump_json(indent=1), encoding="utf-8")
        if replay is not None:
            (temporary / REPLAY).write_bytes(replay)
        write_manifest(temporary)
        temporary.chmod(0o755)
        os.replace(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _sync(folder.parent)


def write_manifest(folder: Path) -> None:
    """Write the checksums of every file of ``folder`` and flush all of them to disk."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    sums = {p.relative_to(folder).as_posix(): _sha256(p) for p in files}
    (folder / MANIFEST).write_text(json.dumps({"sha256": sums}, indent=1), encoding="utf-8")
    for path in [*files, folder / MANIFEST]:
        _sync(path)


def _save_half(module: Any, folder: Path) -> None:
    half = copy.deepcopy(module)
    for parameter in half.parameters():
        # The module's own .half() would warn about layers that some models must keep in float32.
        parameter.data = parameter.data.to("cpu", torch.float16, memory_format=torch.contiguous_format)
    # The path a module was loaded from is no part of its configuration.
    half.register_to_config(_name_or_path="")
    half.save_pretrained(folder, safe_serialization=True)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
