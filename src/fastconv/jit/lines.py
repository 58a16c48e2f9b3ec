"""What register tiles over rows of an array share: rows are read where they stand, and only wanted outputs are written.

A plan has written down where the rows begin that a tile needs, those that are not there included. Lanes beside a row
are masked, so nothing is copied or padded.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import numpy as np
from numba.core import cgutils

from fastconv.jit.emit import INT64, VectorCode, lane_count
from fastconv.jit.machine import LINE, machine

__all__ = ["NO_LINE", "Line", "LineTile"]

#: What stands for the position of an input row that is not there: what stands beside an array does there too.
NO_LINE = np.iinfo(np.int64).min

#: Where an input row begins: its position, `NO_LINE` where it is not there, and the pointer.
Line = tuple[Any, Any]


class LineTile:
    """Writes what a tile reads and writes.

    Parameters
    ----------
    context, builder, kinds, values : object
        As an intrinsic gets them.
    names : sequence of str
        Of the arguments. Of the arrays `x` is the input, `nothing` stands for rows that are not there and `y` takes the
        result; of the numbers `column` is the first output of a row and `numbers` how many are wanted, from `y_at` on.
    record : type
        Of the argument `window`, whose fields are named likewise: `rows_here` is the number of rows wanted, `pitch` the
        step between them in the result, and `limit` the number of places of an input row.
    reduced : str
        The array in whose type windows are reduced; as many of its elements as fill a register are a vector.
    """

    def __init__(
        self, context: Any, builder: Any, kinds: Any, values: Any, names: Sequence[str], record: Any, reduced: str
    ) -> None:
        self.context, self.builder = context, builder
        self.kinds, self.values = (dict(zip(names, found, strict=True)) for found in (kinds, values))
        fields = cgutils.unpack_tuple(builder, self.values["window"])
        self.values |= zip(record._fields, fields, strict=True)
        kinds, lanes = self.kinds, lane_count(self.kinds[reduced].dtype)
        self.reads = VectorCode(context, builder, kinds["x"].dtype, lanes=lanes)
        self.writes = VectorCode(context, builder, kinds["y"].dtype, lanes=lanes)
        self.masked = machine().masked_loads
        self.source = self.array("x", INT64(0))
        self.beside = self.reads.zero

    def array(self, name: str, index: Any) -> Any:
        """Where an element of an array argument stands."""
        return self.reads.pointer(self.kinds[name], self.values[name], index)

    def check(self, name: str, first: Any, count: Any) -> None:
        """See to it that elements of an array argument are there."""
        self.reads.check(self.kinds[name], self.values[name], first, count)

    def check_source(self, at: Any, count: Any) -> None:
        """The same of the input."""
        self.check("x", at, count)

    def lines(self, first: Any, count: int, plane: Any) -> list[Line]:
        """The rows whose numbers stand from `first` on in the table, of a plane that may not be there either."""
        builder, found = self.builder, []
        nothing = self.array("nothing", INT64(0))
        no_plane = builder.icmp_signed("==", plane, INT64(NO_LINE))
        for number in range(count):
            line = builder.load(self.array("table", builder.add(first, INT64(number))))
            absent = builder.or_(no_plane, builder.icmp_signed("==", line, INT64(NO_LINE)))
            at = builder.add(builder.add(self.values["base"], plane), line)
            pointer = builder.select(absent, nothing, builder.gep(self.source, [at]))
            found.append((builder.select(absent, INT64(NO_LINE), at), pointer))
        return found

    def fetch(self, lines: list[Line], step: int, vectors: int, column_step: int) -> None:
        """Have the rows of the next tile brought into the second-level cache (3x3 at 112 x 112: 12 % faster).

        Not into the first: they are not read before all other tiles of a row are done, and where rows are 4 KiB apart
        the lines of this tile alone have more than their places there (7x7 at 1024 x 1024: 5 % faster than with it).
        They are as far from the last rows of this one as those are from the `step` rows before them. Where these are
        not there nothing is fetched: memory that is not mapped costs as long as it takes to find that out.
        """
        builder, code = self.builder, self.reads
        if len(lines) <= step:
            return
        last, before = lines[-1], lines[-1 - step]
        both = builder.and_(*(builder.icmp_signed("!=", line, INT64(NO_LINE)) for line, _ in (last, before)))
        ahead = builder.sub(*(builder.ptrtoint(pointer, INT64) for _, pointer in (last, before)))
        ahead = builder.select(both, ahead, INT64(0))
        first = builder.mul(self.values["column"], INT64(column_step))
        for _, line in lines[-step:]:
            place = builder.inttoptr(builder.add(builder.ptrtoint(line, INT64), ahead), line.type)
            for i in range(vectors * column_step):
                code.prefetch(code.at(place, builder.add(first, INT64(i * code.lanes))), LINE, level=2)

    def place(self, tap: Any, column_step: int) -> Any:
        """Where in a row the tile's first window begins, at a tap of the list of columns."""
        builder, v = self.builder, self.values
        place = builder.load(self.array("table", builder.add(v["offsets_at"], tap)))
        return builder.add(place, builder.mul(v["column"], INT64(column_step)))

    def loader(
        self, tap: Any, column_step: int, inside: Container[int] = (), within: Any = None, shift: int = 0
    ) -> Any:
        """A function that loads vector number `i` of a line, counted from the tile's first window at a tap of the list
        of columns. Those of the numbers `inside` have no lane beside the row; of all only the lanes of the mask
        `within` are wanted, if there is one. They begin so many places further on as the `shift` says."""
        builder, code, v = self.builder, self.reads, self.values
        place = builder.add(self.place(tap, column_step), INT64(shift))
        masks: dict[int, Any] = {}

        def load(line: Line, i: int) -> Any:
            at = builder.add(place, INT64(i * code.lanes))
            self._check_vector(line[0], at)
            if not self.masked or i in inside:
                return code.load(line[1], at)
            if i not in masks:
                mask = code.mask(at, v["limit"])
                masks[i] = mask if within is None else builder.and_(mask, within)
            return code.load_masked(line[1], at, masks[i], self.beside)

        return load

    def _check_vector(self, line: Any, place: Any) -> None:
        """See to it that the lanes that a load reads are there, in code compiled with bounds checks."""
        if not self.context.enable_boundscheck:
            return
        builder, lanes = self.builder, INT64(self.reads.lanes)
        first, end = INT64(0), lanes
        if self.masked:
            first = _clamped(builder, builder.neg(place), lanes)
            end = _clamped(builder, builder.sub(self.values["limit"], place), lanes)
        count = builder.sub(builder.select(builder.icmp_signed(">", end, first), end, first), first)
        self.check_line(line, builder.add(place, first), count)

    def check_line(self, line: Any, place: Any, count: Any) -> None:
        """The same for elements of a row, from a place on."""
        builder = self.builder
        with builder.if_else(builder.icmp_signed("==", line, INT64(NO_LINE))) as (absent, present):
            with absent:
                self.check("nothing", place, count)
            with present:
                self.check_source(builder.add(line, place), count)

    def write(self, results: list[list[Any]], name: str = "y", code: VectorCode | None = None) -> None:
        """Write vectors of each row, whole ones where all outputs are wanted; into another array by its own code."""
        builder, code, v = self.builder, code or self.writes, self.values
        vectors = len(results[0])
        width = vectors * code.lanes
        all_rows = builder.icmp_signed(">=", v["rows_here"], INT64(len(results)))
        all_lanes = builder.icmp_signed(">=", v["numbers"], INT64(width))
        few = builder.select(all_lanes, INT64(width), v["numbers"])

        def write_row(row: int, vectors: list[Any], masks: list[Any]) -> None:
            at = builder.add(v["y_at"], builder.mul(v["pitch"], INT64(row)))
            self.check(name, at, few)
            base = self.array(name, at)
            for i, (value, mask) in enumerate(zip(vectors, masks, strict=True)):
                if mask is None:
                    code.store(value, base, i * code.lanes)
                else:
                    code.store_masked(value, base, i * code.lanes, mask)

        with builder.if_else(builder.and_(all_rows, all_lanes)) as (whole, part):
            with whole:
                for row, found in enumerate(results):
                    write_row(row, found, [None] * vectors)
            with part:
                masks = [code.mask(INT64(i * code.lanes), few) for i in range(vectors)]
                for row, found in enumerate(results):
                    with builder.if_then(builder.icmp_signed(">", v["rows_here"], INT64(row))):
                        write_row(row, found, masks)


def _clamped(builder: Any, value: Any, most: Any) -> Any:
    """At least 0 and at most `most`."""
    value = builder.select(builder.icmp_signed("<", value, INT64(0)), INT64(0), value)
    return builder.select(builder.icmp_signed(">", value, most), most, value)
