"""How convolutions whose lanes are output channels are shared out."""

import numpy as np

from fastconv.geometry import Axis, Geometry
from fastconv.jit.machine import machine
from fastconv.plan.layout import strides_first
from fastconv.plan.problem import Problem
from fastconv.plan.spread import VECTORS, plan_spread


def gradient_problem(channels: int, side: int, taps: int, threads: int) -> Problem:
    """That of weights' gradient: as many outputs as a kernel has taps, from windows of nearly an image each."""
    lanes = VECTORS * machine().vector_bytes // 4
    axes = (Axis(channels, 1), Axis(side, side - taps + 1), Axis(side, side - taps + 1))
    g = Geometry(1, 1, lanes, 1, axes)
    weight = strides_first((lanes, 1, *g.kernel_size), 4)
    dtype = np.dtype(np.float32)
    return Problem("conv", g, dtype, strides_first(g.input_shape, 4), dtype, weight, threads=threads)


def test_few_outputs_are_shared_out_by_channels_too() -> None:
    rng, lanes, results = np.random.default_rng(0), VECTORS * machine().vector_bytes // 4, []
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in ((1, 1, 3, 60, 60), (lanes, 1, 1, 54, 54)))
    for threads in (1, 2):
        plan = plan_spread(gradient_problem(3, 60, 7, threads))
        if machine().vector_bytes == 64:
            assert plan.tasks == threads
            assert f"1 blocks of 3 x 7 x 7 outputs, {threads} row blocks" in plan.summary
        results.append(np.empty((1, lanes, 3, 7, 7), np.float32))
        plan.run(x, w, None, results[-1])
    np.testing.assert_array_equal(*results)
    windows = np.lib.stride_tricks.sliding_window_view(x[0, 0].astype(float), (54, 54), (1, 2))
    wanted = np.einsum("dhwij,oij->odhw", windows, w[:, 0, 0].astype(float))[None]
    np.testing.assert_allclose(results[0], wanted, atol=1e-5 * np.abs(wanted).max())


def test_many_outputs_keep_the_widest_tiles() -> None:
    alone, shared = (plan_spread(gradient_problem(64, 60, 3, threads)) for threads in (1, 2))
    widest = VECTORS * machine().vector_bytes // 4
    assert f"row blocks of up to {widest} channels" in alone.summary
    assert f"row blocks of up to {widest} channels" in shared.summary
