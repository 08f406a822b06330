"""Encode a photograph with the command ``gaussian-codec``, decode it, and compare it with JPEG and WebP of its size.

Usage: ``python examples/demo.py FOLDER``. The files stay in the folder for a look. The photograph is scikit-image's
"coffee", which is part of its package.
"""

from __future__ import annotations

import io
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from pyggc.evaluate import psnr, ssim

COMMAND = str(Path(sysconfig.get_path("scripts"), "gaussian-codec"))
QUALITY = "30"


def run(*arguments: str) -> float:
    """Run the command, show it, and give the seconds it took."""
    print(f"\n$ gaussian-codec {' '.join(arguments)}", flush=True)
    start = time.monotonic()
    subprocess.run([COMMAND, *arguments], check=True)
    return time.monotonic() - start


def nearest_size(image: Image.Image, kind: str, num_bytes: int) -> bytes:
    """Encode by Pillow at the quality setting whose file comes closest to that many bytes."""

    def encoded(setting: int) -> bytes:
        output = io.BytesIO()
        # The most that Pillow's encoders can do at a size: optimized tables of JPEG, the slowest method of WebP.
        image.save(output, kind, quality=setting, optimize=True, method=6)
        return output.getvalue()

    # Sizes grow with the setting: the first at or above the target, or the one before it.
    low, high = 0, 95
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if len(encoded(middle)) >= num_bytes else (middle + 1, high)
    return min((encoded(setting) for setting in {max(low - 1, 0), low}), key=lambda file: abs(len(file) - num_bytes))


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    photo, coded, decoded = (folder / name for name in ("photo.png", "photo.ggc", "decoded.png"))
    image = data.coffee()
    height, width = image.shape[:2]
    Image.fromarray(image).save(photo)

    encode_seconds = run("encode", str(photo), "-o", str(coded), "--quality", QUALITY)
    decode_seconds = run("decode", str(coded), "-o", str(decoded))
    run("decode", str(coded), "-o", str(folder / "detail-x4.png"), "--size", "400%", "--region", "900,500,640,480")
    run("compare", str(photo), str(decoded))
    run("info", str(coded))

    num_bytes = coded.stat().st_size
    rows = [("pyggc", num_bytes, np.asarray(Image.open(decoded)))]
    for kind, extension in (("JPEG", "jpg"), ("WebP", "webp")):
        file = nearest_size(Image.fromarray(image), kind, num_bytes)
        (folder / f"peer.{extension}").write_bytes(file)
        rows.append((kind, len(file), np.asarray(Image.open(io.BytesIO(file)))))

    print(f"\n{width}x{height}, encoded in {encode_seconds:.1f} s, decoded in {decode_seconds:.1f} s")
    print(f"{'codec':8}{'bytes':>9}{'bpp':>9}{'PSNR dB':>10}{'SSIM':>9}")
    for name, size, pixels in rows:
        bpp = 8 * size / (width * height)
        print(f"{name:8}{size:9}{bpp:9.3f}{psnr(image, pixels):10.2f}{ssim(image, pixels):9.4f}")
    print(f"\nThe files are in {folder}/.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output"))
