"""What the demo computes on a photograph: convolution, pooling, transposed convolution and K'. Nothing is printed here.

The small functions are the calls that the demo shows, times and draws; `compute` runs each of them once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

import fastconv as fc
from fastconv.cli.progress import Step

__all__ = [
    "BILINEAR",
    "CORNER",
    "GAUSSIAN",
    "REACH",
    "SOBEL",
    "STEPS",
    "WINDOW",
    "Demo",
    "Subject",
    "avg_pool",
    "blur",
    "blur_matrix",
    "compute",
    "edges",
    "luminance",
    "max_pool",
    "upsample",
]

Array = NDArray[np.float32]

#: Taps of the Gaussian on either side of its middle.
REACH = 4

#: Rows and columns of a pooling window, and the stride of both poolings and of the way back up.
WINDOW = 8

#: Side of the square whose K' is small enough to be drawn entry by entry.
CORNER = 16


def _gaussian(reach: int, sigma: float) -> Array:
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps /= taps.sum()
    return np.outer(taps, taps).astype(np.float32)


def _bilinear(stride: int) -> Array:
    taps = 1 - np.abs(np.arange(2 * stride) + 0.5 - stride) / stride
    return np.outer(taps, taps).astype(np.float32)


#: 9 x 9, summing to 1.
GAUSSIAN = _gaussian(REACH, sigma=2.0)

#: Horizontal and vertical differences as the two output channels of one convolution: ``(2, 1, 3, 3)``.
SOBEL: Array = np.array(
    [[[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]], [[[-1, -2, -1], [0, 0, 0], [1, 2, 1]]]], dtype=np.float32
)

#: 16 x 16: linear interpolation between pixels that lie `WINDOW` apart.
BILINEAR = _bilinear(WINDOW)

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def luminance(x: Array) -> Array:
    """Brightness of an image ``(3, H, W)``, as ``(1, H, W)``."""
    return np.tensordot(_LUMA, x, axes=1)[None]


def _depthwise(kernel: Array, channels: int) -> Array:
    return np.repeat(kernel[None, None], channels, axis=0)


def blur(x: Array) -> Array:
    """Gaussian blur of every channel."""
    weight = _depthwise(GAUSSIAN, len(x))
    return fc.conv2d(x, weight, padding=REACH, padding_mode="reflect", groups=len(x))


def edges(gray: Array) -> Array:
    """Sobel's two differences of a one-channel image."""
    return fc.conv2d(gray, SOBEL, padding=1, padding_mode="reflect")


def max_pool(x: Array) -> Array:
    """The largest value of each window."""
    return cast(Array, fc.max_pool2d(x, WINDOW))


def avg_pool(x: Array) -> Array:
    """The mean of each window."""
    return fc.avg_pool2d(x, WINDOW)


