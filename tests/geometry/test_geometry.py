"""The value that flows through."""

from fastconv.geometry import Axis, Geometry


def test_shapes_depth_and_products() -> None:
    g = Geometry(2, 6, 9, 3, (Axis(8, 3, before=1, after=1), Axis(5, 2, stride=2)))
    assert g.input_shape == (2, 6, 8, 5)
    assert g.output_shape == (2, 9, 8, 2)
    assert g.depth == 2 * 3 * 2
    assert g.products == 2 * 9 * 16 * 12


def test_transposed_products_leave_out_inserted_zeros() -> None:
    g = Geometry(1, 4, 8, 1, (Axis(8, 2, stride=2),))
    assert g.transpose().products == g.products


def test_hashable_and_lifted() -> None:
    axis = Axis(8, 3)
    g = Geometry(1, 1, 1, 1, (axis,))
    assert {g: 1}[Geometry(1, 1, 1, 1, (Axis(8, 3),))] == 1
    assert g.lift().axes == (Axis(1, 1), Axis(1, 1), axis)
    assert g.lift().output_shape == (1, 1, 1, 1, 6)
