"""The edge: what users pass becomes arrays and numbers, or an error of one sentence, before any compute.

The checks of the package stand here and, of what windows need, in `axes`: the floors below trust what they get.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastconv.geometry import PADDING_MODES
from fastconv.kernels.activation import ACTIVATIONS, INTEGER_ACTIVATIONS
from fastconv.ops import dtypes
from fastconv.plan.layout import is_channels_last, settled, strides_first, strides_last

__all__ = [
    "Form",
    "Padding",
    "PerAxis",
    "array",
    "array_of_any",
    "check_activation",
    "check_bias",
    "check_gradient",
    "check_groups",
    "check_out",
    "check_padding_mode",
    "check_shape",
    "check_weight",
    "form",
    "native",
    "output_sizes",
    "pair_per_axis",
    "per_axis",
    "shape_of",
    "whole",
]

Padding = int | str | Sequence[int] | Sequence[Sequence[int]]
PerAxis = int | Sequence[int]


def array(value: Any, name: str) -> np.ndarray:
    """An ndarray of numbers from an array-like, without a copy where there is one already.

    Raises
    ------
    TypeError
        For masked arrays, whose mask would be lost, and for arrays of anything but numbers.
    """
    found = array_of_any(value, name)
    dtypes.check_numbers(found.dtype, name)
    return found


def array_of_any(value: Any, name: str) -> np.ndarray:
    """As `array`, whatever it holds."""
    if type(value) is np.ndarray:  # to find out that it is no other takes a microsecond
        return value
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array, whose mask would be ignored; fill it first, as in {name}.filled(0)."
        )
    try:
        only_dlpack = hasattr(value, "__dlpack__") and not hasattr(value, "__array__")
        return np.from_dlpack(value) if only_dlpack else np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        raise TypeError(
            f"{name} of type {type(value).__name__} cannot be made an array ({error}); give a NumPy array."
        ) from None


class Form(NamedTuple):
    """All that can be known of an array before its values."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype
    aligned: bool

    @property
    def plain(self) -> bool:
        """Whether kernels take such an array: native byte order, aligned elements and steps of whole elements."""
        whole_steps = not any(stride % self.dtype.itemsize for stride in self.strides)
        return self.dtype.isnative and self.aligned and whole_steps

    def taken_as(self, dtype: np.dtype, rank: int = 0) -> tuple[Form, np.dtype | None]:
        """How kernels get the array in the given dtype: as it stands (None), or copied, and then its form.

        Copies are contiguous, but channels-last if the array is, where it is one of so many spatial axes.
        """
        if self.dtype == dtype and self.plain:
            return self, None
        if rank and is_channels_last(self.shape, self.strides, self.dtype.itemsize, rank):
            return Form(self.shape, strides_last(self.shape, dtype.itemsize, rank), dtype, True), dtype
        return Form(self.shape, strides_first(self.shape, dtype.itemsize), dtype, True), dtype

    def is_contiguous(self, dtype: np.dtype, last_rank: int = 0) -> bool:
        """Whether kernels that know of no strides take the array as one in the given dtype, as it stands.

        For those of channels-last arrays, of so many spatial axes, these have to be without gaps in that order.
        """
        itemsize = dtype.itemsize
        dense = settled(self.shape, strides_last(self.shape, itemsize, last_rank), itemsize) if last_rank else ()
        return self.taken_as(dtype)[1] is None and settled(self.shape, self.strides, itemsize) == dense


def form(array: np.ndarray) -> Form:
    """The form of an array."""
    return Form(array.shape, array.strides, array.dtype, array.flags.aligned)


def native(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The array in the given dtype as kernels take it."""
    _, conversion = form(x).taken_as(dtype)
    return x if conversion is None else x.astype(conversion)


def whole(value: Any, name: str, least: int) -> int:
    """An int of at least `least` that fits 32 bits, as any number of windows does; no boolean, no fraction."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} is not a whole number; give an int of at least {least}.") from None
    if number < least:
        raise ValueError(f"{name}={number} is too small; give at least {least}.")
    if number >= 2**31:
        raise ValueError(f"{name}={number} is too large; give less than 2**31.")
    return number


def per_axis(value: Any, rank: int, name: str, least: int) -> tuple[int, ...]:
    """One int for each spatial axis, from an int or a sequence of `rank` ints."""
    several = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes))
    if not several or getattr(value, "ndim", 1) == 0:
        return (whole(value, name, least),) * rank
    if len(value) == 1 and rank > 1:
        value = [value[0]] * rank
    if len(value) != rank:
        raise ValueError(
            f"{name}={value!r} has {len(value)} entries; give one int, or one for each of {rank} spatial axes."
        )
    return tuple(whole(entry, f"{name}[{i}]", least) for i, entry in enumerate(value))


