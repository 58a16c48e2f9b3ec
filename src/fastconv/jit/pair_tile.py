"""The tile of Winograd's minimal filtering down columns: sums of two rows of outputs, which never leave the registers.

Two outputs of a column of three taps take four products: see `fastconv.jit.winograd`. The four rows of input that they
see are loaded where they stand, in vectors of neighbouring pixels; their sums and differences are made in registers,
for each tap of a row anew, which costs less than to write them to memory and to read them again. So do the outputs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastconv.jit.emit import INT64, VectorCode
from fastconv.jit.machine import machine
from fastconv.jit.winograd import inputs_matrix, mixed, outputs_matrix

__all__ = ["POINTS", "TAPS", "PairRun", "pair_tile"]

#: Taps of a column, and the points that they are evaluated at.
TAPS, POINTS = 3, 4

#: Elements that are loaded behind a vector, for the taps that reach beyond it.
BEHIND = 4

_B, _A = inputs_matrix(TAPS, 2), outputs_matrix(POINTS)


class PairRun(NamedTuple):
    """The numbers of a `pair_tile`.

    Attributes
    ----------
    x_at, pitch : int
        Where the first element of the first of the four rows stands, or would stand, and the step to the next row.
    first, last, size : int
        The rows from `first` to `last` are there, and have so many elements; all others count as zeros.
    channels, channel : int
        Input channels, and the step from one to the next.
    column : int
        The column that the first tap of a row has for the first lane.
    weight_at : int
        Where the weights begin, as [channel, tap of a row, point, output channel].
    start_at : int
        Where what sums begin with stands, for each output channel.
    y_at, y_row, y_channel : int
        Where the outputs go, and their steps from row to row and from channel to channel.
    rows, out_channels, columns : int
        Rows, channels and lanes of which outputs are written.
    """

    x_at: int
    pitch: int
    first: int
    last: int
    size: int
    channels: int
    channel: int
    column: int
    weight_at: int
    start_at: int
    y_at: int
    y_row: int
    y_channel: int
    rows: int
    out_channels: int
    columns: int


def _pair_tile_meaning(
    out_channels: int,
    taps: int,
    run: PairRun,
    x: np.ndarray,
    nothing: np.ndarray,
    weights: np.ndarray,
    starts: np.ndarray,
    y: np.ndarray,
) -> int:
    """Two rows of a vector of outputs for `out_channels` channels; whether one of them is infinite or not a number.

    Windows have so many `taps` in a row. `nothing` is a row of zeros.
    """
    n, (b, a) = machine().vector_bytes // x.itemsize, (m.astype(x.dtype) for m in (_B, _A))
    total = np.zeros((POINTS, out_channels, n), x.dtype)
    factors = weights[run.weight_at :][: run.channels * taps * POINTS * out_channels]
    factors = factors.reshape(run.channels, taps, POINTS, out_channels)
    for c in range(run.channels):
        for tap in range(taps):
            columns, rows = run.column + tap + np.arange(n), np.zeros((POINTS, n), x.dtype)
            inside = (columns >= 0) & (columns < run.size)
            for row in range(run.first, run.last):
                rows[row, inside] = x[run.x_at + row * run.pitch + c * run.channel + columns[inside]]
            total += factors[c, tap][:, :, None] * (b.T @ rows)[:, None]
    found = np.einsum("pr,pcn->crn", a, total) + starts[run.start_at :][:out_channels, None, None]
    for channel in range(min(run.out_channels, out_channels)):
        for row in range(run.rows):
            to = run.y_at + channel * run.y_channel + row * run.y_row
            y[to : to + run.columns] = found[channel, row, : run.columns]
    return int(not np.isfinite(found).all())


@intrinsic(prefer_literal=True)
def _pair_tile(
    typingctx: Any, out_channels: Any, taps: Any, run: Any, x: Any, nothing: Any, weights: Any, starts: Any, y: Any
) -> Any:
    """As `_pair_tile_meaning`; `out_channels` and `taps` are literals."""
    if not (isinstance(out_channels, types.IntegerLiteral) and isinstance(taps, types.IntegerLiteral)):
        return None
    signature = types.int64(out_channels, taps, run, x, nothing, weights, starts, y)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code = _PairCode(context, builder, signature.args, args)
        return code.write(code.sums())

    return signature, codegen


class _PairCode:
    """Writes one tile, from what an intrinsic gets."""

    def __init__(self, context: Any, builder: Any, kinds: Any, values: Any) -> None:
        self.builder = builder
        self.out_channels, self.taps = kinds[0].literal_value, kinds[1].literal_value
        self.run = PairRun(*cgutils.unpack_tuple(builder, values[2]))
        names = "x", "nothing", "weights", "starts", "y"
        self.arrays = dict(zip(names, zip(kinds[3:], values[3:], strict=True), strict=True))
        self.code = VectorCode(context, builder, kinds[3].dtype)

    def _at(self, name: str, index: Any) -> Any:
        """Where an element of an array stands."""
        return self.code.pointer(*self.arrays[name], index)

    def _check(self, name: str, first: Any, count: Any) -> None:
        self.code.check(*self.arrays[name], first, count)

    def _rows(self) -> list[tuple[Any, Any]]:
        """The four rows: where the lane of the first column stands in the first channel, and the step to the next."""
        builder, run, found = self.builder, self.run, []
        for number in range(POINTS):
            row = INT64(number)
            inside = builder.and_(builder.icmp_signed("<=", run.first, row), builder.icmp_signed("<", row, run.last))
            first = builder.add(run.x_at, builder.mul(run.pitch, row))
            last = builder.add(first, builder.mul(run.channel, builder.sub(run.channels, INT64(1))))
            count = builder.select(inside, run.size, INT64(0))
            for place in (first, last):
                self._check("x", builder.select(inside, place, INT64(0)), count)
            start = builder.select(inside, self._at("x", first), self._at("nothing", INT64(0)))
            found.append((builder.gep(start, [run.column]), builder.select(inside, run.channel, INT64(0))))
        self._check("nothing", INT64(0), run.size)
        return found

    def sums(self) -> list[list[Any]]:
        """The loop over the input channels, at least one; the sums after it, for each point its output channels'."""
        builder, code, run = self.builder, self.code, self.run
        depth = self.taps * POINTS * self.out_channels
        self._check("weights", run.weight_at, builder.mul(run.channels, INT64(depth)))
        rows, weights = self._rows(), self._at("weights", run.weight_at)
        behind = VectorCode(code.context, builder, self.arrays["x"][0].dtype, lanes=BEHIND)
        column_behind = builder.add(run.column, INT64(code.lanes))
        mask, mask_behind = code.mask(run.column, run.size), behind.mask(column_behind, run.size)
        entry = builder.block
        loop, done = builder.append_basic_block("channel"), builder.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        channel = builder.phi(INT64)
        channel.add_incoming(INT64(0), entry)
        starts = []
        for start, _ in rows:
            starts.append(builder.phi(start.type))
            starts[-1].add_incoming(start, entry)
        total = [[builder.phi(code.type) for _ in range(self.out_channels)] for _ in range(POINTS)]
        sums = [list(line) for line in total]
        here = builder.gep(weights, [builder.mul(channel, INT64(depth))])
        for ahead in (TAPS + 1, TAPS + 2):  # the next pair's new rows
            code.prefetch(builder.gep(starts[0], [builder.mul(run.pitch, INT64(ahead))]), 1)
        points = mixed(code, _B, [code.load_masked(start, INT64(0), mask) for start in starts])
        following = [behind.load_masked(start, INT64(code.lanes), mask_behind) for start in starts]
        points_behind = [code.widened(value) for value in mixed(behind, _B, following)]
        for tap in range(self.taps):
            for point, pair in enumerate(zip(points, points_behind, strict=True)):
                value = code.shifted(list(pair), 0, tap)
                for number in range(self.out_channels):
                    place = (tap * POINTS + point) * self.out_channels + number
                    factor = code.broadcast(builder.load(builder.gep(here, [INT64(place)])))
                    sums[point][number] = code.multiply_add(factor, value, sums[point][number])
        latch, following = builder.block, builder.add(channel, INT64(1))
        channel.add_incoming(following, latch)
        for start, (_, step) in zip(starts, rows, strict=True):
            start.add_incoming(builder.gep(start, [step]), latch)
        for line, added in zip(total, sums, strict=True):
            for before, after in zip(line, added, strict=True):
                before.add_incoming(code.zero, entry)
                before.add_incoming(after, latch)
        builder.cbranch(builder.icmp_signed("<", following, run.channels), loop, done)
        builder.position_at_end(done)
        return sums

    def write(self, sums: list[list[Any]]) -> Any:
        """Outputs from sums; whether one of them is infinite or not a number."""
        builder, code, run = self.builder, self.code, self.run
        self._check("starts", run.start_at, self.out_channels)
        starts, strange = self._at("starts", run.start_at), code.zero
        mask = code.mask(INT64(0), run.columns)
        for number in range(self.out_channels):
            start = code.broadcast(builder.load(builder.gep(starts, [INT64(number)])))
            outputs = [code.add(y, start) for y in mixed(code, _A, [line[number] for line in sums])]
            for y in outputs:  # y - y is zero, or not a number
                strange = code.add(strange, code.subtract(y, y))
            channel_at = builder.add(run.y_at, builder.mul(run.y_channel, INT64(number)))
            for row, y in enumerate(outputs):
                wanted = builder.and_(
                    builder.icmp_signed("<", INT64(row), run.rows),
                    builder.icmp_signed("<", INT64(number), run.out_channels),
                )
                with builder.if_then(wanted, likely=True):
                    at = builder.add(channel_at, builder.mul(run.y_row, INT64(row)))
                    self._check("y", at, run.columns)
                    code.store_masked(y, self._at("y", at), 0, mask)
        lanes = builder.fcmp_unordered("une", strange, code.zero)
        return builder.zext(builder.bitcast(lanes, ir.IntType(code.lanes)), INT64)


pair_tile = _pair_tile_meaning if config.DISABLE_JIT else _pair_tile
