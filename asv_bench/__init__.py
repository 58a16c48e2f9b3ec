"""Benchmarks of fastconv for airspeed velocity; README.md says how to run them.

This module is imported before every other one of the suite, and so before NumPy and Numba read the environment.
"""

import os
from pathlib import Path

# Compiled code is kept for one commit alone: shared between commits, one could be timed with another's machine code.
# Outside the environments that asv makes, neither variable is set and the user's own cache serves.
if "ASV_COMMIT" in os.environ and "ASV_ENV_DIR" in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = str(Path(os.environ["ASV_ENV_DIR"], "numba-cache", os.environ["ASV_COMMIT"]))

# The matrix products of NumPy, a peer in ratios.py, get as many threads as our kernels.
if "NUMBA_NUM_THREADS" in os.environ:
    for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(_variable, os.environ["NUMBA_NUM_THREADS"])
