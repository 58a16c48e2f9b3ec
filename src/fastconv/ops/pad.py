"""Padding and cropping: `pad`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastconv.ops import arguments as arg
from fastconv.ops.calls import remembered, target_of
from fastconv.plan.kernel_plan import KernelPlan
from fastconv.plan.layout import empty_in, memory_order, overlaps_itself, strides_in
from fastconv.plan.pad import PaddedAxis, plan_pad
from fastconv.plan.span import steps

__all__ = ["MODES", "pad"]

#: By PyTorch's name what `fastconv.geometry` calls it, and how far beyond the size of an axis it may not reach.
MODES = {
    "constant": ("zeros", None),
    "reflect": ("reflect", 1),
    "replicate": ("replicate", None),
    "circular": ("circular", 0),
    "symmetric": ("symmetric", 0),
}


def pad(
    input: Any, pad: Sequence[int], mode: str = "constant", value: complex | None = 0, *, out: np.ndarray | None = None
) -> np.ndarray:
    """Add positions at the ends of axes, or with negative numbers take some away, as ``torch.nn.functional.pad``.

    ``output[..., y, x] = input[..., source(y - top), source(x - left)]``, where beyond the input the mode says which
    element is the source:

    ==============  ===============  ====================  ==============
    mode            beside abcd      most positions added  NumPy's name
    ==============  ===============  ====================  ==============
    "constant"      ``vv|abcd|vv``   any number            "constant"
    "reflect"       ``cb|abcd|cb``   size - 1 at each end  "reflect"
    "replicate"     ``aa|abcd|dd``   any number            "edge"
    "circular"      ``cd|abcd|ab``   the size at each end  "wrap"
    "symmetric"     ``ba|abcd|dc``   the size at each end  "symmetric"
    ==============  ===============  ====================  ==============

    Parameters
    ----------
    input : array_like
        Of any shape and any dtype.
    pad : sequence of int
        (before, after) of the last axis, then those of the axis before it, and so on: ``(left, right, top, bottom)``
        for images (N, C, H, W), as in PyTorch. Axes in front of these stay as they are.
    mode : str
        One of the above, for any number of axes (PyTorch's: for up to three, behind channels).
    value : number
        What stands beside the input in mode "constant"; it has to fit the input's dtype.
    out : ndarray, optional
        Takes the result; right shape and dtype, any strides.

    Returns
    -------
    ndarray, shape (*front, *(size + before + after))
        Dtype of the input. It lies in memory as the input does: contiguous, channels-last, or in any other order.

    Raises
    ------
    TypeError, ValueError
        Before anything is copied, with what was given and what is allowed.

    Notes
    -----
    An axis that is cropped at one end and padded at the other takes sources from all of its elements, also from those
    cropped away, but in mode "circular", where the rest of the axis goes round: as in PyTorch.

    Padding that a convolution is to see needs no `pad`: `conv2d` takes ``padding`` and ``padding_mode``, and copies
    nothing. The gradient of constant padding is ``pad`` with all signs changed.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> x = np.array([[1, 2, 3], [4, 5, 6]])
    >>> fc.pad(x, (1, 2))
    array([[0, 1, 2, 3, 0, 0],
           [0, 4, 5, 6, 0, 0]])
    >>> fc.pad(x, (-1, 1, 1, 0), "replicate")
    array([[2, 3, 3],
           [2, 3, 3],
           [5, 6, 6]])
    """
    x = arg.array(input, "input")
    padding = _prepare((x, target_of(out, (x,))), pad, mode)
    fill = padding.zero if value is None or (type(value) is int and value == 0) else _fill(value, mode, padding.dtype)
    arg.check_out(out, padding.shape, padding.dtype)
    if padding.crop is not None:
        x = x[padding.crop]
    if padding.copy_order is not None:
        copy = empty_in(padding.copy_order, x.shape, padding.dtype)
        np.copyto(copy, x)
        x = copy
    y = out if out is not None and padding.writes_out else empty_in(padding.order, padding.shape, padding.dtype)
    if y.size:
        padding.plan.run(x, y, fill)
    if out is None or y is out:
        return y
    np.copyto(out, y)
    return out


@dataclass(frozen=True, slots=True)
class _Padding:
    """A padding with everything decided but the values.

    Attributes
    ----------
    dtype, shape : numpy.dtype, tuple of int
        Of the result.
    order : tuple of int
        Its axes, outermost in memory first, where it is made here.
    writes_out : bool
        Whether it goes straight into the array that the user gave.
    crop : tuple of slice or None
        What is taken of the input first.
    copy_order : tuple of int or None
        Order of the axes of a copy of the input, where kernels cannot read the input itself.
    zero : ndarray
        One element, for calls without a value of their own.
    plan : KernelPlan
        How.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    order: tuple[int, ...]
    writes_out: bool
    crop: tuple[slice, ...] | None
    copy_order: tuple[int, ...] | None
    zero: np.ndarray
    plan: KernelPlan


@remembered
def _prepare(forms: tuple[arg.Form, arg.Form | None], amounts: Any, mode: Any) -> _Padding:
    x, target = forms
    if not isinstance(mode, str) or mode not in MODES:
        raise ValueError(f"mode={mode!r} is not known; choose one of {', '.join(map(repr, MODES))}.")
    inner_mode, margin = MODES[mode]
    pads = _pairs(x.shape, amounts)
    shape = tuple(size + before + after for size, (before, after) in zip(x.shape, pads, strict=True))
    size, crop = list(x.shape), None
    if mode == "circular" and min(map(min, pads), default=0) < 0:
        crop = tuple(
            slice(max(0, -before), n - max(0, -after)) for n, (before, after) in zip(x.shape, pads, strict=True)
        )
        size = [n + min(0, before) + min(0, after) for n, (before, after) in zip(x.shape, pads, strict=True)]
    for axis, (n, total, pair) in enumerate(zip(size, shape, pads, strict=True)):
        _check_pair(pair, axis, n, total, mode, margin)
    pads = tuple((max(0, before), max(0, after)) for before, after in pads) if crop else pads
    dtype = x.dtype.newbyteorder("=")
    order = memory_order(x.shape, x.strides)
    given = target if target is not None and (target.shape, target.dtype) == (shape, dtype) else None
    writes_out = given is not None and given.plain and not overlaps_itself(shape, given.strides, dtype.itemsize)
    x_strides = x.strides if x.plain else strides_in(order, size, dtype.itemsize)
    y_strides = given.strides if given and writes_out else strides_in(order, shape, dtype.itemsize)
    source, result = steps(tuple(size), x_strides, dtype.itemsize), steps(shape, y_strides, dtype.itemsize)
    axes = [
        PaddedAxis(size[axis], *pads[axis], source.steps[axis], result.steps[axis])
        for axis in (memory_order(shape, y_strides) if writes_out else order)
    ]
    plan = plan_pad(axes, source.base, result.base, inner_mode, dtype)
    return _Padding(dtype, shape, order, writes_out, crop, None if x.plain else order, np.zeros(1, dtype), plan)


def _pairs(shape: tuple[int, ...], amounts: Any) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis of an array."""
    several = isinstance(amounts, (Sequence, np.ndarray)) and not isinstance(amounts, (str, bytes))
    if not several or getattr(amounts, "ndim", 1) != 1:
        raise TypeError(f"pad={amounts!r} is no sequence of ints; give (before, after) of the last axis, as in (1, 1).")
    if len(amounts) % 2:
        raise ValueError(
            f"pad={amounts!r} has {len(amounts)} entries; give two for each axis, before and after, last axis first."
        )
    if len(amounts) > 2 * len(shape):
        raise ValueError(
            f"pad={amounts!r} has {len(amounts)} entries, but input has shape {shape}; give at most {2 * len(shape)}."
        )
    found = [arg.whole(entry, f"pad[{i}]", -(2**31)) for i, entry in enumerate(amounts)]
    pairs = tuple(zip(found[-2::-2], found[::-2], strict=True))
    return ((0, 0),) * (len(shape) - len(pairs)) + pairs


def _check_pair(pair: tuple[int, int], axis: int, size: int, total: int, mode: str, margin: int | None) -> None:
    """Refuse what leaves less than nothing, and what reaches beyond where the mode finds sources."""
    if total < 0 or size < 0:
        raise ValueError(f"pad {pair} crops more than the {size} elements of axis {axis}; crop less.")
    if margin is not None and max(pair) > max(0, size - margin):
        limit = "less than" if margin else "at most"
        raise ValueError(
            f"pad {pair} is too much for the {size} elements of axis {axis}; mode={mode!r} takes {limit} {size} at "
            "each end."
        )
    if mode == "replicate" and size == 0 and max(pair) > 0:
        raise ValueError(f"axis {axis} has no element that mode='replicate' could repeat; use mode='constant'.")


def _fill(value: Any, mode: str, dtype: np.dtype) -> np.ndarray:
    """One element with the value, which the dtype has to hold; floats may round."""
    if isinstance(value, (str, bytes)) or np.ndim(value) != 0 or np.asarray(value).dtype.kind not in "biufc":
        raise TypeError(f"value={value!r} is not a number; give one such as 0.")
    if mode != "constant" and value != 0:
        raise ValueError(f"value={value!r} has no place in mode={mode!r}; leave it out, or use mode='constant'.")
    given = np.asarray(value)
    with np.errstate(all="ignore"):
        fill = (given.real if dtype.kind != "c" else given).astype(dtype).reshape(1)
        # Whole numbers have to be the same; floats may round, but not to infinity.
        fits = fill[0] == given if dtype.kind in "biu" else np.isfinite(fill[0]) or not np.isfinite(given)
    if not fits or (given.dtype.kind == "c" and dtype.kind != "c"):
        raise ValueError(f"value={value!r} does not fit an input of {dtype}; give a number that {dtype} holds.")
    return fill
