"""Small words that compile to what the plain Python ones do not, each with the meaning that runs without compiling."""

from __future__ import annotations

import math

import numpy as np
from numba import config

__all__ = ["exp", "unsigned"]

#: A position as an unsigned number. A signed index is checked for being negative at each access and keeps loops from
#: being vectorized; unsigned sums wrap, so a negative step works too. Without compiling, an int.
unsigned = int if config.DISABLE_JIT else np.uint64

#: The exponential function, infinite beyond the largest number. Without compiling, NumPy's: Python's raises an error.
exp = np.exp if config.DISABLE_JIT else math.exp
