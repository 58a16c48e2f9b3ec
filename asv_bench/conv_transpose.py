"""Time of transposed convolutions."""

from __future__ import annotations

from asv_bench import shapes
from asv_bench.fixtures import TimedLayers


class Upsampling(TimedLayers):
    """Layers of generators and decoders, with one to three spatial axes."""

    params = tuple(shapes.TRANSPOSED)
