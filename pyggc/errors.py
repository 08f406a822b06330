"""The error tree: everything the library raises on purpose derives from `GgcError`.

Bad arguments of a caller raise the built-in `ValueError` or `TypeError`; bad bytes of a
stream raise `BitstreamError` or one of its children.
"""

from __future__ import annotations


class GgcError(Exception):
    """Base class of every error that this library raises for reasons of its own."""


class BitstreamError(GgcError, ValueError):
    """The bytes are not a valid stream.

    The message names the section, the byte offset, what was expected and what was found.
    """


class TruncatedStream(BitstreamError):
    """The stream ends before the data that it declares."""


class UnsupportedVersion(BitstreamError):
    """The stream was written by a version, or uses a feature, that this release does not know."""


class LimitExceeded(BitstreamError):
    """The stream declares more pixels, Gaussians or rendering work than the caller allows."""


class DeviceError(GgcError, RuntimeError):
    """A device that was asked for cannot be used: its library, its driver or the device itself is missing."""


class DeviceMemoryError(DeviceError, MemoryError):
    """The device has not enough memory."""


class PartialImageWarning(UserWarning):
    """Only a part of what a file should hold was there, and was decoded because the caller asked for it."""


class ChecksumMismatch(BitstreamError):
    """A stored CRC-32 differs from that of the bytes it covers."""
