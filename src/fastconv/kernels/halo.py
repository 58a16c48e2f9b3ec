"""The plain slab: a piece of the padded input, or of every `step`-th position, in its own order.

A row is one run to copy, whatever the stride of the windows; of a channels-last input with all channels of its pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv.jit.copy import copy_run
from fastconv.jit.decorators import helper
from fastconv.jit.scratch import free
from fastconv.kernels.slab import Images, Space, gather_plane, plane_lists, source_of

__all__ = ["gather_pixels", "gather_plain"]

# Neither slices nor calls with arrays in the inner loop: each counts references up and down, atomically, which took a
# sixth of a whole convolution.


@helper
def _list_sources(sources: Any, at: int, table: Any, axis: Any, first: int) -> None:
    """The input element of each position of a slab along one axis, or -1."""
    for p in range(axis.positions):
        sources[at + p] = source_of(table, axis, first + p * axis.step)


@helper
def gather_plain(slab: Any, x: Any, images: Images, table: Any, axes: Space, first: Space, fill: Any) -> None:
    """Fill the slab [channel, d, h, w] whose first element is at input position `first`; steps are the axes'."""
    lists = plane_lists(axes)
    pitch = axes.d.positions * axes.h.positions * axes.w.positions
    gather_plane(slab, np.int64(0), pitch, x, images, table, axes, first, lists, fill)
    free(lists)


@helper
def gather_pixels(
    slab: Any, sources: Any, x: Any, images: Images, table: Any, axes: Space, first: Space, pitch: int, fill: Any
) -> None:  # fmt: skip
    """As `gather_plain`, into a slab [d, h, w, channel] whose pixels are `pitch` elements apart.

    `sources` is room for as many numbers as the three axes have positions.
    """
    d, h, w = axes.d, axes.h, axes.w
    rows_at, row_at = d.positions, d.positions + h.positions
    _list_sources(sources, 0, table, d, first.d)
    _list_sources(sources, rows_at, table, h, first.h)
    _list_sources(sources, row_at, table, w, first.w)
    inner = min(w.positions, max(0, -first.w))
    outer = max(inner, min(w.positions, w.size - first.w))
    if outer == inner or w.stride != pitch or images.step != 1:  # no run of pixels as the slab has them
        inner = outer = w.positions
    to: Any = np.int64(0)
    for place_d in range(d.positions):
        source_d = sources[place_d]
        for place_h in range(h.positions):
            source_h = sources[rows_at + place_h]
            if source_d >= 0 and source_h >= 0:
                at = images.base + source_d * d.stride + source_h * h.stride
                if inner < outer:
                    count = (outer - inner - 1) * pitch + images.channels
                    copy_run(slab, to + inner * pitch, x, at + (first.w + inner) * pitch, count)
                for part in range(2):
                    for p in range(outer if part else 0, w.positions if part else inner):
                        source, pixel = sources[row_at + p], to + p * pitch
                        if source < 0:
                            for c in range(images.channels):
                                slab[pixel + c] = fill
                        elif images.step == 1:
                            copy_run(slab, pixel, x, at + source * w.stride, images.channels)
                        else:
                            for c in range(images.channels):
                                slab[pixel + c] = x[at + source * w.stride + c * images.step]
            else:
                for p in range(w.positions * pitch):
                    slab[to + p] = fill
            to += w.positions * pitch
