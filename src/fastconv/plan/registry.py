"""The candidates of each family, best first, the reference last: one table for dispatch, tests and benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from fastconv.jit.threads import PARALLEL_NANOSECONDS
from fastconv.kernels.conv import conv_tiles, conv_tiles_activated
from fastconv.plan.algorithm import Algorithm
from fastconv.plan.channels import plan_channels, refuse_channels
from fastconv.plan.conv import plan_conv
from fastconv.plan.copied import plan_copied
from fastconv.plan.depthwise import plan_depthwise
from fastconv.plan.direct import direct_nanoseconds, plan_direct
from fastconv.plan.flat_pool import plan_flat_pool, refuse_flat_pool
from fastconv.plan.norms import PowerSums, plan_power_sums, refuse_power_sums
from fastconv.plan.panel import plan_panel, refuse_panel
from fastconv.plan.place_pool import plan_place_pool, refuse_place_pool
from fastconv.plan.pointwise import is_pointwise, plan_pointwise
from fastconv.plan.pool import plan_slab
from fastconv.plan.pool_tile import plan_pool_rows, plan_pool_tile, refuse_pool_rows, refuse_pool_tile
from fastconv.plan.problem import Problem
from fastconv.plan.products import ConvPlan
from fastconv.plan.reference import plan_reference
from fastconv.plan.spread import LONGEST_STEP, plan_spread, spread_writes
from fastconv.plan.stretched import plan_stretched, refuse_stretched
from fastconv.plan.transforms import plan_transforms, refuse_transforms, transforms_yield
from fastconv.plan.turned import plan_turned, refuse_turned, turned_writes
from fastconv.plan.whole_pool import plan_whole_pool, refuse_whole_pool
from fastconv.plan.window_pool import plan_windows
from fastconv.plan.winograd import plan_winograd, refuse_pieces
from fastconv.plan.winograd_rows import plan_winograd_rows, refuse_rows

__all__ = ["ALGORITHMS", "planned"]

Planner = Callable[[Problem], Any]


def _refuse_direct(problem: Problem) -> str | None:
    if problem.activation:
        return "it applies no activation"
    if problem.geometry.padding_mode != "zeros":
        return "it knows no padding but zeros"
    return None


def _direct_yields(problem: Problem) -> str | None:
    if direct_nanoseconds(problem) > PARALLEL_NANOSECONDS:
        return "summing in place is only faster for very little work, and serial"
    if _refuse_depthwise(problem) or problem.geometry.out_channels > problem.geometry.groups:
        return None
    return _slower(problem, plan_direct, {"depthwise": plan_depthwise})


def _refuse_spread(problem: Problem) -> str | None:
    step = problem.geometry.axes[-1].stretch
    if step > LONGEST_STEP:
        return f"it keeps the sums of all phases of a row, and at stride {step} there are too many"
    return None


def _refuse_panel(problem: Problem) -> str | None:
    return refuse_panel(problem) or _refuse_spread(problem)


def _refuse_halves(problem: Problem) -> str | None:
    if problem.dtype.kind != "f":
        return f"it halves weights: not for {problem.dtype.name}"
    return "it halves weights: not for whole numbers" if problem.exact else None


def _refuse_winograd(problem: Problem) -> str | None:
    return _refuse_halves(problem) or refuse_pieces(problem) or _refuse_spread(problem)


def _refuse_winograd_rows(problem: Problem) -> str | None:
    return _refuse_halves(problem) or refuse_rows(problem)


def _refuse_depthwise(problem: Problem) -> str | None:
    if problem.geometry.channels != problem.geometry.groups:
        return f"it sums over one channel, not over {problem.geometry.channels // problem.geometry.groups}"
    if any(axis.stretch > 1 for axis in problem.geometry.axes):
        return "it stretches no input"
    return f"its windows hold no {problem.dtype.name}" if problem.dtype.kind == "c" else None


def _refuse_fourier(problem: Problem) -> str | None:
    return _refuse_depthwise(problem) or refuse_transforms(problem)


def _fourier_yields(problem: Problem) -> str | None:
    """Transforms take as long for any kernel that is small beside their blocks."""
    return transforms_yield(problem) or _slower(problem, plan_transforms, {"depthwise": plan_depthwise})


def _serve(problem: Problem) -> None:
    return None


def _plan_tile(problem: Problem) -> ConvPlan:
    if is_pointwise(problem):
        return plan_pointwise(problem)
    return plan_conv(problem, conv_tiles_activated if problem.activation else conv_tiles)


def _writes_anything(problem: Problem) -> bool:
    return True


def _writes_contiguous(problem: Problem) -> bool:
    return not problem.y_strides


def _plan_powers(problem: Problem) -> PowerSums:
    return plan_power_sums(problem, _plan_sums)


def _plan_sums(problem: Problem) -> Any:
    """The plan of an average that "auto" takes."""
    served = (it for it in _AVG_POOL if not it.refuse(problem) and not it.yields(problem))
    return planned(problem, next(served).plan)


#: Planners of kernels to which memory need not be channels-first, and which results they write as they are to lie.
_ANY_ORDER: dict[Planner, Callable[[Problem], bool]] = {
    plan_channels: _writes_anything,
    plan_spread: spread_writes,
    plan_turned: turned_writes,
    plan_windows: _writes_contiguous,
    _plan_powers: _writes_anything,
    plan_reference: _writes_anything,
}


@lru_cache(maxsize=16)
def planned(problem: Problem, planner: Planner) -> Any:
    """A plan, between copies where its kernel does not know the order in which input or result lie.

    Remembered while one algorithm after the other is compared with the same few.
    """
    any_order = planner in _ANY_ORDER
    serves = _ANY_ORDER[planner](problem) if any_order else not (problem.y_strides or problem.x_last)
    return planner(problem) if serves else plan_copied(problem, planner, takes_last=any_order)


def _promise(problem: Problem, plan: Any) -> float:
    """Microseconds on one thread, with those to pack weights that are not packed yet."""
    packing = None if problem.packed else getattr(plan, "packing", None)
    return (plan.nanoseconds + (packing.nanoseconds if packing else 0)) / 1000


def _slower(problem: Problem, plan: Planner, others: Mapping[str, Planner]) -> str | None:
    """Which of the others promises to be faster, if one does."""
    here = _promise(problem, planned(problem, plan))
    for name, other in others.items():
        promised = _promise(problem, planned(problem, other))
        if promised < here:
            return f"{name} promises {promised:.3g} microseconds on one thread, against {here:.3g}"
    return None


#: What serves any convolution.
_DIRECT: dict[str, Planner] = {"spread": plan_spread, "tile": _plan_tile}


def _rows_and_direct(problem: Problem) -> dict[str, Planner]:
    return _DIRECT if _refuse_winograd_rows(problem) else {"winograd_rows": plan_winograd_rows} | _DIRECT


def _depthwise_yields(problem: Problem) -> str | None:
    """Other tiles read a vector of the input once for all output channels that see it."""
    if problem.geometry.out_channels == problem.geometry.groups:
        return None
    return _slower(problem, plan_depthwise, _rows_and_direct(problem))


def _stretched_yields(problem: Problem) -> str | None:
    """As `_depthwise_yields`."""
    if problem.geometry.out_channels == problem.geometry.groups:
        return None
    return _slower(problem, plan_stretched, _DIRECT)


def _turned_yields(problem: Problem) -> str | None:
    """A task is a vector of channels, and there may be fewer than threads could share; and turning takes time."""
    tasks, cores = planned(problem, plan_turned).tasks, problem.machine.cores
    if tasks < cores:
        return f"its {tasks} tasks are too few for {cores} cores"
    if not refuse_channels(problem):
        return _slower(problem, plan_turned, {"channels": plan_channels})
    return _slower(problem, plan_turned, {"depthwise": plan_depthwise})


def _channels_yield(problem: Problem) -> str | None:
    """Tiles of turned images load a tap once for all outputs of a row that see it, and weights for all of a tile."""
    if refuse_turned(problem) or not _direct_yields(problem) or _turned_yields(problem):
        return None
    return _slower(problem, plan_channels, {"turned": plan_turned})


def _winograd_yields(problem: Problem) -> str | None:
    """Few channels do not pay for transforming them, and few pixels not for transforming the weights."""
    others = _rows_and_direct(problem)
    return _slower(problem, plan_winograd, others if _refuse_panel(problem) else {"panel": plan_panel} | others)


def _winograd_rows_yield(problem: Problem) -> str | None:
    """Short rows hardly fill a vector, and many channels are faster where they are lanes."""
    return _slower(problem, plan_winograd_rows, _DIRECT)


def _panel_yields(problem: Problem) -> str | None:
    """Few output channels do not pay for copying."""
    return _slower(problem, plan_panel, _DIRECT)


def _spread_yields(problem: Problem) -> str | None:
    """Channels fill whole vectors only where there are many; rows of pixels do where rows are long."""
    return _slower(problem, plan_spread, {"tile": _plan_tile})


def _flat_pool_yields(problem: Problem) -> str | None:
    """It loads a vector again for each tap of an axis; tiles share rows, and two passes put windows together."""
    others = {"rows": plan_pool_rows}
    if not refuse_pool_tile(problem):
        others["tile"] = plan_pool_tile
    return _slower(problem, plan_flat_pool, others)


def _pool_tile_yields(problem: Problem) -> str | None:
    """Its work grows with the product of a window's rows and columns, that of two passes with their sum."""
    return _slower(problem, plan_pool_tile, {"rows": plan_pool_rows})


