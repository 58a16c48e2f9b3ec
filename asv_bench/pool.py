"""Time of pooling."""

from __future__ import annotations

from asv_bench import shapes
from asv_bench.fixtures import LayerFixture, Sampling, TimedLayers, layer_arguments, operation, random


class Maximum(TimedLayers):
    """Maxima alone."""

    params = tuple(shapes.MAX_POOLS)


class Average(TimedLayers):
    """Averages."""

    params = tuple(shapes.AVG_POOLS)


class Indices(LayerFixture):
    """Maxima and their places."""

    params = ("inception max 3x3s1", "resnet50 max 3x3s2", "vgg16 max 2x2s2")

    def setup(self, layer: str) -> None:
        self.function, (self.x, self.window, self.options) = operation("max_pool2d"), layer_arguments(layer)
        self.time_call(layer)

    def time_call(self, layer: str) -> None:
        self.function(self.x, self.window, **self.options, return_indices=True)


class Adaptive(Sampling):
    """Parts of unequal lengths: the average and the maximum of a pyramid of a segmentation network."""

    params = ("adaptive_avg_pool2d", "adaptive_max_pool2d")
    param_names = ("operation",)

    def setup(self, name: str) -> None:
        self.function, self.x = operation(name), random((1, 256, 60, 60))
        self.time_call(name)

    def time_call(self, name: str) -> None:
        self.function(self.x, 7)
