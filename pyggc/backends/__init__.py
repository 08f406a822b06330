"""One protocol for all devices, and the devices that there are."""

from __future__ import annotations

from functools import cache
from typing import Any

from pyggc.backends.cpu import CpuBackend
from pyggc.backends.protocol import Backend
from pyggc.errors import DeviceError

__all__ = ["DEVICES", "Backend", "DeviceError", "backend_of", "get_backend", "is_on_cuda", "on_host"]


def _cuda() -> Backend:
    try:
        from pyggc.backends.cuda import CudaBackend
    except ImportError as error:
        advice = "pip install 'pyggc[cuda12]' or 'pyggc[cuda13]', as the driver is"
        raise DeviceError(f"device 'cuda' needs CuPy, which cannot be imported: {advice} ({error})") from error
    return CudaBackend()


def _auto() -> Backend:
    try:
        return _BACKENDS["cuda"]()
    except DeviceError:
        return _BACKENDS["cpu"]()


# A further device: its module and one row here. Each is made when first asked for, and once.
_BACKENDS = {"cpu": cache(CpuBackend), "cuda": cache(_cuda), "auto": cache(_auto)}
#: Their names.
DEVICES = tuple(_BACKENDS)


def get_backend(device: str | Backend = "cpu") -> Backend:
    """Return the backend of a device.

    Parameters
    ----------
    device : {"cpu", "cuda", "auto"} or Backend
        ``"auto"`` is a GPU if one can be used, else the CPU. A backend is returned as it is.

    Raises
    ------
    ValueError, TypeError
        If there is no such device.
    DeviceError
        If it cannot be used here: CuPy, the driver or the device is missing.

    Examples
    --------
    >>> from pyggc.backends import get_backend
    >>> get_backend().name
    'cpu'
    """
    if not isinstance(device, str):
        if not hasattr(device, "rasterize"):
            raise TypeError(f"device must be one of {', '.join(DEVICES)} or a backend, got {device!r}")
        return device
    if device not in _BACKENDS:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, got {device!r}")
    return _BACKENDS[device]()


def is_on_cuda(array: object) -> bool:
    """Whether an array lies in a GPU's memory: CuPy's, or that of another library that shows it as CuPy does."""
    return hasattr(array, "__cuda_array_interface__")


def backend_of(array: object) -> Backend:
    """Return the backend of the device in whose memory an array lies."""
    return get_backend("cuda" if is_on_cuda(array) else "cpu")


def on_host(array: Any) -> Any:
    """Return a copy in the host's memory of an array that lies in a GPU's; any other as it is."""
    if not is_on_cuda(array):
        return array
    gpu = get_backend("cuda")
    return gpu.download(gpu.upload(array))