def _places_yield(problem: Problem) -> str | None:
    """Its work grows with the product of a window's sides, that of passes over slabs with their sum."""
    return _slower(problem, plan_place_pool, {"slab": plan_slab})


def _powers_yield(problem: Problem) -> str | None:
    """Several passes take longer to begin than one."""
    return _slower(problem, _plan_powers, {"windows": plan_windows})


_REFERENCE = Algorithm("reference", "NumPy loops that spell out the definition, for comparison", _serve, plan_reference)
_CHANNELS = Algorithm(
    "channels", "reduces windows in place, channels-last ones with channels as lanes", refuse_channels, plan_channels
)
_CONV = (
    replace(_CHANNELS, yields=_channels_yield),
    Algorithm("direct", "sums in place, tap by tap", _refuse_direct, plan_direct, _direct_yields),
    Algorithm(
        "fourier",
        "multiplies Fourier transforms of blocks by those of kernels of one channel",
        _refuse_fourier,
        plan_transforms,
        _fourier_yields,
    ),
    Algorithm(
        "turned",
        "sums windows of one channel of images that are turned, so that channels are lanes",
        refuse_turned,
        plan_turned,
        _turned_yields,
    ),
    Algorithm(
        "depthwise",
        "sums register tiles of windows of one channel, read in place",
        _refuse_depthwise,
        plan_depthwise,
        _depthwise_yields,
    ),
    Algorithm(
        "winograd",
        "cuts kernels into pieces of up to 3 x 3 taps, of which four outputs take 16 products in place of 36",
        _refuse_winograd,
        plan_winograd,
        _winograd_yields,
    ),
    Algorithm(
        "winograd_rows",
        "adds and subtracts rows of input, of which two rows of outputs take 4 rows of products in place of 6",
        _refuse_winograd_rows,
        plan_winograd_rows,
        _winograd_rows_yield,
    ),
    Algorithm(
        "panel",
        "sums register tiles of output channels from panels of pixels, copied side by side",
        _refuse_panel,
        plan_panel,
        _panel_yields,
    ),
    Algorithm(
        "spread",
        "sums register tiles of output channels for pixels that stand anywhere",
        _refuse_spread,
        plan_spread,
        _spread_yields,
    ),
    Algorithm("tile", "sums register tiles of outputs from slabs of input, or in place", _serve, _plan_tile),
    _REFERENCE,
)

