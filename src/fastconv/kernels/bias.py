"""What the sums of output channels begin with."""

from __future__ import annotations

from typing import Any

from fastconv.jit.decorators import helper

__all__ = ["begin_sums"]


@helper
def begin_sums(sums: Any, width: int, bias: Any, channel: int, channels: int) -> None:
    """The biases of so many channels from `channel` on, if there is a bias, and zeros up to `width`."""
    for c in range(width):
        sums[c] = bias[channel + c] if bias.size and c < channels else 0
