"""The candidates for convolutions and transposed ones, best first, and when each declines or yields."""

from __future__ import annotations

from dataclasses import replace

from fastconv.jit.threads import PARALLEL_NANOSECONDS
from fastconv.kernels.conv import conv_tiles, conv_tiles_activated
from fastconv.plan.algorithm import Algorithm
from fastconv.plan.any_algorithms import REFERENCE, serve, writes_anything
from fastconv.plan.channels import plan_channels, refuse_channels
from fastconv.plan.conv import plan_conv
from fastconv.plan.depthwise import plan_depthwise
from fastconv.plan.direct import direct_nanoseconds, plan_direct
from fastconv.plan.inside import plan_inside, refuse_inside
from fastconv.plan.one_window import plan_one_window, refuse_one_window
from fastconv.plan.panel import plan_panel, refuse_panel
from fastconv.plan.pointwise import is_pointwise, plan_pointwise
from fastconv.plan.problem import Problem
from fastconv.plan.products import ConvPlan
from fastconv.plan.promises import planned, slower
from fastconv.plan.single import plan_single, refuse_single
from fastconv.plan.spread import LONGEST_STEP, plan_spread, spread_writes
from fastconv.plan.stretched import plan_stretched, refuse_stretched
from fastconv.plan.transforms import plan_transforms, refuse_transforms, transforms_yield
from fastconv.plan.turned import plan_turned, refuse_turned, turned_writes
from fastconv.plan.winograd import plan_winograd, refuse_pieces
from fastconv.plan.winograd_rows import plan_winograd_rows, refuse_rows

__all__ = ["CONV", "CONV_TRANSPOSE", "INTERLEAVED", "WIDENED"]


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
    return slower(problem, _DIRECT, (_DEPTHWISE,))


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
    if problem.exact and not problem.spare:
        return f"it halves weights: not for sums of whole numbers that take all bits of {problem.dtype.name}"
    return None


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
    return transforms_yield(problem) or slower(problem, _FOURIER, (_DEPTHWISE, *_many_see(problem)))


def _plan_tile(problem: Problem) -> ConvPlan:
    if is_pointwise(problem):
        return plan_pointwise(problem)
    return plan_conv(problem, conv_tiles_activated if problem.activation else conv_tiles)


def _tap_by_tap(problem: Problem) -> tuple[Algorithm, ...]:
    """What skips products with padding, where there are some."""
    return () if refuse_inside(problem) else (_INSIDE,)


def _rows_and_all(problem: Problem) -> tuple[Algorithm, ...]:
    """Those that serve any convolution, and pairs of rows where they serve this one."""
    return _ALL if _refuse_winograd_rows(problem) else (_WINOGRAD_ROWS, *_ALL)


def _many_see(problem: Problem) -> tuple[Algorithm, ...]:
    """Those that read a number once for all output channels that see it, where several do."""
    return () if problem.geometry.out_channels == problem.geometry.groups else _rows_and_all(problem)


def _depthwise_yields(problem: Problem) -> str | None:
    """Other tiles read a vector of the input once for all output channels that see it."""
    return slower(problem, _DEPTHWISE, _many_see(problem))


def _stretched_yields(problem: Problem) -> str | None:
    """As `_depthwise_yields`."""
    if problem.geometry.out_channels == problem.geometry.groups:
        return None
    return slower(problem, _STRETCHED, _ALL)


def _unpacked_yields(problem: Problem) -> str | None:
    """Packed weights are multiplied by many images sooner, and windows of one channel where channels are lanes."""
    return slower(problem, _UNPACKED, (_SINGLE, *_of_one_channel(problem)))


def _single_yields(problem: Problem) -> str | None:
    """Few outputs hardly fill a vector."""
    return slower(problem, _SINGLE, (*_of_one_channel(problem), *_ALL))


def _of_one_channel(problem: Problem) -> tuple[Algorithm, ...]:
    """Those that sum windows of one channel, where they serve."""
    if _refuse_depthwise(problem):
        return ()
    return (_DEPTHWISE,) if refuse_turned(problem) else (_TURNED, _DEPTHWISE)


def _turned_yields(problem: Problem) -> str | None:
    """A task is a vector of channels, and there may be fewer than threads could share; and turning takes time."""
    tasks, cores = planned(problem, _TURNED).tasks, problem.machine.cores
    if tasks < cores:
        return f"its {tasks} tasks are too few for {cores} cores"
    if not refuse_channels(problem):
        return slower(problem, _TURNED, (_CHANNELS,))
    return slower(problem, _TURNED, (_DEPTHWISE,))


def _channels_yield(problem: Problem) -> str | None:
    """Tiles of turned images load a tap once for all outputs of a row that see it, and weights for all of a tile."""
    if refuse_turned(problem) or not _direct_yields(problem) or _turned_yields(problem):
        return None
    return slower(problem, _CHANNELS, (_TURNED,))


