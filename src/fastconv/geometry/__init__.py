"""The arithmetic of convolutions in integers: sizes, windows and paddings, before any array is touched."""

from fastconv.geometry.adaptive import AdaptiveAxis, FractionalAxis
from fastconv.geometry.axis import Axis
from fastconv.geometry.geometry import Geometry
from fastconv.geometry.padding import (
    NAMED_PADDINGS,
    PADDING_MODES,
    named_padding,
    named_transposed_padding,
    source_index,
)

__all__ = [
    "NAMED_PADDINGS",
    "PADDING_MODES",
    "AdaptiveAxis",
    "Axis",
    "FractionalAxis",
    "Geometry",
    "named_padding",
    "named_transposed_padding",
    "source_index",
]
