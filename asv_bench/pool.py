"""Time of pooling."""

from __future__ import annotations

from functools import partial

from asv_bench import shapes
from asv_bench.fixtures import LayerFixture, Sampling, TimedLayers, channels_last, layer_arguments, operation, random


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


class Windows(Sampling):
    """Parts of unequal lengths, as in a pyramid of a segmentation network; p-norms, and random windows."""

    params = ("adaptive_avg_pool2d", "adaptive_max_pool2d", "lp_pool2d", "fractional_max_pool2d")
    param_names = ("operation",)

    def setup(self, name: str) -> None:
        self.function, self.x = operation(name), random((1, 256, 60, 60))
        self.settings = {"lp_pool2d": (2, 3, 2), "fractional_max_pool2d": (2, 40)}.get(name, (7,))
        self.time_call(name)

    def time_call(self, name: str) -> None:
        self.function(self.x, *self.settings)


class Gradients(Sampling):
    """Gradients for the input of the pooling behind ResNet's first layer, of other kinds too."""

    params = ("max_pool2d", "avg_pool2d", "lp_pool2d")
    param_names = ("operation",)

    def setup(self, name: str) -> None:
        operation("max_unpool2d")  # came with them
        x, window = random((1, 64, 112, 112)), {"kernel_size": 3, "stride": 2, "padding": 1}
        y, places = operation("max_pool2d")(x, **window, return_indices=True)
        function = getattr(operation("grad"), name)
        arguments = {"max_pool2d": (places, x.shape), "avg_pool2d": (x.shape,), "lp_pool2d": (x, 2)}[name]
        self.call = partial(function, y, *arguments, **({} if name == "max_pool2d" else window))
        self.call()

    def time_call(self, name: str) -> None:
        self.call()


class ChannelsLastGradients(LayerFixture):
    """Gradients of maxima whose channels stand beside each other in memory."""

    params = ("inception max 3x3s1", "vgg16 max 2x2s2")

    def setup(self, layer: str) -> None:
        x, window, options = layer_arguments(layer)
        y, places = operation("max_pool2d")(channels_last(x), window, **options, return_indices=True)
        self.call = partial(operation("grad").max_pool2d, y, places, x.shape)
        self.call()

    def time_call(self, layer: str) -> None:
        self.call()
