"""The edge of `fastconv.signal`: what users pass becomes arrays, and which part of the whole convolution is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from operator import index
from typing import Any, NamedTuple, TypeVar

import numpy as np

from fastconv.ops import arguments as arg
from fastconv.ops import dtypes
from fastconv.ops.arguments import Form

__all__ = [
    "Part",
    "any_arrays",
    "arrays",
    "broadcast_axes",
    "check_method",
    "check_mode",
    "check_numbers",
    "largest_first",
    "mirrored",
    "part_of",
    "same_ndim",
    "sorted_for_valid",
]

_MODES = ("full", "same", "valid")
_METHODS = ("auto", "direct", "fft")


#: Arrays, or what is known of them before their values.
Shaped = TypeVar("Shaped", np.ndarray, Form)


class Part(NamedTuple):
    """Which elements of the whole convolution are wanted: so many along each axis, from there on."""

    begins: tuple[int, ...]
    counts: tuple[int, ...]


def any_arrays(in1: Any, in2: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both inputs as arrays, whatever they hold."""
    return arg.array_of_any(in1, "in1"), arg.array_of_any(in2, "in2")


def arrays(in1: Any, in2: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both inputs as arrays of numbers.

    Raises
    ------
    TypeError
        For what only SciPy takes: long doubles and objects.
    """
    found = any_arrays(in1, in2)
    check_numbers(*found)
    return found


def check_numbers(in1: Shaped, in2: Shaped) -> None:
    """Refuse what only SciPy takes: long doubles and objects."""
    for given, name in ((in1, "in1"), (in2, "in2")):
        if not dtypes.are_numbers(given.dtype):
            raise TypeError(
                f"{name} has dtype {given.dtype}, for which there is scipy.signal alone; give booleans, integers, "
                f"floats or complex numbers of up to 64 bits a part, as in {name}.astype(np.float64)."
            )


def same_ndim(in1: Shaped, in2: Shaped) -> None:
    """Refuse inputs of different numbers of axes."""
    if len(in1.shape) != len(in2.shape):
        raise ValueError(
            f"in1 and in2 should have the same dimensionality, but have shapes {in1.shape} and {in2.shape}; give both "
            "as many axes."
        )


def check_mode(mode: Any) -> str:
    """The mode, if it is one."""
    if not isinstance(mode, str) or mode not in _MODES:
        raise ValueError(f"mode={mode!r} is not known: acceptable mode flags are 'valid', 'same', or 'full'.")
    return mode


def check_method(method: Any) -> str:
    """The method, if it is one."""
    if not isinstance(method, str) or method not in _METHODS:
        raise ValueError(f"method={method!r} is not known: acceptable method flags are 'auto', 'direct', or 'fft'.")
    return method


def sorted_for_valid(
    in1: Shaped, in2: Shaped, mode: str, axes: Iterable[int] | None = None
) -> tuple[Shaped, Shaped, bool]:
    """The inputs, in mode "valid" the one first in which the other fits, and whether that changes their order.

    Raises
    ------
    ValueError
        Where neither fits in the other along all of the axes.
    """
    if mode != "valid":
        return in1, in2, False
    pairs = [(in1.shape[axis], in2.shape[axis]) for axis in (range(len(in1.shape)) if axes is None else axes)]
    if all(n >= taps for n, taps in pairs):
        return in1, in2, False
    if all(taps >= n for n, taps in pairs):
        return in2, in1, True
    raise ValueError(
        "For 'valid' mode, one must be at least as large as the other in every dimension, which shapes "
        f"{in1.shape} and {in2.shape} are not."
    )


def part_of(mode: str, sizes: Sequence[int], taps: Sequence[int]) -> Part:
    """What a mode takes of the whole convolution, ``size + taps - 1`` elements along each axis.

    Examples
    --------
    >>> part_of("same", (5, 4), (2, 4)), part_of("valid", (5,), (2,))
    (Part(begins=(0, 1), counts=(5, 4)), Part(begins=(1,), counts=(4,)))
    """
    pairs = list(zip(sizes, taps, strict=True))
    if mode == "full":
        return Part((0,) * len(pairs), tuple(max(0, n + k - 1) for n, k in pairs))
    if mode == "same":
        return Part(tuple((k - 1) // 2 for _, k in pairs), tuple(sizes))
    return Part(tuple(k - 1 for _, k in pairs), tuple(n - k + 1 for n, k in pairs))


def largest_first(in1: Shaped, in2: Shaped) -> tuple[Shaped, Shaped]:
    """The inputs, the one with more elements first: the other is taken for the kernel, which costs less."""
    return (in1, in2) if prod(in1.shape) >= prod(in2.shape) else (in2, in1)


def mirrored(array: np.ndarray) -> np.ndarray:
    """The array turned around on all axes and conjugated: convolving with it is correlating with the array."""
    return np.flip(array).conj()


def broadcast_axes(in1: np.ndarray, in2: np.ndarray, axes: Any) -> tuple[int, ...]:
    """The axes along which is convolved; along those of one element broadcasting does the same.

    Raises
    ------
    ValueError
        Where `axes` are none of the arrays', or shapes do not broadcast along the others.
    """
    rank = in1.ndim
    given = _ints(range(rank) if axes is None else axes)
    if axes is not None and not given:
        raise ValueError("when provided, axes cannot be empty; give at least one, or None for all.")
    found = [axis + rank if axis < 0 else axis for axis in given]
    if any(not 0 <= axis < rank for axis in found):
        raise ValueError(f"axes exceeds dimensionality of input: axes={axes!r}, and there are {rank}.")
    if len(set(found)) != len(found):
        raise ValueError(f"all axes must be unique, but axes={axes!r}.")
    found = [axis for axis in found if 1 not in (in1.shape[axis], in2.shape[axis])]
    if any(
        n != k and 1 not in (n, k) for i, (n, k) in enumerate(zip(in1.shape, in2.shape, strict=True)) if i not in found
    ):
        raise ValueError(
            f"incompatible shapes for in1 and in2: {in1.shape} and {in2.shape}; along axes that are not convolved they "
            "have to be the same, or 1."
        )
    return tuple(sorted(found))


def _ints(axes: Any) -> list[int]:
    try:
        return [index(axis) for axis in axes] if isinstance(axes, Iterable) else [index(axes)]
    except TypeError:
        raise ValueError(f"axes must be a scalar or iterable of integers, but axes={axes!r}.") from None
