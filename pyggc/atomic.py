"""Files that are either the old one or the whole new one. A leaf: everything that writes a file does it here."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat

from pyggc.cursor import BytesLike, as_bytes_view


def atomic_write(path: str | os.PathLike[str], data: BytesLike) -> None:
    """Write a file so that no failure, interruption or power cut leaves half of it.

    The bytes go to a temporary file in the same folder, reach the disk, and then take the file's name in one
    step. A replaced file keeps its permission bits; a new one gets those that the process's umask leaves.
    A symbolic link stays one: the file that it points to is replaced. Something that is no regular file, such
    as ``/dev/stdout`` or a named pipe, is written to directly.

    Parameters
    ----------
    path : str or path-like
        Where to write.
    data : bytes-like
        The whole content.

    Raises
    ------
    IsADirectoryError
        If `path` is a folder.
    FileNotFoundError
        If its folder does not exist.
    PermissionError
        If the file that it would replace, or the folder, may not be written.
    OSError
        If the disk is full or fails.
    TypeError
        If `data` is not bytes-like, or `path` is no path.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "photo.ggc")
    ...     atomic_write(path, b"GGC")
    ...     path.read_bytes(), len(list(path.parent.iterdir()))
    (b'GGC', 1)
    """
    view = as_bytes_view(data)
    name = os.fspath(path)
    if not isinstance(name, str):
        raise TypeError(f"path: expected text, got {type(name).__name__}")
    target = os.path.realpath(name)
    folder = os.path.dirname(target)
    mode = _mode_of_existing(name, target)
    if mode is not None and not stat.S_ISREG(mode):
        with open(target, "wb") as stream:
            stream.write(view)
        return
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "the folder to write into does not exist", folder)
    temporary = os.path.join(folder, f".{secrets.token_hex(12)}.ggc-tmp")
    # BaseException, and with the creation inside: a Ctrl-C between two lines must not leave the file either.
    try:
        with open(temporary, "xb") as stream:
            stream.write(view)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode) & 0o777)
        os.replace(temporary, target)
    except BaseException:
        # It may be gone with its folder, and what went wrong is the first error, not this one.
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _mode_of_existing(name: str, target: str) -> int | None:
    """Look at what the write would replace: its mode, or None if there is nothing."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "expected the name of a file, got a folder", name)
    # A rename asks only the folder for permission; open(path, "wb") would have asked the file.
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "the file to replace is read-only", name)
    return mode


def _sync_folder(folder: str) -> None:
    """Make the new name durable, where the system lets a folder be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    # One may write in a folder that one may not read, and some network and FUSE file systems refuse to sync one; the
    # file is complete either way.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
