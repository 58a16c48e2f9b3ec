"""SciPy's words become axes, widths and modes of `fastconv.geometry`, or an error of one sentence, of SciPy's type."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastconv.ops import arguments as arg
from fastconv.ops import filters

__all__ = [
    "Axes",
    "Output",
    "Window",
    "axes_of",
    "axis_of",
    "cast",
    "check_cval",
    "dtype_of",
    "extended",
    "holds",
    "mode_of",
    "output_of",
    "per_axis",
    "size_of",
    "spread",
    "spread_widths",
    "taken",
    "widths_of",
    "window_of",
    "windows_of",
]

#: By SciPy's names the padding modes; those that begin with "grid-" mean the same in filters.
_MODES = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "constant": "zeros",
    "grid-constant": "zeros",
    "nearest": "replicate",
    "mirror": "reflect",
    "wrap": "circular",
    "grid-wrap": "circular",
}

#: One for all axes, or one for each.
Axes = int | Iterable[int] | None


def mode_of(mode: Any) -> str:
    """The padding mode that SciPy's name stands for."""
    if not isinstance(mode, str):
        raise RuntimeError(f"mode={mode!r} is no name; this filter works along all axes at once, so give one for all.")
    if mode not in _MODES:
        raise RuntimeError(f"mode={mode!r} is not known; choose one of {', '.join(map(repr, _MODES))}.")
    return _MODES[mode]


def per_axis(value: Any, count: int, name: str) -> list[Any]:
    """One value for each of so many axes, from a single one or an iterable."""
    if isinstance(value, str) or not np.iterable(value):
        return [value] * count
    found = list(value)
    if len(found) != count:
        raise RuntimeError(
            f"{name}={value!r} has length {len(found)}; a sequence argument must have length equal to input rank or to "
            f"that of axes, here {count}."
        )
    return found


def axes_of(axes: Axes, rank: int) -> tuple[int, ...]:
    """The axes that are filtered, counted from the first."""
    if axes is None:
        return tuple(range(rank))
    given: Any = axes if np.iterable(axes) or not np.isscalar(axes) else (axes,)
    if not np.iterable(given):
        raise ValueError(f"axes={axes!r} is neither an int nor a sequence of ints nor None; give one of these.")
    found = [operator.index(axis) for axis in given]
    for axis in found:
        if not -rank <= axis < rank:
            raise ValueError(f"axis {axis} is out of range; input has {rank} axes.")
    found = [axis % rank for axis in found]
    if len(set(found)) < len(found):
        raise ValueError(f"axes must be unique, but axes={axes!r} has one twice.")
    return tuple(found)


def axis_of(axis: Any, rank: int) -> int:
    """The axis that is filtered, counted from the first."""
    number = operator.index(axis)
    if not -rank <= number < rank:
        raise np.exceptions.AxisError(f"axis {number} is out of range; input has {rank} axes.")
    return number % rank


def size_of(size: Any) -> int:
    """The number of elements of a window along an axis."""
    if size < 1:
        raise RuntimeError(f"size={size!r} is too small; give at least 1.")
    return int(size)


def widths_of(taps: int, origin: Any) -> tuple[int, int]:
    """How far a window of so many elements reaches before and behind the element that it is written to."""
    shift = operator.index(origin)
    before = taps // 2 + shift
    if not 0 <= before < taps:
        raise ValueError(
            f"origin={shift} moves a window of {taps} off its element; give {-(taps // 2)} to {(taps - 1) // 2}."
        )
    return before, taps - 1 - before


def spread(value: np.ndarray, axes: Sequence[int], rank: int, name: str) -> np.ndarray:
    """A window over some axes, in the order in which the array has them, as one over all."""
    if value.ndim != len(axes):
        raise RuntimeError(
            f"{name}.ndim ({value.ndim}) must match len(axes) ({len(axes)}), the axes that are filtered."
        )
    if value.size == 0:
        raise RuntimeError(f"{name} has shape {value.shape}; give at least one element.")
    return np.expand_dims(value, tuple(axis for axis in range(rank) if axis not in axes))


def spread_widths(taps: Sequence[int], origin: Any, axes: Sequence[int]) -> list[tuple[int, int]]:
    """`widths_of` a window over all axes, whose origin is given for some; where it is for all, in their own order."""
    found = [0] * len(taps)
    given = per_axis(origin, len(axes), "origin")
    for axis, shift in zip(axes if len(axes) < len(taps) else range(len(taps)), given, strict=True):
        found[axis] = shift
    return [widths_of(count, shift) for count, shift in zip(taps, found, strict=True)]


class Output(NamedTuple):
    """What takes a result: an array of the user's, or a new one of this dtype.

    Attributes
    ----------
    dtype : numpy.dtype
        Of the result.
    array : ndarray or None
        The user's.
    source : ndarray
        The input, which no new array shares memory with.
    """

    dtype: np.dtype
    array: np.ndarray | None
    source: np.ndarray

    @property
    def target(self) -> np.ndarray | None:
        """The user's array, if what is written there first changes nothing that is read later."""
        return None if self.array is None or np.may_share_memory(self.array, self.source) else self.array

    def take(self, result: np.ndarray) -> np.ndarray:
        """The result in its place."""
        found = taken(result, self.dtype, self.source)
        if self.array is None:
            return found
        if found is not self.array:
            np.copyto(self.array, found)
        return self.array

    def fill(self, step: Any) -> np.ndarray:
        """What a step makes of the input, in its place; written there at once where that can be."""
        target = self.target
        if target is None or self.array is None:
            return self.take(step(self.source))
        found = step(self.source, target)
        return self.array if found is target or found.base is target else self.take(found)


