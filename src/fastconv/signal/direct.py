"""Convolution of images by sums of products, with boundaries: `convolve2d` and `correlate2d`; and its N-D engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from fastconv.ops import filters
from fastconv.ops.arguments import Form
from fastconv.ops.calls import Call, remembered
from fastconv.ops.conv import conv_call
from fastconv.signal import arguments as arg

__all__ = ["Sums", "convolve2d", "correlate2d", "plan_sums"]

#: By SciPy's names those of `fastconv.geometry`.
_BOUNDARIES = {
    "fill": "zeros",
    "pad": "zeros",
    "wrap": "circular",
    "circular": "circular",
    "symm": "symmetric",
    "symmetric": "symmetric",
}


def convolve2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> np.ndarray:
    """Convolve two images, the first of which goes on beyond its edges as `boundary` says.

    With E the first image, endlessly extended, the whole result has the elements ::

        F[y, x] = sum over r, s of E[y - r, x - s] * in2[r, s]    for 0 <= y < H + R - 1 and 0 <= x < W + S - 1

    Parameters
    ----------
    in1, in2 : array_like, shape (H, W) and (R, S)
        Image and kernel.
    mode : {"full", "same", "valid"}
        All of F; its middle, of the shape of `in1`; or where the kernel lies inside the image. In mode "valid" either
        may be the one that fits in the other.
    boundary : {"fill", "wrap", "symm"}
        Beside the image stands `fillvalue`; the image again and again; or its mirror image, with the edge twice.
    fillvalue : scalar
        For ``boundary="fill"``.

    Returns
    -------
    ndarray
        In the dtype of NumPy's promotion. Integers wrap around in it; float16 is summed in float32; of booleans,
        products are "and" and sums "or".

    Raises
    ------
    TypeError, ValueError
        Before anything is computed, with what was given and what is allowed.

    Notes
    -----
    As ``scipy.signal.convolve2d``. What differs: float16 and booleans are taken, long doubles are not, and masked
    arrays are refused, whose mask SciPy ignores. Floats are multiplied and added in another order, so that their last
    digits differ; the error of float32 is below 1e-6 of the largest result for up to 4608 products a sum. Real numbers
    with large kernels, from about 13 x 13 on, are multiplied by Fourier transforms of blocks, as `fastconv.conv2d`
    says.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> image = np.array([[1, 2, 3], [4, 5, 6]])
    >>> fc.signal.convolve2d(image, [[1, 10]], mode="same")
    array([[ 1, 12, 23],
           [ 4, 45, 56]])
    >>> fc.signal.convolve2d(image, [[1, 10]], boundary="wrap")
    array([[31, 12, 23, 31],
           [64, 45, 56, 64]])
    """
    x, w = arg.any_arrays(in1, in2)
    return _planned((x, w), mode, boundary, fillvalue, False)(x, w)


def correlate2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> np.ndarray:
    """Correlate two images, the first of which goes on beyond its edges as `boundary` says.

    With E the first image, endlessly extended, the whole result has the elements ::

        F[y, x] = sum over r, s of E[y + r - (R - 1), x + s - (S - 1)] * conj(in2[r, s])

    Parameters and dtypes are those of `convolve2d`. As ``scipy.signal.correlate2d``, with its conventions: mode "same"
    begins at F[R // 2, S // 2], where that of `correlate` begins at F[(R - 1) // 2, (S - 1) // 2]; and where mode
    "valid" has to take the second image for the first, the first is conjugated.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.signal.correlate2d(np.array([[1, 2, 3], [4, 5, 6]]), [[1, 10]], mode="valid")
    array([[21, 32],
           [54, 65]])
    """
    x, w = arg.any_arrays(in1, in2)
    return _planned((x, w), mode, boundary, fillvalue, True)(x, w)


@dataclass(frozen=True, slots=True)
class Sums:
    """A part of the whole convolution of two arrays of as many axes, in NumPy's dtype for them.

    Attributes
    ----------
    turned, mirrored, flipped : bool
        Whether the second array comes first, whether the one that then comes second is turned around and conjugated,
        and whether the result is turned around.
    seen : tuple of slice
        What is seen of the first; () for all.
    convolve : callable
        Of both.
    """

    turned: bool
    mirrored: bool
    flipped: bool
    seen: tuple[slice, ...]
    convolve: Callable[[np.ndarray, np.ndarray], np.ndarray]

    def __call__(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        if self.turned:
            x, w = w, x
        found = self.convolve(x[self.seen] if self.seen else x, arg.mirrored(w) if self.mirrored else w)
        return np.ascontiguousarray(np.flip(found)) if self.flipped else found


@dataclass(frozen=True, slots=True)
class _Images:
    """A convolution of floats in up to three axes, with everything decided: images of one channel in a `Call`, whose
    result has no axis for them, as kernels see memory alone."""

    call: Call

    def __call__(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        return self.call.run((x, w[None, None], None), None)


def plan_sums(
    x: Form,
    w: Form,
    part: arg.Part,
    padding_mode: str = "zeros",
    value: Any = 0,
    algorithm: str = "auto",
    turned: bool = False,
    correlated: bool = False,
) -> Sums:
    """Plan `Sums` of arrays of such forms; `turned` says that the first is the user's second, and `correlated` that the
    second is to be turned around and conjugated."""
    widths, dtype = _widths(x.shape, w.shape, part), np.result_type(x.dtype, w.dtype)
    flipped = turned and correlated
    seen: tuple[slice, ...] = ()
    if any(min(pair) < 0 for pair in widths):  # some elements are not seen
        seen = tuple(
            slice(max(0, -before), n - max(0, -after)) for n, (before, after) in zip(x.shape, widths, strict=True)
        )
        x = x._replace(shape=tuple(part.stop - part.start for part in seen))
        widths = tuple((max(0, before), max(0, after)) for before, after in widths)
    if dtype.kind not in "fc" or value != 0 or len(x.shape) > 3 or 0 in x.shape or 0 in part.counts:
        convolve = partial(_by_filters, widths=widths, mode=padding_mode, value=value, algorithm=algorithm)
        return Sums(turned, correlated, flipped, seen, convolve)
    # What `filters` comes to, 50 microseconds earlier.
    forms = (
        x._replace(shape=(1, *x.shape), strides=(0, *x.strides)),
        w._replace(shape=(1, 1, *w.shape), strides=(0, 0, *w.strides)),
    )
    mirrored, kind = correlated and w.dtype.kind == "c", dtype.newbyteorder("=")
    call = conv_call(forms, widths, padding_mode, kind, (1, *part.counts), not correlated or mirrored, algorithm)
    return Sums(turned, mirrored, flipped, seen, _Images(replace(call, shape=part.counts)))


def _by_filters(
    x: np.ndarray, w: np.ndarray, widths: filters.Widths, mode: str, value: Any, algorithm: str
) -> np.ndarray:
    dtype = np.result_type(x, w)
    if value != 0:
        x = x.astype(dtype, copy=False)
    return np.ascontiguousarray(filters.correlate(x, np.flip(w), widths, mode, value, dtype, algorithm))


def _widths(sizes: Sequence[int], taps: Sequence[int], part: arg.Part) -> tuple[tuple[int, int], ...]:
    """Positions that are seen before and behind each axis; negative where some of the axis is not seen."""
    return tuple((k - 1 - begin, begin + count - n) for n, k, begin, count in zip(sizes, taps, *part, strict=True))


@remembered
def _planned(forms: tuple[Form, ...], mode: Any, boundary: Any, fillvalue: Any, correlated: bool) -> Sums:
    """What is done with images of such forms."""
    x, w = forms
    arg.check_numbers(x, w)
    if not len(x.shape) == len(w.shape) == 2:
        raise ValueError(f"in1 and in2 have shapes {x.shape} and {w.shape}; give two arrays of two axes.")
    x, w, turned = arg.sorted_for_valid(x, w, arg.check_mode(mode))
    part = arg.part_of(mode, x.shape, w.shape)
    if correlated and mode == "same":
        part = part._replace(begins=tuple(taps // 2 for taps in w.shape))
    if not isinstance(boundary, str) or boundary not in _BOUNDARIES:
        raise ValueError(
            f"boundary={boundary!r} is not known: acceptable boundary flags are 'fill', 'wrap' (or 'circular'), and "
            "'symm' (or 'symmetric')."
        )
    name, value = _BOUNDARIES[boundary], _fill(fillvalue, np.result_type(x.dtype, w.dtype))
    if 0 in x.shape and name != "zeros":
        raise ValueError(f"in1 has shape {x.shape}, so that nothing stands beside it; use boundary='fill'.")
    value = value if name == "zeros" else 0
    return plan_sums(x, w, part, name, value, "auto", turned, correlated)


def _fill(value: Any, dtype: np.dtype) -> Any:
    """The value in the result's dtype, which floats and fractions may be rounded to, as in SciPy.

    Raises
    ------
    ValueError
        Where it is not one number, or none that the dtype holds.
    """
    if np.size(value) != 1:
        raise ValueError("`fillvalue` must be scalar or an array with a single element.")
    given = np.asarray(value).reshape(())[()]
    message = f"could not cast `fillvalue` directly to the output type: {value!r} is no {dtype} number."
    if np.asarray(given).dtype.kind not in "biufc" or (np.iscomplexobj(given) and dtype.kind != "c"):
        raise ValueError(message)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not np.isfinite(given) or not limits.min <= int(given) <= limits.max:
            raise ValueError(message)
        return dtype.type(int(given))
    return np.asarray(given).astype(dtype)[()]
