"""Files as bytes: written whole or not at all, and recognized by how they begin."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from pathlib import Path

from PIL import Image


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file that is whole or not there: under a temporary name beside it, then renamed.

    Parameters
    ----------
    path : path-like
        The file to write; one that exists is replaced.
    data : bytes
        Its content.

    Raises
    ------
    OSError
        As from `open` and `os.replace`; nothing is left behind.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        # A device or a pipe, such as /dev/null, is written to, not replaced. A folder fails here, with the right error.
        path.write_bytes(data)
        return
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, _mode_for(path))
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def describe_bytes(data: bytes) -> str:
    """Say what the first bytes of a file look like, for a message: "a PNG image", "text", ...

    Parameters
    ----------
    data : bytes
        The file or its head.

    Returns
    -------
    str
    """
    if not data:
        return "an empty file"
    for magic, name in (
        (b"GGC\x00", "a .ggc file"),
        (b"\x93NUMPY", "a NumPy array"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "a gzip file"),
        (b"\x7fELF", "a program"),
    ):
        if data.startswith(magic):
            return name
    with contextlib.suppress(Exception), Image.open(io.BytesIO(data)) as image:
        return f"a {image.format} image"
    head = data[:512]
    try:
        # The cut may fall inside a character, so its last bytes don't count.
        text = head.decode() if len(data) <= 512 else head.decode(errors="ignore")
    except UnicodeDecodeError:
        return "data of an unknown kind"
    return "text" if all(c.isprintable() or c.isspace() for c in text) else "data of an unknown kind"


def _mode_for(path: Path) -> int:
    """The permissions of the file that is replaced, or those that `open` would give a new one."""
    try:
        return path.stat().st_mode & 0o7777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
