import os
import pathlib
import stat
import threading

import pytest

from pyggc.container import atomic_write


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    """Set a known umask for one test."""
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def test_a_new_file_and_a_replaced_one(tmp_path):
    path = tmp_path / "photo.ggc"
    for data in (b"first", memoryview(b"second"), b""):
        atomic_write(path, data)
        assert path.read_bytes() == bytes(data)
        assert names(tmp_path) == ["photo.ggc"]


def test_permissions(tmp_path, umask):
    path = tmp_path / "photo.ggc"
    atomic_write(path, b"a")
    assert mode_of(path) == 0o666 & ~umask
    path.chmod(0o604)
    atomic_write(path, b"b")
    assert mode_of(path) == 0o604


def test_a_relative_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    atomic_write("photo.ggc", b"a")
    assert names(tmp_path) == ["photo.ggc"]


def test_a_name_as_long_as_the_system_allows(tmp_path):
    path = tmp_path / ("n" * 251 + ".ggc")
    atomic_write(path, b"a")
    assert path.read_bytes() == b"a"


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "photo.ggc", tmp_path / "link.ggc"
    target.write_bytes(b"old")
    link.symlink_to(target)
    atomic_write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert names(tmp_path / "real") == ["photo.ggc"]


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    received = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()))
    reader.start()
    atomic_write(path, b"data")
    reader.join()
    assert received == [b"data"]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_folder_a_missing_folder_and_a_file_for_a_folder(tmp_path):
    with pytest.raises(IsADirectoryError, match="expected the name of a file, got a folder"):
        atomic_write(tmp_path, b"a")
    with pytest.raises(FileNotFoundError, match=r"the folder to write into does not exist: .*missing"):
        atomic_write(tmp_path / "missing" / "photo.ggc", b"a")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        atomic_write(tmp_path / "file" / "photo.ggc", b"a")
    assert names(tmp_path) == ["file"]


def test_a_read_only_file_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "photo.ggc"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda *_: False)  # what a user other than root is told of a 0o444 file
    with pytest.raises(PermissionError, match="read-only"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"


def test_bad_arguments_touch_nothing(tmp_path):
    with pytest.raises(TypeError, match="data: expected a bytes-like object, got str"):
        atomic_write(tmp_path / "photo.ggc", "text")
    with pytest.raises(TypeError, match="path: expected text"):
        atomic_write(os.fsencode(tmp_path / "photo.ggc"), b"a")
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_a_failure_at_any_step_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, step, error):
    path = tmp_path / "photo.ggc"
    path.write_bytes(b"old")

    def fail(*_):
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error)):
        atomic_write(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["photo.ggc"]


def test_an_interruption_right_after_the_rename_leaves_the_whole_new_file(tmp_path, monkeypatch):
    path = tmp_path / "photo.ggc"
    replace = os.replace

    def replace_then_fail(*names):
        replace(*names)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", replace_then_fail)
    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["photo.ggc"]


def test_the_bytes_reach_the_disk_before_the_name_changes(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append("fsync"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda *paths: (calls.append("replace"), replace(*paths)))
    atomic_write(pathlib.Path(tmp_path, "photo.ggc"), b"a")
    assert calls == ["fsync", "replace", "fsync"]
