import resource
from pathlib import Path

import pytest

from models.errors import UnusableInput
from models.generator import registry
from models.generator.export import save
from tests.models.generator.stand_in import generator

pytestmark = pytest.mark.slow  # it brings in the networks


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "SHIPPED", tmp_path / "shipped")
    save(generator(), tmp_path / "shipped" / "blobs-1")
    return tmp_path / "shipped" / "blobs-1"


def other(tmp_path: Path, name: str, seed: int) -> Path:
    save(generator(seed, name), tmp_path / "made" / name)
    return tmp_path / "made" / name


def test_the_shipped_version_is_current_until_another_is_promoted(shipped: Path, tmp_path: Path) -> None:
    assert registry.current() == "blobs-1"
    assert registry.register(other(tmp_path, "blobs-1-ft-a", 1)) == "blobs-1-ft-a"
    assert registry.current() == "blobs-1"
    registry.promote("blobs-1-ft-a")
    assert registry.current() == "blobs-1-ft-a"
    listed = {v.name: v for v in registry.versions()}
    assert listed["blobs-1"].shipped
    assert listed["blobs-1-ft-a"].current
    assert registry.rollback() == "blobs-1"
    assert registry.current() == "blobs-1"
    with pytest.raises(UnusableInput, match="no earlier version"):
        registry.rollback()


def test_registering_twice_is_harmless_and_a_name_is_taken_once(shipped: Path, tmp_path: Path) -> None:
    first = other(tmp_path, "blobs-2", 1)
    registry.register(first)
    registry.register(first)
    save(generator(2, "blobs-2"), tmp_path / "elsewhere" / "blobs-2")
    with pytest.raises(UnusableInput, match="already called blobs-2"):
        registry.register(tmp_path / "elsewhere" / "blobs-2")
    assert [v.name for v in registry.versions()] == ["blobs-1", "blobs-2"]


def test_a_damaged_version_is_not_promoted_but_listed(shipped: Path, tmp_path: Path) -> None:
    registry.register(other(tmp_path, "blobs-2", 1))
    (registry.models_directory() / "blobs-2" / "unet" / "config.json").write_text("{}")
    with pytest.raises(UnusableInput, match="damaged"):
        registry.promote("blobs-2")
    (registry.models_directory() / "blobs-2" / "morpholoop.json").write_text("")
    assert registry.versions()[-1].problem


def test_unknown_names_are_told_with_the_known_ones(shipped: Path) -> None:
    with pytest.raises(UnusableInput, match="known: blobs-1"):
        registry.locate("nope")
    with pytest.raises(UnusableInput, match="no generator in"):
        registry.locate(Path("/nowhere/at/all"))


def test_a_folder_of_the_working_directory_needs_no_slash_and_a_version_goes_before_it(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("blobs-7", "blobs-1"):
        (tmp_path / name).mkdir(exist_ok=True)
    assert registry.locate("blobs-7") == Path("blobs-7")
    assert registry.locate("blobs-1") == registry.SHIPPED / "blobs-1"


def test_a_copy_that_finds_no_room_is_told_and_leaves_nothing(shipped: Path, tmp_path: Path) -> None:
    size = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, size[1]))
    try:
        with pytest.raises(UnusableInput, match=r"blobs-1 cannot be written \([^()]*\); make room"):
            registry.copy_version(shipped, tmp_path / "usb" / "blobs-1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, size)
    assert not list((tmp_path / "usb").iterdir())


def test_a_folder_is_not_promoted(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(generator(1, "blobs-2"), tmp_path / "blobs-2")
    monkeypatch.chdir(tmp_path)
    for given in ("blobs-2", "./blobs-2"):
        with pytest.raises(UnusableInput, match="known: blobs-1"):
            registry.promote(given)
    assert registry.current() == "blobs-1"


def test_without_any_version_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "SHIPPED", tmp_path / "none")
    assert registry.current() is None
    with pytest.raises(UnusableInput, match="none is shipped"):
        registry.locate()
