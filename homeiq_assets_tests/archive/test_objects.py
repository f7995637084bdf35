"""What every archive promises of its objects, and the folder's own behaviour when its disk misbehaves."""

import os
from pathlib import Path

import pytest

from homeiq_assets.archive.objects import LocalFolder, ObjectStore
from homeiq_assets.errors import ArchiveError


def test_what_was_put_comes_back_and_is_replaced_as_a_whole(objects: ObjectStore) -> None:
    objects.put("a/b/one.parquet", b"first")
    objects.put("a/b/one.parquet", b"second")
    assert objects.get("a/b/one.parquet") == b"second"
    assert objects.sizes("") == {"a/b/one.parquet": 6}


def test_what_is_not_there_is_none_and_may_be_deleted(objects: ObjectStore) -> None:
    assert objects.get("a/nothing") is None
    objects.delete("a/nothing")
    assert objects.sizes("a") == {}


def test_names_are_those_below_the_folder_from_the_root(objects: ObjectStore) -> None:
    for name in ("m/year=2025/month=01/x", "m/year=2025/month=01/day=05/y", "m/year=2025/month=010/z", "n/q"):
        objects.put(name, b"data")
    assert list(objects.sizes("m/year=2025/month=01")) == ["m/year=2025/month=01/day=05/y", "m/year=2025/month=01/x"]
    objects.delete("m/year=2025/month=01/x")
    assert objects.sizes("m/year=2025/month=01/") == {"m/year=2025/month=01/day=05/y": 4}


def test_a_probe_leaves_nothing_behind(objects: ObjectStore) -> None:
    assert objects.probe()
    assert objects.sizes("") == {}


def test_an_unfinished_file_is_no_object_and_is_removed_once_it_is_old(tmp_path: Path) -> None:
    folder = LocalFolder(tmp_path)
    young, old = tmp_path / "m" / ".young.part", tmp_path / "m" / ".old.part"
    young.parent.mkdir()
    young.write_bytes(b"half an obj")
    old.write_bytes(b"half an obj")
    os.utime(old, (0, 0))
    folder.put("m/x.parquet", b"whole")
    assert folder.sizes("m") == {"m/x.parquet": 5}
    assert young.exists()
    assert not old.exists()


def test_a_folder_that_cannot_be_written_names_its_setting(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file stands where the folder should be")
    with pytest.raises(ArchiveError, match=r"HOMEIQ_HOME: cannot write x/y .*permissions") as caught:
        LocalFolder(tmp_path / "archive").put("x/y", b"data")
    assert str(tmp_path / "archive") in str(caught.value)


def test_an_object_that_cannot_be_read_names_its_setting(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(ArchiveError, match="HOMEIQ_HOME: cannot read x"):
        LocalFolder(tmp_path).get("x")
