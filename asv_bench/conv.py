"""Time of convolutions."""

from __future__ import annotations

from functools import partial

import numpy as np

from asv_bench import shapes
from asv_bench.fixtures import LayerFixture, TimedLayers, channels_last, layer_arguments, operation, random


class Dense(TimedLayers):
    """Each output channel sees every input channel."""

    params = tuple(shapes.DENSE)


class Batches(TimedLayers):
    """Many small images."""

    params = tuple(shapes.BATCHES)


class Grouped(TimedLayers):
    """Each run of output channels sees one run of input channels."""

    params = tuple(shapes.GROUPED)


class Depthwise(TimedLayers):
    """Each output channel sees one input channel, so memory is the limit."""

    params = tuple(shapes.DEPTHWISE)


class Volumes(TimedLayers):
    """Three spatial axes."""

    params = tuple(shapes.VOLUMES)


class Signals(TimedLayers):
    """One spatial axis."""

    params = tuple(shapes.SIGNALS)


class Images(TimedLayers):
    """A filter on one large channel."""

    params = tuple(shapes.IMAGES)


class Odd(TimedLayers):
    """Shapes that no kernel was tuned for."""

    params = tuple(shapes.ODD)


class Dtypes(TimedLayers):
    """One layer in other types than float32; whole numbers are small, whatever their type."""

    params = tuple(shapes.DTYPES)


class WideIntegers(LayerFixture):
    """The same with whole numbers that take all bits of their type."""

    params = tuple(f"resnet50.3 3x3 {dtype}" for dtype in ("int16", "int32", "int64"))

    def setup(self, layer: str) -> None:
        function, (x, weight, options) = operation("conv2d"), layer_arguments(layer)
        factor = np.iinfo(x.dtype).max // 8
        self.call = partial(function, x * factor, weight * factor, **options)
        self.call()

    def time_call(self, layer: str) -> None:
        self.call()


class Tiny(LayerFixture):
    """Calls that are mostly checks, the look-up of a plan and the launch of a kernel."""

    params = tuple(shapes.TINY)

    def time_100_calls(self, layer: str) -> None:
        for _ in range(100):
            self.call()


class Fused(LayerFixture):
    """Bias and activation in the same pass as the sums; `Dense` has the bare sums of these layers."""

    params = ("resnet50.3 3x3", "resnet50.2 1x1")

    def setup(self, layer: str) -> None:
        self.function, (self.x, self.weight, options) = operation("conv2d"), layer_arguments(layer)
        self.options = {**options, "bias": random(self.weight.shape[:1]), "activation": "relu"}
        self.time_bias_relu(layer)

    def time_bias_relu(self, layer: str) -> None:
        self.function(self.x, self.weight, **self.options)


class Packed(LayerFixture):
    """`Dense` with weights that are packed beforehand."""

    params = tuple(shapes.DENSE)

    def setup(self, layer: str) -> None:
        pack, (x, weight, options) = operation("Conv2d"), layer_arguments(layer)
        conv = pack(weight, **options)
        self.call = lambda: conv(x)
        self.call()

    def time_call(self, layer: str) -> None:
        self.call()


class Gradients(LayerFixture):
    """Gradients of `Dense`, whose sums have as many products."""

    params = tuple(shapes.DENSE)

    def setup(self, layer: str) -> None:
        self.grad, (self.x, self.weight, self.options) = operation("grad"), layer_arguments(layer)
        self.dy = operation("conv2d")(self.x, self.weight, **self.options)
        self.time_input(layer)
        self.time_weight(layer)

    def time_input(self, layer: str) -> None:
        self.grad.conv2d_input(self.x.shape, self.weight, self.dy, **self.options)

    def time_weight(self, layer: str) -> None:
        self.grad.conv2d_weight(self.x, self.weight.shape, self.dy, **self.options)


class BatchGradients(Gradients):
    """Gradients of `Batches`, for weights sums over all images."""

    params = tuple(shapes.BATCHES)


class GroupedGradients(Gradients):
    """Gradients of `Grouped`, for weights sums of few output channels."""

    params = tuple(shapes.GROUPED)


class DepthwiseGradients(Gradients):
    """Gradients of `Depthwise`, for the padding that they know."""

    params = tuple(name for name, layer in shapes.DEPTHWISE.items() if "padding_mode" not in layer.options)


class ChannelsLast(LayerFixture):
    """Layers whose channels stand beside each other in memory, in input and result."""

    params = ("resnet50.conv1 7x7s2", "resnet50.2 1x1", "resnet50.2 3x3", "resnet50.3 3x3s2", "mobilenet dw 3x3")

    def setup(self, layer: str) -> None:
        function, (x, weight, options) = operation("conv2d"), layer_arguments(layer)
        self.call = partial(function, channels_last(x), weight, **options)
        self.call()

    def time_call(self, layer: str) -> None:
        self.call()
