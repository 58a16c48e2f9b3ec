"""Figures that are the same in every run on one kind of machine: any change is a change of the code."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np

from asv_bench import peers, shapes
from asv_bench.fixtures import built_matrix, layer_arguments, only_with_threads, warm_call

ERROR_PEERS = {
    "lenet 28x28 5x5": peers.numpy_conv,
    "inception.stem 3x3s2": peers.numpy_conv,
    "resnet50.2 3x3": peers.numpy_conv,
    "resnet50.4 1x1": peers.numpy_conv,
    "resnet50.5 3x3": peers.numpy_conv,
    "convnext dw 7x7": peers.numpy_depthwise,
    "dcgan 4x4s2": peers.numpy_conv_transpose,
    "c3d avg 2x2x2": peers.numpy_avg_pool,
}

# Prints the modules that an import adds, those of the standard library left out.
NEW_MODULES = """
import json, sys
before = set(sys.modules)
import fastconv
print(json.dumps([name for name in sys.modules.keys() - before if name.split(".")[0] not in sys.stdlib_module_names]))
"""


class Errors:
    """Largest error of float32 against float64, over the largest result, in units of float32's epsilon (2**-23)."""

    version = "1"
    unit = "eps"
    params = tuple(ERROR_PEERS)
    param_names = ("layer",)

    def setup(self, layer: str) -> None:
        only_with_threads(1)  # results are the same bits for any number
        self.result = warm_call(layer)()
        x, kernel, options = layer_arguments(layer)
        weight = kernel.astype(np.float64) if isinstance(kernel, np.ndarray) else kernel
        self.exact = ERROR_PEERS[layer](x.astype(np.float64), weight, **options)

    def track_error(self, layer: str) -> float:
        error = np.abs(self.result - self.exact).max() / np.abs(self.exact).max()
        return float(error / np.finfo(np.float32).eps)


class Matrices:
    """Size of the matrix K'."""

    version = "1"
    unit = "bytes"
    params = tuple(shapes.MATRICES)
    param_names = ("matrix",)

    def setup(self, name: str) -> None:
        only_with_threads(1)
        self.matrix = built_matrix(name)

    def track_bytes(self, name: str) -> int:
        return self.matrix.data.nbytes + self.matrix.indices.nbytes + self.matrix.indptr.nbytes


class Import:
    """What ``import fastconv`` loads."""

    version = "1"
    unit = "modules"

    def setup(self) -> None:
        only_with_threads(1)

    def track_modules(self) -> int:
        done = subprocess.run([sys.executable, "-c", NEW_MODULES], check=True, capture_output=True, text=True)
        return len(json.loads(done.stdout))
