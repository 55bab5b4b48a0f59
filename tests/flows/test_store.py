import hashlib

import pytest

from flows.store import put, verify
from models.errors import UnusableInput


def test_a_file_is_stored_under_its_checksum_once(tmp_path):
    source = tmp_path / "field.tif"
    source.write_bytes(b"pixels")
    first = put(source, tmp_path / "store")
    again = put(b"pixels", tmp_path / "store", ".tif")
    assert first == again
    assert first.sha256 == hashlib.sha256(b"pixels").hexdigest()
    assert first.path.read_bytes() == b"pixels"
    assert [p.name for p in (tmp_path / "store").rglob("*") if p.is_file()] == [f"{first.sha256}.tif"]
    verify(first.path, first.sha256)


def test_a_changed_file_is_noticed(tmp_path):
    stored = put(b"pixels", tmp_path, ".tif")
    stored.path.write_bytes(b"other")
    with pytest.raises(UnusableInput, match="has changed"):
        verify(stored.path, stored.sha256)
    stored.path.unlink()
    with pytest.raises(UnusableInput, match="cannot be read"):
        verify(stored.path, stored.sha256)


def test_a_missing_source_leaves_nothing(tmp_path):
    with pytest.raises(UnusableInput, match="cannot be stored"):
        put(tmp_path / "missing.tif", tmp_path / "store")
    assert not (tmp_path / "store").exists()
