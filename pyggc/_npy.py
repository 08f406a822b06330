"""Arrays in NumPy's ``.npy`` format, read without trust: `numpy.load` allocates what a header declares, come what may.

A leaf: it knows nothing of the package.
"""

from __future__ import annotations

import io
import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def parse_npy(data: bytes) -> npt.NDArray[Any]:
    """Look at the bytes of a file as the array that they hold.

    Parameters
    ----------
    data : bytes
        The whole file, of version 1.0 or 2.0.

    Returns
    -------
    ndarray
        Read-only: it shares the memory of `data`.

    Raises
    ------
    ValueError
        If it is no such file, holds objects, or declares more or less than there is.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> file = io.BytesIO()
    >>> np.save(file, np.arange(3, dtype=np.uint8))
    >>> parse_npy(file.getvalue())
    array([0, 1, 2], dtype=uint8)
    """
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            shape, fortran, dtype = _HEADERS[version](file)
    except Exception as error:  # The header is Python's text: its tokenizer, its parser and NumPy's types all refuse.
        raise ValueError(f"a header of no array: {str(error) or type(error).__name__}") from error
    start = file.tell()
    # A bool is an integer to NumPy's check of the header, and no side of an array.
    sound = all(type(side) is int and side >= 0 for side in shape) and not dtype.hasobject
    if not sound or math.prod(shape) * dtype.itemsize != len(data) - start:
        raise ValueError(f"the header declares {shape} of {dtype}, but {len(data) - start} bytes follow")
    array = np.frombuffer(data, dtype, math.prod(shape), start)
    return array.reshape(shape, order="F" if fortran else "C")
