"""One protocol for all devices, and the devices that there are."""

from __future__ import annotations

from functools import cache

from pyggc.backends.cpu import CpuBackend
from pyggc.backends.protocol import Backend

__all__ = ["Backend", "get_backend"]

# A further device: its module and one row here. Each is made when first asked for, and once.
_BACKENDS = {"cpu": cache(CpuBackend)}


def get_backend(device: str = "cpu") -> Backend:
    """Return the backend of a device.

    Parameters
    ----------
    device : str
        ``"cpu"``.

    Raises
    ------
    ValueError
        If there is no such device.

    Examples
    --------
    >>> from pyggc.backends import get_backend
    >>> get_backend().name
    'cpu'
    """
    if device not in _BACKENDS:
        raise ValueError(f"device must be one of {', '.join(sorted(_BACKENDS))}, got {device!r}")
    return _BACKENDS[device]()
