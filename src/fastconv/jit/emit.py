"""Words for writing LLVM vector code: what the tiles and the transposition are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from fastconv.jit.bounds import check_bounds
from fastconv.jit.machine import LINE, machine

__all__ = ["INT64", "VectorCode", "call_apart", "lane_count"]

INT64 = ir.IntType(64)
_INT32 = ir.IntType(32)


def lane_count(dtype: Any) -> int:
    """Elements of a Numba type in one vector register."""
    return machine().vector_bytes * 8 // dtype.bitwidth


def call_apart(builder: Any, name: str, values: Sequence[Any], write: Callable[..., None]) -> None:
    """Call a function of the module, which ``write(builder, *arguments)`` writes where there is none of that name yet.

    It is not put into its caller, so that it has all registers: loops that copy rows took 1.2 to 4 times as long in
    kernels of some length, as these kept their bounds and steps on the stack.
    """
    function = builder.module.globals.get(f"fastconv_{name}")
    if function is None:
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        function = ir.Function(builder.module, kind, f"fastconv_{name}")
        function.linkage = "internal"
        function.attributes.add("noinline")
        inside = ir.IRBuilder(function.append_basic_block())
        write(inside, *function.args)
        inside.ret_void()
    builder.call(function, values)


class VectorCode:
    """Writes vector instructions for one element type.

    Indices and lanes count elements. A vector of complex numbers is one of their parts, in turn.

    Parameters
    ----------
    context, builder : object
        Numba's target context and LLVM's builder, as an intrinsic gets them.
    dtype : numba type
        Of the elements: a real or complex number that NumPy has.
    moved : bool
        Vectors are only moved, so elements may be taken for integers of as many bits, up to 64. Of floats LLVM makes
        other shuffles than it is asked for, which take twice as long.
    lanes : int, optional
        Elements of a vector, if they are not to fill a register.
    weights : numba type, optional
        Of one of the factors, if it is not that of the elements. It is int32 where they are int64: both factors have 32
        bits then, and their product of 64 is one instruction, where that of 64-bit numbers is three. It is uint32 where
        they are int32: both factors are pairs of 16-bit numbers, and their product is the sum of both products. Where
        they are uint32, both factors are quads of 8-bit numbers: the weights' are signed and the others not if weights
        are int32, and the other way round if they are uint32.
    weighted : bool
        Vectors are of weights, and multiplied by other numbers; else the other way round.
    """

    def __init__(
        self, context: Any, builder: Any, dtype: Any, moved: bool = False, lanes: int = 0, weights: Any = None,
        weighted: bool = False,
    ) -> None:  # fmt: skip
        self.context, self.builder = context, builder
        self.lanes = lanes or lane_count(dtype)
        part = dtype.underlying_float if isinstance(dtype, types.Complex) else dtype
        self._align = part.bitwidth // 8
        if moved:
            part = types.Integer.from_bitwidth(min(dtype.bitwidth, 64))
        self._part, self.parts = part, dtype.bitwidth // part.bitwidth
        count = self.lanes * self.parts
        self.type = ir.VectorType(context.get_data_type(part), count)
        self._narrow = weights is not None and weights.bitwidth < dtype.bitwidth
        self._paired = (dtype, weights) == (types.int32, types.uint32)
        self._quads = dtype == types.uint32 and weights is not None
        self._signed_vectors = self._quads and weights.signed == weighted
        self.zero = self._constant([0] * count)

    def pointer(self, array_type: Any, array: Any, index: Any) -> Any:
        """Where an element of a Numba array stands."""
        data = self.context.make_array(array_type)(self.context, self.builder, array).data
        return self.builder.gep(data, [index])

    def check(self, array_type: Any, array: Any, first: Any, count: Any) -> None:
        """See to it that elements of a Numba array are there, in code compiled with bounds checks."""
        check_bounds(self.context, self.builder, (array_type, array), first, count)

    def check_rows(self, array_type: Any, array: Any, first: Any, step: Any, count: Any, rows: Any) -> None:
        """The same of rows of so many elements, each a step behind the one before."""
        if self.context.enable_boundscheck:
            with cgutils.for_range(self.builder, rows, intp=INT64) as loop:
                self.check(array_type, array, self.builder.add(first, self.builder.mul(loop.index, step)), count)

    def at(self, base: Any, index: Any) -> Any:
        """The pointer to a vector that begins `index` elements behind a pointer."""
        index = INT64(index) if isinstance(index, int) else index
        return self.builder.bitcast(self.builder.gep(base, [index]), self.type.as_pointer())

    def load(self, base: Any, index: Any) -> Any:
        """The vector that begins there, aligned or not."""
        return self.builder.load(self.at(base, index), align=self._align)

    def load_weights(self, base: Any, index: Any) -> Any:
        """The vector of weights that begins there, as numbers of the elements' type."""
        if not self._narrow:
            return self.load(base, index)
        kind = ir.VectorType(_INT32, self.lanes)
        pointer = self.builder.bitcast(self.builder.gep(base, [INT64(index)]), kind.as_pointer())
        return self.builder.sext(self.builder.load(pointer, align=_INT32.width // 8), self.type)

    def load_factors(self, pointer: Any) -> list[Any]:
        """Vectors of the parts of the number that a pointer points to: those of a complex one, or itself."""
        places = [[_INT32(0), _INT32(part)] for part in range(self.parts)] if self.parts > 1 else [[_INT32(0)]]
        numbers = [self.builder.load(self.builder.gep(pointer, place)) for place in places]
        return [self._factor(number) for number in numbers]

    def _factor(self, number: Any) -> Any:
        """A vector of one number; of a weight of 32 bits, where elements have 64, in these.

        Where 32 bits of a number of 64 are all that counts, LLVM is not to see that all lanes are one: it would move
        the shifts of `multiply_add` in front of the broadcast, which is then no load but four instructions, for each
        row of a tile (1.1 to 1.3 times as long on a Zen 4, with AVX2 1.3 to 1.4).
        """
        if not self._narrow:
            return self.broadcast(number)
        if number.type != self.type.element:
            return self.broadcast(self.builder.sext(number, self.type.element))
        kind = ir.FunctionType(self.type, [self.type])
        return self.builder.asm(kind, "", f"={machine().register},0", [self.broadcast(number)], side_effect=False)

    def store(self, value: Any, base: Any, index: Any) -> None:
        """Write a vector there, aligned or not."""
        self.builder.store(value, self.at(base, index), align=self._align)

    def prefetch(self, base: Any, size: int, to_write: bool = False, level: int = 1) -> None:
        """Have so many bytes from a pointer on brought into the first or second level of the cache; it may point
        anywhere."""
        byte = ir.IntType(8).as_pointer()
        fetch = self._intrinsic("llvm.prefetch.p0i8", ir.FunctionType(ir.VoidType(), [byte, _INT32, _INT32, _INT32]))
        first = self.builder.bitcast(base, byte)
        write, often, data = _INT32(int(to_write)), _INT32(4 - level), _INT32(1)
        for line in range(0, size, LINE):
            self.builder.call(fetch, [self.builder.gep(first, [INT64(line)]), write, often, data])

    def to_line(self, base: Any) -> Any:
        """Elements from a pointer on, 1 to as many as a vector has, behind which a vector stands in one cache line."""
        builder, each = self.builder, self.parts * self.type.element.width // 8
        beyond = builder.and_(builder.ptrtoint(base, INT64), INT64(self.lanes * each - 1))
        return builder.sub(INT64(self.lanes), builder.udiv(beyond, INT64(each)))

    def keep_loop(self) -> None:
        """Leave the loop around as it is: LLVM neither unrolls it nor makes vectors of it."""
        kind = ir.FunctionType(ir.VoidType(), [])
        self.builder.asm(kind, "", "", [], side_effect=True).attributes.add("convergent")

    def keep_order(self) -> None:
        """Load nothing here that is loaded further down, as LLVM else does: all of a tile's loads come first.

        That takes up to 1.6 times as long where they come from behind the first levels of the cache.
        """
        kind = ir.FunctionType(ir.VoidType(), [])
        self.builder.asm(kind, "", "~{memory}", [], side_effect=True)

    def mask(self, first: Any, limit: Any) -> Any:
        """For each lane whether its place, counted from `first` on, is in [0, limit); both are below 2**31."""
        builder = self.builder
        first, limit = (self.broadcast(builder.trunc(number, _INT32)) for number in (first, limit))
        places = builder.add(first, ir.Constant(first.type, [i // self.parts for i in range(self.type.count)]))
        return builder.icmp_unsigned("<", places, limit)

    def lane(self, number: Any) -> Any:
        """The mask of one lane."""
        numbers = self.broadcast(self.builder.trunc(number, _INT32))
        return self.builder.icmp_unsigned(
            "==", numbers, ir.Constant(numbers.type, [i // self.parts for i in range(self.type.count)])
        )

    def load_masked(self, base: Any, index: Any, mask: Any, others: Any = None) -> Any:
        """The vector that begins there; memory of lanes that are not in the mask is not touched.

        Those are taken from the vector `others`, or are zero.
        """
        pointer = self.at(base, index)
        kind = ir.FunctionType(self.type, [pointer.type, _INT32, mask.type, self.type])
        load = self._intrinsic(f"llvm.masked.load.{self._suffix}.p0", kind)
        return self.builder.call(load, [pointer, _INT32(self._align), mask, self.zero if others is None else others])

    def store_masked(self, value: Any, base: Any, index: Any, mask: Any) -> None:
        """Write the lanes that are in the mask."""
        pointer = self.at(base, index)
        kind = ir.FunctionType(ir.VoidType(), [self.type, pointer.type, _INT32, mask.type])
        store = self._intrinsic(f"llvm.masked.store.{self._suffix}.p0", kind)
        self.builder.call(store, [value, pointer, _INT32(self._align), mask])

    def every(self, step: int, vectors: list[Any], first: int) -> list[Any]:
        """Every `step`-th element, a power of two, of vectors that follow each other, from `first` on."""
        if step == 1:
            return vectors
        if step > 2:
            return self.every(step // 2, self.every(2, vectors, first % 2), first // 2)
        pairs = zip(vectors[::2], [*vectors[1::2], vectors[-1]], strict=False)
        return [self.shuffle(a, b, list(range(first, 2 * self.lanes, 2))) for a, b in pairs]

    def shifted(self, vectors: list[Any], number: int, shift: int) -> Any:
        """The vector that begins `shift` elements behind one of those that follow each other."""
        skipped, first = divmod(shift, self.lanes)
        at = number + skipped
        if first == 0:
            return vectors[at]
        return self.shuffle(vectors[at], vectors[at + 1], list(range(first, first + self.lanes)))

    def widened(self, vector: Any) -> Any:
        """A vector that begins with a shorter one; what follows is not defined."""
        undefined, count = ir.Constant(vector.type, ir.Undefined), vector.type.count
        places = [min(i, count) for i in range(self.type.count)]
        return self.builder.shuffle_vector(vector, undefined, ir.Constant(ir.VectorType(_INT32, len(places)), places))

    def widened_parts(self, vector: Any) -> list[Any]:
        """The integers of a vector of as many lanes, or several times as many, in vectors of this type's."""
        firsts = range(0, vector.type.count, self.lanes)
        places = [ir.Constant(ir.VectorType(_INT32, self.lanes), list(range(i, i + self.lanes))) for i in firsts]
        return [self.builder.sext(self.builder.shuffle_vector(vector, vector, part), self.type) for part in places]

    def shifted_left(self, a: Any, bits: Any) -> Any:
        """Integers times a power of two."""
        return self.builder.shl(a, self.broadcast(bits))

    def broadcast(self, scalar: Any) -> Any:
        """A vector of one number."""
        undefined = ir.Constant(ir.VectorType(scalar.type, self.type.count), ir.Undefined)
        single = self.builder.insert_element(undefined, scalar, _INT32(0))
        return self._shuffle_parts(single, undefined, [0] * self.type.count)

    def shuffle(self, a: Any, b: Any, places: list[int]) -> Any:
        """The elements at `places` of two vectors, those of `b` counted behind those of `a`."""
        return self._shuffle_parts(a, b, [place * self.parts + i for place in places for i in range(self.parts)])

    def _shuffle_parts(self, a: Any, b: Any, places: list[int]) -> Any:
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_INT32, len(places)), places))

    def join(self, a: Any, b: Any = None) -> Any:
        """a + i b of what the parts of complex numbers came to; where there is only `a`, that."""
        if b is None:
            return a
        swapped = self._shuffle_parts(b, b, [i ^ 1 for i in range(self.type.count)])
        return self.multiply_add(swapped, self._constant([-1, 1] * self.lanes), a)

    def _constant(self, numbers: list[int]) -> Any:
        kind = float if isinstance(self._part, types.Float) else int
        return ir.Constant(self.type, [kind(number) for number in numbers])

    def add(self, a: Any, b: Any) -> Any:
        """a + b."""
        return self.builder.fadd(a, b) if isinstance(self._part, types.Float) else self.builder.add(a, b)

    def subtract(self, a: Any, b: Any) -> Any:
        """a - b."""
        return self.builder.fsub(a, b) if isinstance(self._part, types.Float) else self.builder.sub(a, b)

    def halve(self, a: Any) -> Any:
        """a / 2, for floats."""
        return self.builder.fmul(a, ir.Constant(self.type, [0.5] * self.type.count))

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """a * b + c, fused for floats where the CPU can; b is the vector, a what multiplies it.

        llvm.fmuladd fuses where there is an instruction and is two operations where there is none; llvm.fma would call
        a library function there, a hundred times slower.
        """
        if self._paired:
            return self.builder.add(self._multiply_pairs(a, b), c)
        if self._quads:
            multiply = self._intrinsic(machine().quad_products, ir.FunctionType(self.type, [self.type] * 3))
            return self.builder.call(multiply, [c, a, b] if self._signed_vectors else [c, b, a])
        if self._narrow:  # LLVM sees by the shifts that 32 bits are all there is, and leaves them out
            half = self._constant([32] * self.type.count)
            a, b = (self.builder.ashr(self.builder.shl(factor, half), half) for factor in (a, b))
        if not isinstance(self._part, types.Float):
            return self.builder.add(self.builder.mul(a, b), c)
        fused = self._intrinsic(f"llvm.fmuladd.{self._suffix}", ir.FunctionType(self.type, [self.type] * 3))
        return self.builder.call(fused, [a, b, c])

    def _multiply_pairs(self, a: Any, b: Any) -> Any:
        """The sums of both products of pairs of 16-bit numbers."""
        lanes = machine().vector_bytes // 4
        whole, halves = ir.VectorType(_INT32, lanes), ir.VectorType(ir.IntType(16), 2 * lanes)
        multiply = self._intrinsic(machine().pair_products, ir.FunctionType(whole, [halves, halves]))
        filled = ir.Constant(ir.VectorType(_INT32, lanes), [min(i, self.lanes) for i in range(lanes)])
        factors = [self.builder.shuffle_vector(factor, self.zero, filled) for factor in (a, b)]
        products = self.builder.call(multiply, [self.builder.bitcast(factor, halves) for factor in factors])
        kept = ir.Constant(ir.VectorType(_INT32, self.lanes), list(range(self.lanes)))
        return self.builder.shuffle_vector(products, products, kept)

    def maximum(self, a: Any, b: Any) -> Any:
        """The greater of floats, in three instructions; a NaN on either side stays. Zeros may have either's sign.

        llvm.maximum ends the process with the LLVM of the oldest Numba, which knows no instructions for it.
        """
        greater = self.builder.select(self.builder.fcmp_ordered(">", a, b), a, b)  # a NaN in b stays
        # The sum is a NaN as `a` is; with `a` itself LLVM makes one choice of the two, and masks that it spills.
        return self.builder.select(self.builder.fcmp_unordered("uno", a, a), self.add(a, b), greater)

    @property
    def _suffix(self) -> str:
        """How LLVM's functions for vectors of this type end."""
        is_integer = isinstance(self.type.element, ir.IntType)
        return f"v{self.type.count}{'i' if is_integer else 'f'}{self._part.bitwidth}"

    def _intrinsic(self, name: str, kind: Any) -> Any:
        return cgutils.get_or_insert_function(self.builder.module, kind, name)
