"""Numba's threading layers and torch's threads live in the same process: no crash, no hang, the same bits."""

import importlib.util

import numpy as np
import pytest

import fastconv as fc
from nightly import nightly
from processes import LAYERS, run_program

#: Many threads at work with ours and with a region of Numba's own.
TOGETHER = """
import asyncio, hashlib, threading
from concurrent.futures import ThreadPoolExecutor
import dask, dask.threaded, numba
import user_kernels as user

check()
try:
    layer = user.start_layer()
except ValueError as error:
    print(error)
    raise SystemExit(77)

def global_state():
    names = [name for name in dir(numba.config) if name.isupper()]
    values = [getattr(numba.config, name) for name in names]
    return dict(zip(names, values)), numba.get_num_threads(), numba.threading_layer(), numba.get_parallel_chunksize()

before = global_state()

def work_of_theirs():  # in one thread: the layer workqueue dies of two
    while not done.is_set():
        user.start_layer()

done = threading.Event()
theirs = threading.Thread(target=work_of_theirs)
theirs.start()
with ThreadPoolExecutor(4) as pool:
    assert all(pool.map(lambda _: check(), range(40)))
assert all(dask.compute(*[dask.delayed(check)() for _ in range(40)], scheduler="threads", num_workers=4))

async def tasks():
    return await asyncio.gather(*[asyncio.to_thread(check) for _ in range(40)])

assert all(asyncio.run(tasks()))
done.set()
theirs.join()

results = np.zeros((8, *expected_conv.shape), np.float32)
user.convolve_all(np.broadcast_to(x, (8, *x.shape)).copy(), w, results)
assert (results == expected_conv).all(), "a call inside a region of Numba's is wrong"
check()
assert global_state() == before and layer == before[2]
"""

#: Where sums of floats depend on their order.
BITS = """
import hashlib
random = np.random.default_rng(0)
x, w = random.standard_normal((2, 16, 50, 50), np.float32), random.standard_normal((24, 16, 3, 3), np.float32)
results = [fc.conv2d(x, w), fc.avg_pool2d(x, 3, 2), fc.conv_matrix(w, (16, 20, 20)) @ x[0, :, :20, :20].ravel()]
digest = hashlib.sha256(b"".join(result.tobytes() for result in results)).hexdigest()
"""

TORCH = """
import torch

def theirs():
    y = torch.nn.functional.conv2d(torch.from_numpy(x)[None], torch.from_numpy(w))[0]
    assert np.array_equal(y.numpy(), expected_conv)

theirs()
"""

MIXED = """
import threading
check()
{later}
stop = threading.Event()

def work_of_theirs():
    while not stop.is_set():
        theirs()

threads = [threading.Thread(target=work_of_theirs), *[threading.Thread(target=check) for _ in range(4)]]
for thread in threads:
    thread.start()
for _ in range(20):
    theirs()
    check()
stop.set()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize(
    ("layer", "threads"),
    [("omp", 4), *nightly(("omp", 2), ("workqueue", 1), ("workqueue", 2), ("tbb", 2), ("tbb", 4))],
)
def test_many_threads_and_regions_of_numba(layer: str, threads: int) -> None:
    with fc.threads(1):
        found: dict = {"np": np, "fc": fc}
        exec(BITS, found)
    settings = {**LAYERS[layer], "NUMBA_NUM_THREADS": str(threads)}
    assert run_program(f"{TOGETHER}\n{BITS}\nprint(digest)", **settings).split() == [found["digest"]]


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
@pytest.mark.parametrize("first", ["torch", "fastconv"])
def test_torch_in_the_same_process(first: str) -> None:
    before, later = (TORCH, "") if first == "torch" else ("", TORCH)
    run_program(before + MIXED.format(later=later))
