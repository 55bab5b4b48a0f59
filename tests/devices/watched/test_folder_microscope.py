"""Real files, written as vendors' software writes them, and real threads."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from devices.errors import LabError, LabStopped, NeedsPerson
from devices.images import read_provenance
from devices.labfile import load_lab
from devices.laboratory import Laboratory

pytestmark = pytest.mark.slow

SHIPPED = Path(__file__).parents[3] / "campaigns" / "library" / "labs" / "manual-lmr.yaml"
WIDTH = 160
PIXEL_UM = 127_000 / 3000 / WIDTH

OpenLab = Callable[..., Laboratory]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sem").mkdir()
    return tmp_path / "sem"


@pytest.fixture
def open_lab(tmp_path: Path, folder: Path) -> Iterator[OpenLab]:
    import yaml

    opened: list[Laboratory] = []

    def open_(**options: Any) -> Laboratory:
        content = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
        content.pop("stations")
        content["microscope"]["options"] = {
            "folder": str(folder), "settle_s": 0.15, "timeout_min": 0.1, "magnification": "asked", **options
        }  # fmt: skip
        path = tmp_path / "lab.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        opened.append(load_lab(path, state_dir=tmp_path / "state", seed=0))
        return opened[-1]

    yield open_
    for lab in opened:
        lab.close()


class Imaging:
    """``acquire`` in a thread, once the lab waits."""

    def __init__(
        self, lab: Laboratory, out: Path, *, fields: int = 1, first: int = 0, magnification: float = 3000
    ) -> None:
        self.lab, self.outcome = lab, []
        self.notes: list[str] = []
        lab.microscope.note.subscribe(lambda value, **_: self.notes.append(value), run=False)

        def work() -> None:
            try:
                self.outcome.append(lab.acquire("b-1", magnification, fields, first, out))
            except LabError as error:
                self.outcome.append(error)

        self.thread = threading.Thread(target=work)
        self.thread.start()
        self.until(lambda: self.outcome or any(note.startswith("waiting") for note in self.notes))

    def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 15
        while not holds():
            assert time.monotonic() < deadline, self.notes
            time.sleep(0.01)

    def end(self) -> Any:
        self.thread.join(20)
        return self.outcome[0]

    def told(self, words: str) -> None:
        self.until(lambda: any(words in note for note in self.notes))


def micrograph(seed: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(seed).integers(0, 255, (120, WIDTH), dtype=np.uint8)


def drop(path: Path, seed: int = 0, pixel_um: float = PIXEL_UM, **more: Any) -> bytes:
    """Write a TIFF elsewhere and move it in, as good software does."""
    aside = path.with_name(f"~{path.name}")
    options = {"resolution": (1e4 / pixel_um, 1e4 / pixel_um), "resolutionunit": "CENTIMETER", **more}
    tifffile.imwrite(aside, micrograph(seed), photometric="minisblack", metadata=None, **options)
    aside.replace(path)
    return path.read_bytes()


def test_the_next_new_image_is_taken_in_with_its_provenance(open_lab, folder, tmp_path) -> None:  # type: ignore[no-untyped-def]
    drop(folder / "yesterday.tif", seed=9)
    imaging = Imaging(open_lab(), tmp_path / "out")
    content = drop(folder / "a.tif", seed=1)
    (path,) = imaging.end()
    assert path.name == "b-1_3000x_000.tif"
    assert np.array_equal(tifffile.imread(path), micrograph(1))
    said = read_provenance(path)
    assert (said.key, said.field, said.magnification, said.source) == ("b-1", 0, 3000, "a.tif")
    assert said.pixel_size_um == pytest.approx(PIXEL_UM, rel=1e-5)
    assert not said.simulated
    assert said.information_bar_rows is None  # it has to be found
    import hashlib

    assert said.source_sha256 == hashlib.sha256(content).hexdigest()
    assert sorted(one.name for one in folder.iterdir()) == ["a.tif", "yesterday.tif"]  # nothing was touched


def test_a_slow_copy_is_waited_for(open_lab, folder, tmp_path) -> None:  # type: ignore[no-untyped-def]
    content = drop(tmp_path / "elsewhere.tif", seed=1)
    imaging = Imaging(open_lab(), tmp_path / "out")
    with (folder / "slow.tif").open("wb") as file:
        for part in range(0, len(content), 4000):
            file.write(content[part : part + 4000])
            file.flush()
            if part == 8000:
                # A pause longer than the settling time: what is there is at rest, and not whole.
                imaging.told("slow.tif is not taken: it is cut off")
            time.sleep(0.05)
            assert not imaging.outcome
    (path,) = imaging.end()
    assert np.array_equal(tifffile.imread(path), micrograph(1))
    assert any("is arriving" in note for note in imaging.notes)


def test_a_file_that_never_becomes_whole_is_told_at_the_end(open_lab, folder, tmp_path) -> None:  # type: ignore[no-untyped-def]
    content = drop(tmp_path / "elsewhere.tif")
    imaging = Imaging(open_lab(timeout_min=0.02), tmp_path / "out")
    (folder / "half.tif").write_bytes(content[: len(content) // 2])
    error = imaging.end()
    assert isinstance(error, NeedsPerson)
    assert "No image for field 0 of b-1 at 3000×" in str(error)
    assert "half.tif: it is cut off" in str(error)
    assert not list((tmp_path / "out").glob("*"))


def as_text(path: Path) -> None:
    path.write_text("this is a report, not an image")


def as_nothing(path: Path) -> None:
    path.write_bytes(b"")


def as_half_a_png(path: Path) -> None:
    import io

    whole = io.BytesIO()
    Image.fromarray(micrograph()).save(whole, "PNG")
    path.write_bytes(whole.getvalue()[:9000])


def as_a_stack(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((3, 20, 30), np.uint8), photometric="minisblack")


def as_no_numbers(path: Path) -> None:
    tifffile.imwrite(path, np.full((20, 30), np.nan, np.float32))


def as_unscaled(path: Path) -> None:
    tifffile.imwrite(path, micrograph(3), photometric="minisblack", metadata=None)


def as_another_magnification(path: Path) -> None:
    drop(path, seed=4, description='{"magnification": 15000, "pixel_size_um": 0.05}')


def as_implausible(path: Path) -> None:
    drop(path, seed=5, pixel_um=PIXEL_UM * 20)


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (as_text, "it is no image"),
        (as_nothing, "it is empty"),
        (as_half_a_png, "it is damaged or cut off"),
        (as_a_stack, "it has 3 pages"),
        (as_no_numbers, "it holds values that are no numbers"),
        (as_unscaled, "it does not say its pixel size"),
        (as_another_magnification, "it was taken at 15000×, and 3000× is asked for"),
        (as_implausible, "its pixel size of 5.292 µm does not go with 3000×"),
    ],
)
def test_what_is_no_micrograph_is_told_and_the_next_one_is_taken(  # type: ignore[no-untyped-def]
    open_lab, folder, tmp_path, write, told: str
) -> None:
    imaging = Imaging(open_lab(), tmp_path / "out")
    write(folder / "wrong.tif")
    imaging.told(f"wrong.tif is not taken: {told}")
    drop(folder / "right.tif", seed=1)
    (path,) = imaging.end()
    assert read_provenance(path).source == "right.tif"


def test_metadata_alone_counts_where_it_is_asked_for(open_lab, folder, tmp_path) -> None:  # type: ignore[no-untyped-def]
    imaging = Imaging(open_lab(magnification="metadata"), tmp_path / "out")
    drop(folder / "silent.tif", seed=1)
    imaging.told("silent.tif is not taken: it does not say its magnification")
    # The side-car comes after the image, as from a JEOL; the image is then looked at anew.
    marker = 1.0 / PIXEL_UM
    (folder / "silent.txt").write_text(
        f"$CM_MAG 3000\n$$SM_MICRON_BAR {marker:.4f}\n$$SM_MICRON_MARKER 1um\n"
    )
    (path,) = imaging.end()
    assert read_provenance(path).pixel_size_um == pytest.approx(PIXEL_UM, rel=1e-4)


def test_a_png_that_says_nothing_is_scaled_by_the_width_of_the_display(open_lab, folder, tmp_path) -> None:  # type: ignore[no-untyped-def]
    imaging = Imaging(open_lab(pattern="*.png", display_width_mm=127.0), tmp_path / "out")
    Image.fromarray(np.stack([micrograph(2)] * 3, axis=-1)).save(folder / "shot.png")
    (path,) = imaging.end()
    assert np.array_equal(tifffile.imread(path), micrograph(2))
    assert read_provenance(path).pixel_size_um == pytest.approx(PIXEL_UM)


def test_the_same_content_twice_is_one_field(open_lab, folder, tmp_path) -> None:  # type: ignore[no-untyped-def]
    imaging = Imaging(open_lab(), tmp_path / "out", fields=2)
    drop(folder / "a.tif", seed=1)
    imaging.told("field 0 of b-1 is there")
    shutil.copy(folder / "a.tif", folder / "copy of a.tif")
    imaging.told("copy of a.tif is not taken: it has the same content as a.tif, which is field 0 of b-1")
    drop(folder / "b.tif", seed=2)
    first, second = imaging.end()
    assert [read_provenance(path).source for path in (first, second)] == ["a.tif", "b.tif"]


def test_two_at_once_are_two_fields_the_older_first(open_lab, folder, tmp_path) -> None:  # type: ignore[no-untyped-def]
    aside = [tmp_path / "aside" / name for name in ("z.tif", "a.tif")]
    aside[0].parent.mkdir()
    for seed, path in enumerate(aside):
        drop(path, seed=seed)
    imaging = Imaging(open_lab(), tmp_path / "out", fields=2)
    threads = [threading.Thread(target=path.replace, args=(folder / path.name,)) for path in aside]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [read_provenance(path).source for path in imaging.end()] == ["z.tif", "a.tif"]


def test_after_a_crash_a_field_is_the_same_again(open_lab, folder, tmp_path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "out"
    imaging = Imaging(open_lab(), out, fields=2)
    for seed, name in enumerate(("a.tif", "b.tif")):
        drop(folder / name, seed=seed)
    before = [path.read_bytes() for path in imaging.end()]
    # Killed after the image was written and before the journal said so; meanwhile another image came.
    journal = tmp_path / "state" / "watched" / "microscope.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:-1]) + lines[-1][:30])
    (out / "b-1_3000x_000.tif").unlink()  # and one that was handed on already
    drop(folder / "c.tif", seed=2)
    again = Imaging(open_lab(), out, fields=3).end()
    assert [path.read_bytes() for path in again[:2]] == before
    assert [read_provenance(path).source for path in again] == ["a.tif", "b.tif", "c.tif"]
    (out / "b-1_3000x_001.tif").unlink()
    (folder / "b.tif").unlink()
    error = Imaging(open_lab(), out, first=1).end()
    assert "was taken from b.tif, which is gone" in str(error)


def test_a_stop_while_it_waits(open_lab, folder, tmp_path) -> None:  # type: ignore[no-untyped-def]
    lab = open_lab()
    imaging = Imaging(lab, tmp_path / "out")
    lab.stop("the beam is off")
    assert isinstance(imaging.end(), LabStopped)
    drop(folder / "late.tif")
    time.sleep(0.4)
    assert not list((tmp_path / "out").glob("*"))


def test_a_folder_that_goes_away_is_told(open_lab, folder, tmp_path) -> None:  # type: ignore[no-untyped-def]
    lab = open_lab()
    assert lab.microscope.check() == []
    imaging = Imaging(lab, tmp_path / "out")
    folder.rename(tmp_path / "elsewhere")
    assert f"The watched folder {folder} cannot be read" in str(imaging.end())
    assert "is not there" in lab.microscope.check()[0]


def test_options_that_mean_nothing_are_told(open_lab) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LabError, match="expected metadata or asked"):
        open_lab(magnification="guess")
    with pytest.raises(LabError, match="timeout_min must be more than 0"):
        open_lab(timeout_min=0)