def taken(result: np.ndarray, dtype: np.dtype, source: np.ndarray) -> np.ndarray:
    """A result in its dtype, in memory that is not the input's."""
    found = result if result.dtype is dtype else cast(result, dtype)
    if found.base is None and found is not source:  # found.data belongs to found: ask no further
        return found
    return found.copy() if np.may_share_memory(found, source) else found


def dtype_of(given: np.dtype, is_complex: bool) -> np.dtype:
    """The dtype of a result for which none is wanted."""
    dtype = np.promote_types(given, np.complex64) if is_complex else given
    return dtype if dtype.isnative else dtype.newbyteorder("=")


def output_of(output: Any, x: np.ndarray, is_complex: bool = False) -> Output:
    """Where the result goes; one of complex numbers needs a complex dtype.

    Raises
    ------
    RuntimeError
        Where `output` cannot take the result.
    """
    if output is None:
        return Output(dtype_of(x.dtype, is_complex), None, x)
    if isinstance(output, (type, np.dtype)):
        dtype = np.dtype(output)
        if is_complex and dtype.kind != "c":
            warnings.warn(
                f"promoting specified output dtype to complex, as {dtype} has no imaginary part.",
                UserWarning,
                stacklevel=4,
            )
            dtype = np.promote_types(dtype, np.complex64)
        return Output(_checked(dtype, is_complex), None, x)
    if isinstance(output, str):
        return Output(_checked(np.dtype(output), is_complex), None, x)
    array = np.asarray(output)
    if array.shape != x.shape:
        raise RuntimeError(f"output has shape {array.shape}; the result has shape {x.shape}.")
    dtype = _checked(array.dtype, is_complex)
    if not array.flags.writeable:
        raise ValueError("output is read-only; give an array that can be written to.")
    return Output(dtype, array, x)


def _checked(dtype: np.dtype, is_complex: bool) -> np.dtype:
    if is_complex and dtype.kind != "c":
        raise RuntimeError(f"output has dtype {dtype}; the result is complex, so give a complex dtype.")
    arg.dtypes.check_numbers(dtype, "output")
    return dtype if dtype.isnative else dtype.newbyteorder("=")


def cast(result: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """A result in another dtype: floats lose their fraction and integers wrap around, as SciPy's do in C."""
    if result.dtype == dtype:
        return result
    with np.errstate(all="ignore"):
        if result.dtype.kind == "c" and dtype.kind != "c":
            result = result.real
        if result.dtype.kind != "f" or dtype.kind in "fc":
            return result.astype(dtype)
        if dtype.kind == "b":
            return result.astype(np.int64) != 0
        if dtype.itemsize < 8:
            narrow = result.dtype == np.float32 and dtype.itemsize < 4  # half the memory, half the time
            return result.astype(np.int32 if narrow else np.int64).astype(dtype)
        if dtype.kind == "i":
            return result.astype(dtype)
        high = result >= 2.0**63
        return np.where(high, result - 2.0**63, result).astype(np.int64).view(np.uint64) + high * np.uint64(2**63)


def extended(x: np.ndarray, widths: filters.Widths, mode: str, cval: Any) -> np.ndarray:
    """The array with so many positions around it, of a wider type where its own does not hold `cval`."""
    if mode == "zeros" and x.dtype.kind in "biu" and not holds(x.dtype, cval):
        x = x.astype(np.float64)
    return filters.extend(x, widths, mode, cval)


def holds(dtype: np.dtype, cval: Any) -> bool:
    """Whether a number is one of a dtype of integers or booleans."""
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return bool(low <= cval <= high) and int(cval) == cval


def check_cval(cval: Any, x: arg.Form | np.ndarray) -> None:
    """Refuse a complex number beside real ones, and what is no number."""
    if np.ndim(cval) != 0 or np.asarray(cval).dtype.kind not in "biufc":
        raise TypeError(f"cval={cval!r} is not a number; give one such as 0.0.")
    if np.iscomplexobj(cval) and x.dtype.kind != "c":
        raise ValueError(f"cval={cval!r} is complex, but input is real; give a real number.")


class Window(NamedTuple):
    """What stands around an element along one axis, and beyond the axis."""

    axis: int
    taps: int
    width: tuple[int, int]
    mode: str


def windows_of(size: Any, origin: Any, mode: Any, axes: Axes, rank: int) -> list[Window]:
    """The windows along the axes on which they have more than one element."""
    found = axes_of(axes, rank)
    given = (per_axis(v, len(found), name) for v, name in ((size, "size"), (origin, "origin"), (mode, "mode")))
    return [
        Window(axis, size_of(taps), widths_of(size_of(taps), shift), mode_of(name))
        for axis, taps, shift, name in zip(found, *given, strict=True)
        if taps > 1
    ]


def window_of(size: Any, origin: Any, mode: Any, axis: Any, rank: int) -> Window:
    """The window along one axis."""
    taps = size_of(size)
    return Window(axis_of(axis, rank), taps, widths_of(taps, origin), mode_of(mode))
