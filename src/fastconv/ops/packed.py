"""Convolutions that keep their weights as tiles read them: `Conv1d`, `ConvTranspose1d` and those of rank 2 and 3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from fastconv.lazy import lazy
from fastconv.ops import arguments as arg
from fastconv.ops import conv, conv_transpose
from fastconv.ops.by_values import ByValues
from fastconv.ops.calls import Call, converted, target_of
from fastconv.ops.products import operands_of
from fastconv.ops.values import Ends, ends_of

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

#: Most kinds of inputs that an object remembers its calls for.
_MOST_CALLS = 64


class _Packed:
    """What all of them have in common.

    Parameters
    ----------
    operands : tuple
        Weight and bias, as users gave them.
    prepare : callable
        What prepares a call of operands and `settings`.
    settings : tuple
        The spatial rank, and all that was given beside the operands.
    """

    def __init__(
        self,
        operands: tuple[Any, Any],
        prepare: Callable[..., Call | ByValues],
        settings: tuple[Any, ...],
        out_channels: int,
    ) -> None:
        weight, bias = operands
        self._weight = arg.array(weight, "weight").copy()
        self._bias = None if bias is None else arg.array(bias, "bias").copy()
        if self._bias is not None:
            arg.check_bias(self._bias.shape, out_channels)
        self._prepare, self._settings = prepare, settings
        self._calls: dict[int, tuple[Call, Call]] = {}
        self._packed: dict[Any, Any] = {}

    def __call__(self, input: Any, out: np.ndarray | None = None) -> np.ndarray:
        """The result for an input, in `out` if that is given.

        Parameters
        ----------
        input : array_like, shape (N, C, *spatial) or (C, *spatial)
            As the function of the same name takes it.
        out : ndarray, optional
            Takes the result; right shape and dtype, any strides.
        """
        operands = operands_of(input, self._weight, self._bias)
        call = self._prepare((*operands, target_of(out, operands)), *self._settings)
        if isinstance(call, ByValues):
            call = call.call_for(operands[0], self._ends)
        known = self._calls.get(id(call))
        if known is None or known[0] is not call:
            if len(self._calls) >= _MOST_CALLS:
                self._calls.clear()
            known = self._calls[id(call)] = call, self._with_packed_weights(call)
        return known[1].run(operands, out)

    @lazy
    def _ends(self) -> list[Ends]:
        """The ends of weight and bias, if they are whole numbers."""
        return [ends_of(array) for array in (self._weight, self._bias) if array is not None]

    def _with_packed_weights(self, call: Call) -> Call:
        """The same call, taking weights that are packed; calls of one layout share them."""
        plan, (x_conversion, weight_conversion, bias_conversion) = call.choice.plan, call.conversions
        packing = getattr(plan, "packing", None)
        if packing is None:
            return call
        start = None
        if call.start or packing.layout not in self._packed:
            weight = converted(self._weight, weight_conversion)
            self._packed[packing.layout] = packing.run(weight)
            if call.start:
                bias = None if self._bias is None else converted(self._bias, bias_conversion)
                start = call.start.run(bias, weight)
        plain = x_conversion is None and bias_conversion is None and call.dtype == call.problem.dtype
        return replace(
            call,
            run_plan=partial(_run_packed, plan.run_packed, self._packed[packing.layout], start),
            conversions=(x_conversion, None, bias_conversion),
            plain=plain and 0 not in call.shape,
            start=None,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(weight of shape {self._weight.shape} and dtype {self._weight.dtype})"


def _run_packed(
    run: Callable[..., None],
    packed: Any,
    start: np.ndarray | None,
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    y: np.ndarray,
) -> None:
    run(x, packed, bias if start is None else start, y)


class _Conv(_Packed):
    _rank: int

    def __init__(
        self,
        weight: Any,
        bias: Any = None,
        stride: arg.PerAxis = 1,
        padding: arg.Padding = 0,
        dilation: arg.PerAxis = 1,
        groups: int = 1,
        *,
        padding_mode: str = "zeros",
        flip: bool = False,
        activation: str | None = None,
        dtype: Any = None,
        algorithm: str = "auto",
    ) -> None:
        shape = arg.array(weight, "weight").shape
        arg.check_weight(shape, self._rank, type(self).__name__, f"(O, C / groups, {self._rank} kernel sizes)")
        arg.check_groups(shape[1] * arg.whole(groups, "groups", 1), shape[0], groups)
        settings = (
            self._rank, stride, padding, dilation, groups, padding_mode, bool(flip), activation, dtype, algorithm, True
        )  # fmt: skip
        super().__init__((weight, bias), conv._prepare, settings, shape[0])


class _ConvTranspose(_Packed):
    _rank: int

    def __init__(
        self,
        weight: Any,
        bias: Any = None,
        stride: arg.PerAxis = 1,
        padding: arg.Padding = 0,
        output_padding: arg.PerAxis = 0,
        groups: int = 1,
        dilation: arg.PerAxis = 1,
        *,
        output_size: arg.PerAxis | None = None,
        flip: bool = False,
        activation: str | None = None,
        dtype: Any = None,
        algorithm: str = "auto",
    ) -> None:
        shape = arg.array(weight, "weight").shape
        arg.check_weight(shape, self._rank, type(self).__name__, f"(C, O / groups, {self._rank} kernel sizes)")
        out_channels = shape[1] * arg.whole(groups, "groups", 1)
        arg.check_groups(shape[0], out_channels, groups)
        settings = (
            self._rank, stride, padding, output_padding, groups, dilation, output_size, bool(flip), activation, dtype,
            algorithm, True,
        )  # fmt: skip
        super().__init__((weight, bias), conv_transpose._prepare, settings, out_channels)


class Conv1d(_Conv):
    """`conv1d` with weights that are packed once; everything is as in `Conv2d`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.Conv1d(np.array([[[1.0, 10]]]))(np.array([[1.0, 2, 3, 4]]))
    array([[21., 32., 43.]])
    """

    _rank = 1


class Conv2d(_Conv):
    """`conv2d` with weights that are packed once: a callable that takes inputs of any size.

    Parameters
    ----------
    weight, bias, stride, padding, dilation, groups, padding_mode, flip, activation, dtype, algorithm
        As in `conv2d`. Weight and bias are copied: later changes of the arrays have no effect.

    Raises
    ------
    TypeError, ValueError
        As `conv2d`, at the latest when it is called.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> edge = fc.Conv2d(np.array([[[[-1.0, 0, 1]]]]), stride=(2, 1))
    >>> edge(np.arange(16.0).reshape(1, 4, 4))
    array([[[2., 2.],
            [2., 2.]]])
    """

    _rank = 2


class Conv3d(_Conv):
    """`conv3d` with weights that are packed once; everything is as in `Conv2d`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.Conv3d(np.ones((1, 1, 2, 2, 2)))(np.ones((1, 3, 3, 3))).shape
    (1, 2, 2, 2)
    """

    _rank = 3


class ConvTranspose1d(_ConvTranspose):
    """`conv_transpose1d` with weights that are packed once; everything is as in `ConvTranspose2d`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.ConvTranspose1d(np.array([[[1.0, 10]]]), stride=2)(np.array([[1.0, 2, 3]]))
    array([[ 1., 10.,  2., 20.,  3., 30.]])
    """

    _rank = 1


class ConvTranspose2d(_ConvTranspose):
    """`conv_transpose2d` with weights that are packed once: a callable that takes inputs of any size.

    Parameters
    ----------
    weight, bias, stride, padding, output_padding, groups, dilation, output_size, flip, activation, dtype, algorithm
        As in `conv_transpose2d`. Weight and bias are copied: later changes of the arrays have no effect.

    Raises
    ------
    TypeError, ValueError
        As `conv_transpose2d`, at the latest when it is called.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.ConvTranspose2d(np.ones((1, 1, 2, 2)), stride=2)(np.array([[[1.0, 2]]]))
    array([[[1., 1., 2., 2.],
            [1., 1., 2., 2.]]])
    """

    _rank = 2


class ConvTranspose3d(_ConvTranspose):
    """`conv_transpose3d` with weights that are packed once; everything is as in `ConvTranspose2d`.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.ConvTranspose3d(np.ones((1, 1, 2, 2, 2)), stride=2)(np.ones((1, 2, 2, 2))).shape
    (1, 4, 4, 4)
    """

    _rank = 3
