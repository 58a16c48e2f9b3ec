"""Time of the sparse matrix K': building it, giving it new weights and multiplying by it."""

from __future__ import annotations

from asv_bench import shapes
from asv_bench.fixtures import Sampling, built_matrix, matrix_arguments, operation, random


class Filling(Sampling):
    """What writes the arrays of the matrix."""

    params = tuple(shapes.MATRICES)
    param_names = ("matrix",)

    def setup(self, name: str) -> None:
        self.function, self.matrix = operation("conv_matrix"), built_matrix(name)
        self.weight, self.size, self.options = matrix_arguments(name)

    def time_build(self, name: str) -> None:
        self.function(self.weight, self.size, **self.options)

    def time_update(self, name: str) -> None:
        self.matrix.update(self.weight)


class Products(Sampling):
    """Products of the finished matrix; the first one of the transpose builds it."""

    params = tuple(shapes.MATRICES)
    param_names = ("matrix",)

    def setup(self, name: str) -> None:
        self.matrix = built_matrix(name)
        rows, columns = self.matrix.shape
        self.x, self.y, self.xs = random((columns,)), random((rows,)), random((columns, 16))
        for product in (self.time_matvec, self.time_rmatvec, self.time_matmat):
            product(name)

    def time_matvec(self, name: str) -> None:
        self.matrix.matvec(self.x)

    def time_rmatvec(self, name: str) -> None:
        self.matrix.rmatvec(self.y)

    def time_matmat(self, name: str) -> None:
        self.matrix.matmat(self.xs)
