"""Loading a photograph for the demo: any image that Pillow opens, as a float32 array of red, green and blue planes."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastconv.cli.extras import Stop, require

__all__ = ["LEAST_SIDE", "MOST_PIXELS", "Photograph", "load_photograph"]

#: A larger image is reduced to this many pixels: K' of a 9x9 kernel holds 81 entries of 8 bytes for each of them.
MOST_PIXELS = 400_000

#: A smaller image has no room for the kernels and windows of the demo.
LEAST_SIDE = 16


@dataclass(frozen=True)
class Photograph:
    """An image in memory.

    Attributes
    ----------
    name : str
        The file's name.
    pixels : ndarray
        float32 of shape ``(3, H, W)``, from 0 to 1.
    original_size : tuple of int
        Rows and columns in the file, upright.
    """

    name: str
    pixels: NDArray[np.float32]
    original_size: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of `pixels`."""
        return self.pixels.shape[1], self.pixels.shape[2]

    @property
    def reduced(self) -> bool:
        """Whether the file holds more pixels than `pixels`."""
        return self.size != self.original_size


def load_photograph(path: str | None = None) -> Photograph:
    """Read an image: upright as its EXIF says, without alpha, reduced to `MOST_PIXELS`.

    Parameters
    ----------
    path : str, optional
        The file; by default Matplotlib's sample photograph of Grace Hopper, which is installed with it.

    Returns
    -------
    Photograph

    Raises
    ------
    Stop
        If the file is missing, no image or too small, or an optional module is missing.
    """
    image_module = require("PIL.Image", "demo", "The demo needs Pillow to read images")
    file = Path(path) if path is not None else _sample()
    if file.is_dir():
        raise Stop(f"{file} is a folder, not an image")
    if not file.exists():
        raise Stop(f"there is no file {file}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata and on size, which is reduced anyway
            image, original = _read(image_module, file)
    except Exception as error:  # Pillow's plugins raise OSError, SyntaxError, ValueError, struct.error and more
        why = "" if type(error).__name__ == "UnidentifiedImageError" else f" ({error})"
        raise Stop(f"{file} is not an image that Pillow can read{why}") from error
    if min(image.size) < LEAST_SIDE:
        raise Stop(
            f"{file} makes {image.height} x {image.width} pixels, and the demo needs {LEAST_SIDE} on each side at least"
        )
    pixels = np.asarray(image, dtype=np.float32).transpose(2, 0, 1) / np.float32(255)
    return Photograph(file.name, np.ascontiguousarray(pixels), original)


def _sample() -> Path:
    cbook = require("matplotlib.cbook", "demo", "The demo's own photograph comes with Matplotlib")
    return Path(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))


def _read(image_module: Any, file: Path) -> tuple[Any, tuple[int, int]]:
    from PIL import ImageOps

    with image_module.open(file) as opened:
        image = _to_rgb(image_module, ImageOps.exif_transpose(opened))
    original = (image.height, image.width)
    scale = math.sqrt(MOST_PIXELS / (image.height * image.width))
    if scale < 1:
        size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
        image = image.resize(size, image_module.Resampling.LANCZOS, reducing_gap=3.0)
    return image, original


def _to_rgb(image_module: Any, image: Any) -> Any:
    if image.mode.startswith("I") or image.mode == "F":  # 16 and 32 bits a pixel, which convert() would clip to 255
        values = np.asarray(image, dtype=np.float64)
        low, high = float(values.min()), float(values.max())
        image = image_module.fromarray(((values - low) * (255 / max(high - low, 1e-12))).astype(np.uint8))
    elif "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")