def output_sizes(value: Any, size: tuple[int, ...]) -> tuple[int, ...]:
    """The output size of each spatial axis, from an int or a sequence, in which None stands for the input's size."""
    given = (None,) * len(size) if value is None else value
    if isinstance(given, (list, tuple)) and len(given) == len(size):
        given = [n if entry is None else entry for n, entry in zip(size, given, strict=True)]
    return per_axis(given, len(size), "output_size", 1)


def pair_per_axis(value: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """One (before, after) for each spatial axis, from an int, ints, or pairs."""
    if isinstance(value, (Sequence, np.ndarray)) and len(value) and isinstance(value[0], (Sequence, np.ndarray)):
        if len(value) != rank or any(not isinstance(v, (Sequence, np.ndarray)) or len(v) != 2 for v in value):
            raise ValueError(
                f"padding={value!r} is not one (before, after) pair for each of {rank} spatial axes; give {rank} pairs."
            )
        return tuple(
            (whole(before, f"padding[{i}][0]", 0), whole(after, f"padding[{i}][1]", 0))
            for i, (before, after) in enumerate(value)
        )
    return tuple((amount, amount) for amount in per_axis(value, rank, "padding", 0))


def shape_of(size: Sequence[int], name: str, rank: int, batched: bool) -> tuple[int, ...]:
    """A shape that was given in words: (N, C, *spatial), (C, *spatial), or a weight's."""
    lengths = (rank + 1, rank + 2) if batched else (rank + 2,)
    if isinstance(size, (int, str)) or len(size) not in lengths:
        raise ValueError(
            f"{name}={size!r} is not a shape of {' or '.join(map(str, lengths))} axes; give one size each."
        )
    return tuple(whole(entry, f"{name}[{i}]", 0 if batched and i == 0 else 1) for i, entry in enumerate(size))


def check_shape(shape: tuple[int, ...], rank: int, name: str, what: str, which: str = "input") -> None:
    """Refuse a shape of the wrong length, or with an axis of no elements other than an empty batch."""
    if len(shape) not in (rank + 1, rank + 2):
        raise ValueError(
            f"{which} has shape {shape}; {name} takes (N, C, {what}) or unbatched (C, {what}), so {rank + 2} or "
            f"{rank + 1} axes."
        )
    if 0 in shape[-rank - 1 :]:
        raise ValueError(f"{which} has shape {shape}, with an axis of no elements; only the batch may be empty.")


def check_weight(shape: tuple[int, ...], rank: int, name: str, what: str) -> None:
    """Refuse a weight of the wrong rank or without elements."""
    if len(shape) != rank + 2:
        raise ValueError(f"weight has shape {shape}; {name} takes {what}, so {rank + 2} axes.")
    if 0 in shape:
        raise ValueError(f"weight has shape {shape}, with an axis of no elements; each axis needs at least one.")


def check_gradient(found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Refuse a gradient for a result of another shape than that has."""
    if found != expected:
        raise ValueError(f"grad_output has shape {found}; the output of this operation has shape {expected}.")


def check_groups(channels: int, out_channels: int, groups: Any) -> int:
    """The number of groups, if it divides both numbers of channels."""
    count = whole(groups, "groups", 1)
    for amount, which in ((channels, "input"), (out_channels, "output")):
        if amount % count:
            common = [g for g in range(1, amount + 1) if channels % g == 0 and out_channels % g == 0]
            raise ValueError(
                f"groups={count} does not divide the {amount} {which} channels; give a divisor of both {channels} and "
                f"{out_channels}: {', '.join(map(str, common))}."
            )
    return count


def check_padding_mode(mode: Any) -> str:
    """The padding mode, if it is one."""
    if not isinstance(mode, str) or mode not in PADDING_MODES:
        raise ValueError(f"padding_mode={mode!r} is not known; choose one of {', '.join(map(repr, PADDING_MODES))}.")
    return str(mode)


def check_bias(shape: tuple[int, ...], out_channels: int) -> None:
    """Refuse a bias that is not one number for each output channel."""
    if shape != (out_channels,):
        raise ValueError(f"bias has shape {shape}; give one number for each output channel, shape ({out_channels},).")


def check_activation(activation: Any, dtype: np.dtype) -> None:
    """Refuse an activation that is not known, or that the dtype cannot take."""
    if activation is None:
        return
    allowed: tuple[str, ...] = ACTIVATIONS
    if dtype.kind != "f":
        allowed = INTEGER_ACTIVATIONS if dtype.kind in "iu" else ()
    if not isinstance(activation, str) or activation not in allowed:
        choices = ", ".join(map(repr, (None, *allowed)))
        raise ValueError(f"activation={activation!r} is not known for {dtype} results; choose one of {choices}.")


def check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype, name: str = "out") -> None:
    """Refuse an `out` that cannot take the result."""
    if out is None:
        return
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is of type {type(out).__name__}; give a NumPy array of shape {shape} and dtype {dtype}."
        )
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(
            f"{name} has shape {out.shape} and dtype {out.dtype}; the result needs shape {shape} and dtype {dtype}."
        )
    if not out.flags.writeable:
        raise ValueError(f"{name} is read-only; give an array that can be written to.")
