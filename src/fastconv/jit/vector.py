"""Small words that compile to what the plain Python ones do not, each with the meaning that runs without compiling."""

from __future__ import annotations

import numpy as np
from numba import config

__all__ = ["unsigned"]

#: A position as an unsigned number. A signed index is checked for being negative at each access and keeps loops from
#: being vectorized; unsigned sums wrap, so a negative step works too. Without compiling, an int.
unsigned = int if config.DISABLE_JIT else np.uint64
