"""What we write is read by programs that know nothing of us: diffusers, Pillow, event-model, libca."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ROOT = Path(__file__).parents[2]
LABS = ROOT / "campaigns" / "library" / "labs"
WEIGHTS = ROOT / "models" / "weights" / "lmr-6"
PIXEL_UM = 0.0330729
RECIPE = {"polymer_wt_pct": 15.0, "nonsolvent_pct": 4.0, "bath_temperature_C": 25.0, "evaporation_s": 30.0}


def imagej_pixel_um(path: Path) -> float:
    """The pixel size as ImageJ takes it from the tags of a TIFF: pixels per centimetre."""
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        assert page.tags["ResolutionUnit"].value == tifffile.RESUNIT.CENTIMETER
        across, along = (page.tags[name].value for name in ("XResolution", "YResolution"))
    assert across == along
    return 1e4 * across[1] / across[0]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory in which one batch was made and imaged, in the simulated membrane lab."""
    from devices.labfile import load_lab

    state = tmp_path_factory.mktemp("lab")
    with load_lab(LABS / "simulated-membrane.yaml", state_dir=state, seed=0) as lab:
        lab.synthesise("foreign-1", RECIPE)
        lab.acquire("foreign-1", 5000, fields=2, first_field=0, folder=state / "images")
    return state


def test_plain_diffusers_loads_the_shipped_weights():
    import torch
    from diffusers import AutoencoderKL, ControlNetModel, DPMSolverMultistepScheduler, UNet2DConditionModel

    vae = AutoencoderKL.from_pretrained(WEIGHTS / "vae", use_safetensors=True, torch_dtype=torch.float32)
    unet = UNet2DConditionModel.from_pretrained(
        WEIGHTS / "unet", use_safetensors=True, torch_dtype=torch.float32
    )
    control = ControlNetModel.from_pretrained(
        WEIGHTS / "controlnet", use_safetensors=True, torch_dtype=torch.float32
    )
    scheduler = DPMSolverMultistepScheduler.from_pretrained(WEIGHTS / "scheduler")
    assert scheduler.config.num_train_timesteps == 1000
    stripes = torch.sin(torch.arange(128) / 8).expand(1, vae.config.in_channels, 128, 128)
    with torch.no_grad():
        latent = vae.encode(stripes).latent_dist.mode()
        seen = vae.decode(latent).sample
        assert float(torch.corrcoef(torch.stack([seen.flatten(), stripes.flatten()]))[0, 1]) > 0.8
        text = torch.zeros(1, 1, unet.config.cross_attention_dim)
        steer = torch.zeros(1, control.config.conditioning_channels, *latent.shape[2:])
        conditions = torch.zeros(1, control.config.projection_class_embeddings_input_dim)
        downs, middle = control(latent, 10, text, steer, class_labels=conditions, return_dict=False)
        noise = unet(
            latent,
            10,
            text,
            down_block_additional_residuals=downs,
            mid_block_additional_residual=middle,
        ).sample
    assert noise.shape == latent.shape
    assert bool(torch.isfinite(noise).all())


def test_micrographs_open_with_their_pixel_size(batch: Path):
    found = sorted((batch / "images").rglob("*.tif"))
    assert len(found) == 2
    for path in found:
        with Image.open(path) as picture:
            pixels = np.asarray(picture)
        assert np.array_equal(pixels, tifffile.imread(path))
        with tifffile.TiffFile(path) as file:
            told = json.loads(file.pages.first.description)["pixel_size_um"]
        assert imagej_pixel_um(path) == pytest.approx(told, rel=1e-6)


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_predicted_images_open_with_their_pixel_size(suffix: str, tmp_path: Path):
    from cli.drawing import write_image

    path = tmp_path / f"predicted{suffix}"
    pixels = np.linspace(0, 1, 64 * 48).reshape(48, 64)
    write_image(path, pixels, PIXEL_UM, {"model": "lmr-6"})
    with Image.open(path) as picture:
        assert picture.size == (64, 48)
        dots_per_inch = float(picture.info["dpi"][0])
    assert 25_400 / dots_per_inch == pytest.approx(PIXEL_UM, rel=1e-3)


def test_label_images_open_in_anything(tmp_path: Path):
    from cli.overlays import write_labels

    labels = np.zeros((40, 60), np.int32)
    labels[5:15, 5:15], labels[20:35, 30:50] = 1, 300
    path = tmp_path / "masks.tif"
    write_labels(path, labels)
    with Image.open(path) as picture:
        assert sorted(np.unique(np.asarray(picture))) == [0, 1, 300]


def test_documents_follow_blueskys_own_schema(batch: Path):
    from event_model import DocumentNames, DocumentRouter, schema_validators

    class Counter(DocumentRouter):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.exits: list[str] = []

        def stop(self, doc: dict[str, object]) -> None:
            self.exits.append(str(doc["exit_status"]))

    files = sorted((batch / "runs").glob("*.jsonl"))
    assert files
    counter = Counter()
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            told = json.loads(line)
            name, document = told["name"], told["document"]
            schema_validators[DocumentNames[name]].validate(document)
            counter(name, document)
    assert counter.exits
    assert set(counter.exits) == {"success"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The simulated lab served over Channel Access, and the environment that finds it."""
    port = str(free_port())
    command = [sys.executable, "-m", "cli.main", "lab", "serve-ioc", str(LABS / "simulated-membrane.yaml")]
    log = tmp_path / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*command, "--port", port, "--state", str(tmp_path / "ioc")],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            while b"Serving" not in log.read_bytes():
                assert process.poll() is None, log.read_text()
            yield {
                "EPICS_CA_ADDR_LIST": "127.0.0.1",
                "EPICS_CA_AUTO_ADDR_LIST": "NO",
                "EPICS_CA_SERVER_PORT": port,
            }
        finally:
            process.terminate()


def test_epics_own_client_reads_and_writes_the_controller(served: dict[str, str]):
    """libca, the C library behind caget and caput, in a process of its own."""
    code = (
        "import epics\n"
        "print(epics.caget('ML:Lab', as_string=True, timeout=10))\n"
        "print(epics.caput('ML:Reactor:bath_temperature_C', 30, wait=True, timeout=10))\n"
        "print(epics.caget('ML:Reactor:bath_temperature_C', use_monitor=False, timeout=10))\n"
        "pv = epics.get_pv('ML:Reactor:bath_temperature_C', connect=True)\n"
        "pv.get_ctrlvars()\n"
        "print(pv.units, pv.upper_ctrl_limit)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **served},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == ["simulated-membrane", "1", "30.0", "degC 70.0"]