_STRETCHED = Algorithm(
    "stretched",
    "sums register tiles of windows of one channel of a stretched image, and multiplies no zero that is put in",
    refuse_stretched,
    plan_stretched,
    _stretched_yields,
)
_CONV_TRANSPOSE = (*_CONV[:2], _STRETCHED, *_CONV[2:])

_AVG_POOL = (
    _CHANNELS,
    Algorithm("whole", "reduces each channel as it stands in memory", refuse_whole_pool, plan_whole_pool),
    Algorithm(
        "flat",
        "reduces all images as one long row, one axis of windows after the other",
        refuse_flat_pool,
        plan_flat_pool,
        _flat_pool_yields,
    ),
    Algorithm(
        "tile",
        "reduces register tiles of windows, read in place",
        refuse_pool_tile,
        plan_pool_tile,
        _pool_tile_yields,
    ),
    Algorithm(
        "rows",
        "reduces rows of the input in place, then along the result",
        refuse_pool_rows,
        plan_pool_rows,
    ),
    Algorithm("slab", "gathers whole images and reduces them along one axis after the other", _serve, plan_slab),
    _REFERENCE,
)

_PLACES = Algorithm(
    "places",
    "compares register tiles of windows, read in place, and notes where maxima stand",
    refuse_place_pool,
    plan_place_pool,
    _places_yield,
)
_MAX_POOL = (*_AVG_POOL[:-2], _PLACES, *_AVG_POOL[-2:])

_WINDOWS = (
    Algorithm("windows", "reduces rows of the input in place, then windows of any lengths", _serve, plan_windows),
    _REFERENCE,
)

ALGORITHMS: dict[str, tuple[Algorithm, ...]] = {
    "conv": _CONV,
    "conv_transpose": _CONV_TRANSPOSE,
    "max_pool": _MAX_POOL,
    "avg_pool": _AVG_POOL,
    "adaptive_max_pool": _WINDOWS,
    "adaptive_avg_pool": _WINDOWS,
    "lp_pool": (
        Algorithm(
            "powers",
            "raises all numbers to powers, and takes roots of the sums of windows of these",
            refuse_power_sums,
            _plan_powers,
            _powers_yield,
        ),
        *_WINDOWS,
    ),
    "fractional_max_pool": _WINDOWS,
}