def upsample(small: Array) -> Array:
    """Linear interpolation to `WINDOW` times the size, as a transposed convolution.

    One replicated pixel around the image, whose outputs the padding cuts off again, gives the border its full weight.
    """
    framed = np.pad(small, ((0, 0), (1, 1), (1, 1)), mode="edge")
    weight = _depthwise(BILINEAR, len(small))
    return fc.conv_transpose2d(framed, weight, stride=WINDOW, padding=WINDOW + WINDOW // 2, groups=len(small))


def blur_matrix(size: tuple[int, int]) -> Any:
    """K' of the blur of one plane with so many rows and columns."""
    return fc.conv_matrix(GAUSSIAN, size, padding=REACH, padding_mode="reflect")


@dataclass(frozen=True)
class Subject:
    """One call on the photograph.

    Attributes
    ----------
    name : str
        A key for programs.
    title : str
        What the call does, for people.
    call : str
        The call, as one would write it.
    input_shape, output_shape : tuple of int
        The shapes of what went in and came out; for K' those of the matrix-vector product.
    first_seconds : float
        How long the first call took: it compiles, or loads what an earlier process compiled.
    output : ndarray
        What came out.
    """

    name: str
    title: str
    call: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    first_seconds: float
    output: Array


@dataclass(frozen=True)
class Demo:
    """Everything that the demo computed.

    Attributes
    ----------
    x, gray : ndarray
        The photograph, ``(3, H, W)``, and its luminance, ``(1, H, W)``.
    subjects : dict of str to Subject
        In the order of the demo.
    psnr : float
        Of the pooled image brought back up, in dB against the original; infinite where they are equal.
    mean_difference : float
        Mean absolute difference of the same two, on a scale from 0 to 1.
    matrix : ConvMatrix
        K' of the blur of one plane.
    build_seconds : float
        How long building it took, the first time at this size.
    matrix_difference : float
        Largest absolute difference between K' times the flattened luminance and `conv2d` of it.
    corner : ndarray
        K' of a square of `CORNER` x `CORNER` pixels, dense.
    """

    x: Array
    gray: Array
    subjects: dict[str, Subject]
    psnr: float
    mean_difference: float
    matrix: Any
    build_seconds: float
    matrix_difference: float
    corner: Array

    @property
    def matrix_bytes(self) -> int:
        """Memory that K' holds."""
        return sum(int(part.nbytes) for part in (self.matrix.data, self.matrix.indices, self.matrix.indptr))


def compute(x: Array, step: Step = lambda text: None) -> Demo:
    """Run every subject once on an image.

    Parameters
    ----------
    x : ndarray
        float32 of shape ``(3, H, W)``, from 0 to 1, with 16 rows and columns at least.
    step : callable, optional
        Told before each step what it is, `STEPS` times in all.

    Returns
    -------
    Demo
    """
    gray = luminance(x)
    subjects: dict[str, Subject] = {}

    def run(name: str, title: str, call: str, function: Callable[[Array], Array], given: Array) -> Array:
        step(title)
        subjects[name] = _first_call(name, title, call, function, given)
        return subjects[name].output

    run("blur", "Gaussian blur", 'conv2d(x, gaussian9, padding=4, padding_mode="reflect", groups=3)', blur, x)
    run("edges", "Sobel edges", 'conv2d(gray, sobel, padding=1, padding_mode="reflect")', edges, gray)
    run("max_pool", "max pooling", "max_pool2d(x, 8)", max_pool, x)
    y = run("avg_pool", "average pooling", "y = avg_pool2d(x, 8)", avg_pool, x)
    call = "conv_transpose2d(framed(y), bilinear16, stride=8, padding=12, groups=3)"
    back = run("upsample", "transposed convolution", call, upsample, y)
    cropped = x[:, : back.shape[1], : back.shape[2]]

    step("building K'")
    corner = blur_matrix((CORNER, CORNER)).toarray()
    start = time.perf_counter()
    matrix = blur_matrix((x.shape[1], x.shape[2]))
    build_seconds = time.perf_counter() - start
    product = run("matrix", "K' times the image", "A @ gray.ravel()", lambda v: matrix @ v, gray.ravel())
    return Demo(
        x=x,
        gray=gray,
        subjects=subjects,
        psnr=_psnr(back, cropped),
        mean_difference=float(np.abs(back - cropped).mean()),
        matrix=matrix,
        build_seconds=build_seconds,
        matrix_difference=float(np.abs(product - blur(gray).ravel()).max()),
        corner=corner,
    )


#: How many steps `compute` announces.
STEPS = 7


def _first_call(name: str, title: str, call: str, function: Callable[[Array], Array], given: Array) -> Subject:
    start = time.perf_counter()
    output = function(given)
    return Subject(name, title, call, given.shape, output.shape, time.perf_counter() - start, output)


def _psnr(a: Array, b: Array) -> float:
    error = float(np.mean((a - b) ** 2, dtype=np.float64))
    return math.inf if error == 0 else -10 * math.log10(error)
