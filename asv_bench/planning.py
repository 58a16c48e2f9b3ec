"""Time of the first call of a shape beside what it computes: the choice of an algorithm, and its plan."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from asv_bench import shapes
from asv_bench.fixtures import Sampling, layer_arguments, only_with_threads, operation


@lru_cache(maxsize=1)
def problem(layer: str) -> Any:
    """What a layer asks for; skipped where a commit plans in another way."""
    try:
        from fastconv.ops.calls import recording
        from fastconv.plan.plan import choose
    except ImportError:
        raise NotImplementedError("this commit plans in another way") from None
    if not hasattr(choose, "__wrapped__"):
        raise NotImplementedError("this commit plans in another way")
    function, (x, kernel, options) = operation(shapes.LAYERS[layer].function), layer_arguments(layer)
    with recording() as calls:
        function(x, kernel, **options)
    [(found, _)] = calls
    return found


class Planning(Sampling):
    """A layer of a shape that no call has had before."""

    params = (
        "resnet50.conv1 7x7s2", "resnet50.2 1x1", "resnet50.4 3x3", "convnext dw 7x7", "dcgan 4x4s2",
        "densenet avg 2x2s2",
    )  # fmt: skip
    param_names = ("layer",)

    def setup(self, layer: str) -> None:
        only_with_threads(1)
        self.problem = problem(layer)
        from fastconv.plan import plan, registry

        self.choose = plan.choose.__wrapped__
        if hasattr(registry.planned, "cache_clear"):
            registry.planned.cache_clear()

    def time_choose(self, layer: str) -> None:
        self.choose(self.problem)
