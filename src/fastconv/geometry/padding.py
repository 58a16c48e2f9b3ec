"""What paddings mean: the named amounts ("same", "full", ...) and, for each padding mode, what stands where nothing is.

Conventions differ between libraries. Where one zero is left over, "same" puts it after the input (PyTorch "same", ONNX
SAME_UPPER), "same_lower" before it (ONNX SAME_LOWER, ``numpy.correlate``). The modes carry PyTorch's names:

==============  ==============  ====================  ==================  ===========
here, PyTorch   NumPy           scipy.ndimage         scipy.signal        outside abcd
==============  ==============  ====================  ==================  ===========
zeros           constant        constant              fill                00|abcd|00
reflect         reflect         mirror                                    cb|abcd|cb
replicate       edge            nearest                                   aa|abcd|dd
circular        wrap            wrap                  wrap                cd|abcd|ab
symmetric       symmetric       reflect               symm                ba|abcd|dc
==============  ==============  ====================  ==================  ===========
"""

from __future__ import annotations

__all__ = ["NAMED_PADDINGS", "PADDING_MODES", "named_padding", "named_transposed_padding", "source_index"]

NAMED_PADDINGS = ("valid", "same", "same_lower", "full")
PADDING_MODES = ("zeros", "reflect", "replicate", "circular", "symmetric")


def named_padding(name: str, size: int, extent: int, stride: int) -> tuple[int, int]:
    """(before, after) of a convolution for one of `NAMED_PADDINGS`.

    "same" gives ``ceil(size / stride)`` outputs, "full" every window that meets the input (relationships 3 and 4).

    Examples
    --------
    >>> named_padding("same", size=5, extent=4, stride=1), named_padding("same_lower", size=5, extent=4, stride=1)
    ((1, 2), (2, 1))
    """
    if name == "full":
        return extent - 1, extent - 1
    if name == "valid":
        return 0, 0
    windows = -(-size // stride)
    return _split(max((windows - 1) * stride + extent - size, 0), name)


def named_transposed_padding(name: str, extent: int, stride: int) -> tuple[int, int]:
    """(before, after) of a transposed convolution for one of `NAMED_PADDINGS`: that of the convolution it transposes.

    "same" gives ``size * stride`` outputs; a kernel shorter than the stride then has a negative padding after, zeros.

    Examples
    --------
    >>> named_transposed_padding("same", extent=4, stride=2), named_transposed_padding("same", extent=2, stride=3)
    ((1, 1), (0, -1))
    """
    if name == "full":
        return extent - 1, extent - 1
    if name == "valid":
        return 0, 0
    total = extent - stride
    return _split(total, name) if total >= 0 else (0, total)


def _split(total: int, name: str) -> tuple[int, int]:
    less = total // 2
    return (less, total - less) if name == "same" else (total - less, less)


def source_index(position: int, size: int, mode: str) -> int:
    """The input element that stands at `position` under a padding mode, or -1 where it is a zero.

    Examples
    --------
    >>> [source_index(i, 4, "reflect") for i in (-2, -1, 0, 3, 4, 5)]
    [2, 1, 0, 3, 2, 1]
    """
    if 0 <= position < size:
        return position
    if mode == "zeros":
        return -1
    if mode == "replicate":
        return 0 if position < 0 else size - 1
    if mode == "circular":
        return position % size
    if mode == "symmetric":
        phase = position % (2 * size)
        return min(phase, 2 * size - 1 - phase)
    period = max(1, 2 * size - 2)
    phase = position % period
    return min(phase, period - phase)
