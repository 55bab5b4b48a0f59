"""The networks of a version on disk: diffusers folders of safetensors, written whole or not at all."""

import copy
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, ControlNetModel, DPMSolverMultistepScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file

from models.errors import UnusableInput
from models.generator.manifest import RECORD, flush, write_manifest
from models.generator.networks import Networks, channels_last
from models.generator.record import GeneratorRecord
from models.generator.writing import writing

REPLAY = "replay.safetensors"
CONTEXT = "context.safetensors"
PARTS = ("vae", "unet", "controlnet")


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
    context = None
    if (folder / CONTEXT).is_file():
        context = load_file(folder / CONTEXT, device=device)["context"]
    return Networks(loaded["vae"], loaded["unet"], loaded["controlnet"], scheduler, context)


def save_version(folder: Path, networks: Networks, record: GeneratorRecord, replay: bytes | None) -> None:
    """Write a version so that it is either whole or absent: to a temporary folder, flushed, then renamed.

    Weights are stored in fp16. Errors: FileExistsError when ``folder`` exists (a version never
    changes), :class:`UnusableInput` when it cannot be written.
    """
    with _written_whole(folder) as temporary:
        for name in PARTS:
            _save_half(getattr(networks, name), temporary / name)
        networks.scheduler.save_pretrained(temporary / "scheduler")
        if networks.context is not None:
            save_file({"context": networks.context.cpu().contiguous()}, temporary / CONTEXT)
        (temporary / RECORD).write_text(record.model_dump_json(), encoding="utf-8")
        if replay is not None:
            (temporary / REPLAY).write_bytes(replay)


def save_with_record(source: Path, folder: Path, record: GeneratorRecord) -> None:
    """Write the networks of the version ``source``, bit for bit, as another version with its own record.

    As whole or absent as with :func:`save_version`. Errors: FileExistsError when ``folder`` exists.
    """
    with _written_whole(folder) as temporary:
        shutil.copytree(source, temporary, dirs_exist_ok=True)
        (temporary / RECORD).write_text(record.model_dump_json(), encoding="utf-8")


@contextmanager
def _written_whole(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes ``folder``, with its manifest, once all of it is written."""
    if folder.exists():
        raise FileExistsError(f"{folder} exists already; a version is never overwritten")
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".writing-"))
        try:
            yield temporary
            write_manifest(temporary)
            temporary.chmod(0o755)
            os.replace(temporary, folder)
        except BaseException:  # an interrupt, too, leaves no half version; it goes on
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        flush(folder.parent)


def _save_half(module: Any, folder: Path) -> None:
    half = copy.deepcopy(module)
    for parameter in half.parameters():
        # The module's own .half() would warn about layers that some models must keep in float32.
        parameter.data = parameter.data.to("cpu", torch.float16, memory_format=torch.contiguous_format)
    # The path a module was loaded from is no part of its configuration.
    half.register_to_config(_name_or_path="")
    half.save_pretrained(folder, safe_serialization=True)