def _winograd_yields(problem: Problem) -> str | None:
    """Few channels do not pay for transforming them, and few pixels not for transforming the weights."""
    others = (*_tap_by_tap(problem), *_rows_and_all(problem))
    return slower(problem, _WINOGRAD, others if _refuse_panel(problem) else (_PANEL, *others))


def _winograd_rows_yield(problem: Problem) -> str | None:
    """Short rows hardly fill a vector, and many channels are faster where they are lanes."""
    return slower(problem, _WINOGRAD_ROWS, (*_tap_by_tap(problem), *_ALL))


def _panel_yields(problem: Problem) -> str | None:
    """Few output channels do not pay for copying."""
    return slower(problem, _PANEL, (*_tap_by_tap(problem), *_ALL))


def _inside_yields(problem: Problem) -> str | None:
    """Many runs of few depths take longer than some products with padding."""
    return slower(problem, _INSIDE, _ALL)


def _spread_yields(problem: Problem) -> str | None:
    """Channels fill whole vectors only where there are many; rows of pixels do where rows are long."""
    return slower(problem, _SPREAD, (_TILE,))


_CHANNELS = Algorithm(
    "channels",
    "sums windows in place, channels-last ones with channels as lanes",
    refuse_channels,
    plan_channels,
    _channels_yield,
    writes=writes_anything,
)
_DIRECT = Algorithm(
    "direct",
    "sums in place, tap by tap",
    _refuse_direct,
    plan_direct,
    _direct_yields,
)
_FOURIER = Algorithm(
    "fourier",
    "multiplies Fourier transforms of blocks by those of kernels of one channel",
    _refuse_fourier,
    plan_transforms,
    _fourier_yields,
)
_TURNED = Algorithm(
    "turned",
    "sums windows of one channel of images that are turned, so that channels are lanes",
    refuse_turned,
    plan_turned,
    _turned_yields,
    writes=turned_writes,
)
_DEPTHWISE = Algorithm(
    "depthwise",
    "sums register tiles of windows of one channel, read in place",
    _refuse_depthwise,
    plan_depthwise,
    _depthwise_yields,
)
_STRETCHED = Algorithm(
    "stretched",
    "sums register tiles of windows of one channel of a stretched image, and multiplies no zero that is put in",
    refuse_stretched,
    plan_stretched,
    _stretched_yields,
)
_UNPACKED = Algorithm(
    "unpacked",
    "multiplies images of one window, or of one position, by weights where they stand",
    refuse_one_window,
    plan_one_window,
    _unpacked_yields,
)
_SINGLE = Algorithm(
    "single",
    "multiplies images of one window, or of one position, by weights that are those of single taps",
    refuse_single,
    plan_single,
    _single_yields,
)
_WINOGRAD = Algorithm(
    "winograd",
    "cuts kernels into pieces of up to 3 x 3 taps, of which four outputs take 16 products in place of 36",
    _refuse_winograd,
    plan_winograd,
    _winograd_yields,
)
_WINOGRAD_ROWS = Algorithm(
    "winograd_rows",
    "adds and subtracts rows of input, of which two rows of outputs take 4 rows of products in place of 6",
    _refuse_winograd_rows,
    plan_winograd_rows,
    _winograd_rows_yield,
)
_PANEL = Algorithm(
    "panel",
    "sums register tiles of output channels from panels of pixels, copied side by side",
    _refuse_panel,
    plan_panel,
    _panel_yields,
)
_INSIDE = Algorithm(
    "inside",
    "sums register tiles of output channels tap by tap, for those pixels whose tap is inside the input",
    refuse_inside,
    plan_inside,
    _inside_yields,
    writes=spread_writes,
)
_SPREAD = Algorithm(
    "spread",
    "sums register tiles of output channels for pixels that stand anywhere",
    _refuse_spread,
    plan_spread,
    _spread_yields,
    writes=spread_writes,
)
_TILE = Algorithm(
    "tile",
    "sums register tiles of outputs from slabs of input, or in place",
    serve,
    _plan_tile,
)
#: What serves any convolution.
_ALL = (_SPREAD, _TILE)

CONV = (
    _CHANNELS, _DIRECT, _UNPACKED, _SINGLE, _FOURIER, _TURNED, _DEPTHWISE, _WINOGRAD, _WINOGRAD_ROWS, _PANEL, _INSIDE,
    _SPREAD, _TILE, REFERENCE,
)  # fmt: skip
CONV_TRANSPOSE = (*CONV[:2], _STRETCHED, *CONV[2:])
#: For interleaved channels (`Problem.parts`), in convolutions of either kind: those whose tiles know such products.
INTERLEAVED = (_PANEL, _SPREAD, _TILE)
#: For those whose sums are widened.
WIDENED = (replace(_SPREAD, yields=lambda _: None),)
