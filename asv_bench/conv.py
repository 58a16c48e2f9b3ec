"""Time of convolutions."""

from __future__ import annotations

from asv_bench import shapes
from asv_bench.fixtures import LayerFixture, TimedLayers, layer_arguments, operation, random


class Dense(TimedLayers):
    """Each output channel sees every input channel."""

    params = tuple(shapes.DENSE)


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
    """One layer in other types than float32."""

    params = tuple(shapes.DTYPES)


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
