"""Every operation against PyTorch's of the same name and arguments."""

from typing import Any

import numpy as np
import pytest

import fastconv as fc
from properties.strategies import integers

torch = pytest.importorskip("torch")

# Shape of the input, shape of the weight, then stride, padding, dilation, groups.
CONVS: list[tuple[Any, ...]] = [
    ((2, 3, 9), (4, 3, 3), 1, 0, 1, 1),
    ((1, 4, 30), (6, 2, 4), 3, 2, 2, 2),
    ((3, 2, 12), (2, 1, 5), 2, 7, 1, 2),
    ((3, 50), (8, 3, 7), 1, "same", 3, 1),
    ((2, 3, 6, 7), (9, 3, 3, 2), 1, 0, 1, 1),
    ((3, 6, 7), (2, 3, 3, 3), (2, 1), (1, 2), 1, 1),
    ((1, 3, 32, 32), (16, 3, 3, 3), 1, "same", 1, 1),
    ((1, 3, 40, 38), (8, 3, 7, 7), 2, 3, 1, 1),
    ((2, 6, 13, 9), (4, 3, 2, 4), (2, 3), (0, 3), (3, 2), 2),
    ((1, 8, 15, 14), (8, 1, 3, 3), 2, 1, 1, 8),
    ((1, 8, 15, 14), (24, 1, 5, 5), 1, 2, 1, 8),
    ((2, 17, 5, 4), (20, 17, 1, 1), 1, 0, 1, 1),
    ((1, 2, 4, 5, 3), (2, 2, 2, 3, 1), (1, 2, 1), (1, 0, 0), 1, 1),
    ((2, 5, 6, 5), (4, 2, 3, 3, 3), 1, "valid", 1, 1),
    ((2, 2, 7, 6, 8), (4, 1, 2, 2, 3), (2, 1, 2), 1, (2, 2, 1), 2),
]

# Shape of the input, shape of the weight, then stride, padding, output_padding, groups, dilation.
TRANSPOSES: list[tuple[Any, ...]] = [
    ((2, 3, 5), (3, 4, 3), 1, 0, 0, 1, 1),
    ((1, 2, 6), (2, 3, 5), 2, 2, 1, 1, 1),
    ((2, 7), (2, 3, 2), 5, 0, 4, 1, 1),
    ((1, 2, 5), (2, 2, 3), 3, 4, 3, 1, 4),
    ((2, 3, 4, 5), (3, 4, 3, 2), 1, 0, 0, 1, 1),
    ((1, 8, 9, 8), (8, 16, 4, 4), 2, 1, 0, 1, 1),
    ((4, 3, 5), (4, 3, 3, 2), (2, 3), (1, 0), (1, 2), 2, (2, 1)),
    ((1, 4, 5, 4), (4, 1, 3, 3), 2, 1, 1, 4, 1),
    ((1, 2, 3, 2, 4), (2, 2, 2, 3, 1), (1, 2, 1), (0, 1, 0), (0, 1, 0), 1, 1),
    ((2, 2, 3, 3, 2), (2, 3, 2, 2, 3), (2, 1, 3), 1, (1, 0, 2), 2, (1, 2, 1)),
]

# Spatial rank, shape of the input, kernel, stride, padding (at most half the kernel), dilation.
POOLS: list[tuple[Any, ...]] = [
    (1, (2, 3, 9), 3, None, 0, 1),
    (1, (2, 11), 4, 3, 2, 2),
    (1, (1, 2, 300), 3, 1, 1, 1),
    (1, (1, 2, 20), 2, 5, 1, 1),
    (2, (2, 2, 6, 7), (3, 2), 2, (1, 0), 1),
    (2, (3, 28, 27), 3, 2, 1, 1),
    (2, (2, 2, 8, 8), 3, 1, 1, 1),
    (2, (1, 2, 9, 40), 2, None, 0, 1),
    (2, (1, 1, 12, 13), 3, (2, 3), 1, (3, 2)),
    (2, (1, 3, 7, 8), (7, 8), 1, 0, 1),
    (3, (1, 2, 4, 5, 6), (2, 3, 2), (2, 1, 3), (1, 1, 0), (1, 2, 1)),
    (3, (1, 4, 6, 10), 2, 2, 0, 1),
]

# Spatial rank, shape of the input, number of parts.
ADAPTIVE: list[tuple[Any, ...]] = [
    (1, (2, 3, 17), 5),
    (1, (3, 40), 8),
    (1, (1, 2, 4), 9),
    (2, (2, 3, 10, 13), (3, 4)),
    (2, (2, 3, 10, 13), (None, 4)),
    (2, (4, 12, 9), (5, 3)),
    (2, (1, 5, 7, 7), 1),
    (3, (1, 2, 5, 6, 7), (2, 4, 7)),
    (3, (2, 4, 3, 5), 2),
]

# Shape of the input, then pad: for all modes, then for constants alone.
PADS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((2, 3, 9), (2, 3)),
    ((3, 9), (-1, 4)),
    ((2, 3, 6, 7), (1, 2, 3, 0)),
    ((3, 6, 7), (2, -3, 0, 1)),
    ((2, 3, 4, 5, 6), (1, 0, 2, 3, 1, 1)),
]
CONSTANT_PADS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((4, 5), (9, 7, 8, -2)),
    ((2, 3, 4), (1, 2, 0, -1, 3, 4)),
    ((2, 3, 2, 3, 2), (1, 0, 0, 1, -1, 1, 1, 1, 2, 0)),
]

# Shape of the input, then kernel, dilation, padding, stride.
COLUMNS: list[tuple[Any, ...]] = [
    ((2, 3, 8, 9), 3, 1, 0, 1),
    ((3, 8, 9), (3, 2), 1, (1, 0), 1),
    ((2, 3, 8, 8), 3, 1, 1, 1),
    ((1, 2, 12, 12), 4, 1, 0, 4),
    ((2, 2, 9, 14), (2, 3), (3, 2), (0, 4), (2, 3)),
]

DTYPES = ["float32", "float64"]


def theirs(name: str, *arguments: Any, **options: Any) -> Any:
    """PyTorch's function of that name on arrays."""
    tensors = (torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in arguments)
    found = getattr(torch.nn.functional, name)(*tensors, **options)
    return tuple(f.numpy() for f in found) if isinstance(found, tuple) else found.numpy()


def ours(name: str, *arguments: Any, **options: Any) -> Any:
    """Our function of that name."""
    return getattr(fc, name)(*arguments, **options)


@pytest.mark.parametrize("dtype", [*DTYPES, "int64"])
@pytest.mark.parametrize(("x_shape", "w_shape", "stride", "padding", "dilation", "groups"), CONVS)
def test_conv(
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    dtype: str,
) -> None:
    x, w, b = integers(x_shape, dtype), integers(w_shape, dtype, 1), integers(w_shape[:1], dtype, 2)
    call = (f"conv{len(w_shape) - 2}d", x, w, b, stride, padding, dilation, groups)
    np.testing.assert_array_equal(ours(*call), theirs(*call), strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("x_shape", "w_shape", "stride", "padding", "output_padding", "groups", "dilation"), TRANSPOSES
)
def test_conv_transpose(
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
    dtype: str,
) -> None:
    x, w = integers(x_shape, dtype), integers(w_shape, dtype, 1)
    b = integers((w_shape[1] * groups,), dtype, 2)
    call = (f"conv_transpose{len(w_shape) - 2}d", x, w, b, stride, padding, output_padding, groups, dilation)
    np.testing.assert_array_equal(ours(*call), theirs(*call), strict=True)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("dtype", [*DTYPES, "int64", "uint8"])
@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_max_pool(pool: tuple[Any, ...], dtype: str, ceil_mode: bool) -> None:
    rank, shape, *arguments = pool
    x = integers(shape, dtype)  # few values, hence many ties
    if x.dtype.kind == "f":
        rng = np.random.default_rng(1)
        x[rng.random(x.shape) < 0.1] = np.nan
        x[rng.random(x.shape) < 0.2] = -np.inf
    call = (f"max_pool{rank}d", x, *arguments, ceil_mode)
    values, places = theirs(*call, return_indices=True)
    found, at = ours(*call, True)
    np.testing.assert_array_equal(found, values, strict=True)
    np.testing.assert_array_equal(at, places, strict=True)
    np.testing.assert_array_equal(ours(*call), values, strict=True)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("pool", [(*pool, dilation) for *pool, dilation in POOLS if dilation == 1], ids=str)
def test_avg_pool(pool: tuple[Any, ...], dtype: str, count_include_pad: bool, ceil_mode: bool) -> None:
    rank, shape, *arguments, _ = pool
    call = (f"avg_pool{rank}d", integers(shape, dtype), *arguments, ceil_mode, count_include_pad)
    rtol = 2 * np.finfo(dtype).eps
    np.testing.assert_allclose(ours(*call), theirs(*call), rtol=rtol, strict=True)
    for divisor in (3, -2) if rank > 1 else ():  # which avg_pool1d of PyTorch has not
        np.testing.assert_allclose(ours(*call, divisor), theirs(*call, divisor), rtol=rtol, strict=True)


@pytest.mark.parametrize("divisor", [None, 3, -2])
def test_avg_pool_of_integers(divisor: int | None) -> None:
    x = np.random.default_rng(0).integers(-100, 101, (2, 3, 8, 9))
    call = ("avg_pool2d", x, 3, 2, 1, True, True, divisor)
    np.testing.assert_array_equal(ours(*call), theirs(*call), strict=True)


@pytest.mark.parametrize(("rank", "shape", "size"), ADAPTIVE)
def test_adaptive_pools(rank: int, shape: tuple[int, ...], size: Any) -> None:
    x = integers(shape, "float32")
    call = (f"adaptive_avg_pool{rank}d", x, size)
    np.testing.assert_allclose(ours(*call), theirs(*call), rtol=1e-6, atol=1e-7, strict=True)
    rng = np.random.default_rng(1)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[rng.random(x.shape) < 0.2] = -np.inf
    call = (f"adaptive_max_pool{rank}d", x, size)
    values, places = theirs(*call, return_indices=True)
    found, at = ours(*call, True)
    np.testing.assert_array_equal(found, values, strict=True)
    np.testing.assert_array_equal(at, places, strict=True)
    np.testing.assert_array_equal(ours(*call), values, strict=True)


def gradient(name: str, x: np.ndarray, dy: np.ndarray, *arguments: Any, **options: Any) -> np.ndarray:
    """PyTorch's gradient for the input of its function of that name."""
    tensor = torch.from_numpy(x).requires_grad_()
    getattr(torch.nn.functional, name)(tensor, *arguments, **options).backward(torch.from_numpy(dy))
    found: np.ndarray = tensor.grad.numpy()
    return found


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_pool_gradients(pool: tuple[Any, ...], ceil_mode: bool) -> None:
    rank, shape, *window, padding, dilation = pool
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    _, places = ours(f"max_pool{rank}d", x, *window, padding, dilation, ceil_mode, True)
    dy = integers(places.shape, "float32", 1)
    expected = gradient(f"max_pool{rank}d", x, dy, *window, padding, dilation, ceil_mode)
    np.testing.assert_array_equal(getattr(fc.grad, f"max_pool{rank}d")(dy, places, shape), expected, strict=True)
    for count_include_pad in (True, False) if dilation == 1 else ():
        more = (*window, padding, ceil_mode, count_include_pad)
        found = getattr(fc.grad, f"avg_pool{rank}d")(dy, shape, *more)
        expected = gradient(f"avg_pool{rank}d", x, dy, *more)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6, strict=True)


@pytest.mark.parametrize(("rank", "shape", "size"), ADAPTIVE)
def test_adaptive_gradients(rank: int, shape: tuple[int, ...], size: Any) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    _, places = ours(f"adaptive_max_pool{rank}d", x, size, True)
    dy = integers(places.shape, "float32", 1)
    found = getattr(fc.grad, f"adaptive_max_pool{rank}d")(dy, places, shape)
    np.testing.assert_array_equal(found, gradient(f"adaptive_max_pool{rank}d", x, dy, size), strict=True)
    found = getattr(fc.grad, f"adaptive_avg_pool{rank}d")(dy, shape)
    expected = gradient(f"adaptive_avg_pool{rank}d", x, dy, size)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6, strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_max_unpool(dtype: str) -> None:
    for rank, shape in ((1, (2, 3, 11)), (2, (2, 3, 9, 11)), (2, (3, 9, 11)), (3, (1, 2, 5, 6, 7))):
        x = integers(shape, dtype)
        values, places = theirs(f"max_pool{rank}d", x, 3, 2, 1, return_indices=True)
        call = (f"max_unpool{rank}d", values, places, 3, 2, 1, shape[-rank:])
        np.testing.assert_array_equal(ours(*call), theirs(*call), strict=True)
        values, places = theirs(f"max_pool{rank}d", x, 2, return_indices=True)
        call = (f"max_unpool{rank}d", values, places, 2)
        for size in {shape[-rank:], None}:
            try:
                expected = theirs(*call, output_size=size)
            except RuntimeError:  # an index that is outside of the plain size
                with pytest.raises(IndexError):
                    ours(*call, output_size=size)
            else:
                np.testing.assert_array_equal(ours(*call, output_size=size), expected, strict=True)


@pytest.mark.parametrize("norm", [1, 2, 3.5, float("inf")])
def test_lp_pool(norm: float) -> None:
    """Of positive numbers, as PyTorch raises negative ones too, and without its scaling of ragged windows."""
    for rank, shape in ((1, (2, 3, 17)), (2, (2, 3, 9, 11)), (2, (3, 8, 7)), (3, (1, 2, 5, 6, 7))):
        x = 0.1 + np.random.default_rng(0).random(shape, np.float32)
        for window in ((3, 2), (2,)):
            call = (f"lp_pool{rank}d", x, norm, *window)
            expected = theirs(*call)
            np.testing.assert_allclose(ours(*call), expected, rtol=1e-5, strict=True)
            dy = np.random.default_rng(1).normal(size=expected.shape).astype(np.float32)
            found = getattr(fc.grad, f"lp_pool{rank}d")(dy, x, norm, *window)
            np.testing.assert_allclose(found, gradient(call[0], x, dy, norm, *window), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("rank", "shape", "kernel", "size"),
    [
        (2, (2, 3, 20, 30), (2, 3), (9, 11)),
        (2, (3, 20, 30), 3, 1),
        (2, (2, 3, 9, 8), 1, (9, 8)),
        (3, (2, 3, 9, 10, 11), 2, (3, 4, 5)),
    ],
)
def test_fractional_max_pool(rank: int, shape: tuple[int, ...], kernel: Any, size: Any) -> None:
    name, rng = f"fractional_max_pool{rank}d", np.random.default_rng(0)
    x = integers(shape, "float32")
    x[rng.random(shape) < 0.02] = np.nan
    for _ in range(10):
        samples = rng.random((*([1] * (rank + 2 - len(shape))), *shape[:-rank], rank)).astype(x.dtype)
        tensors = {"output_size": size, "return_indices": True, "_random_samples": torch.from_numpy(samples)}
        both = ours(name, x, kernel, size, None, True, random_samples=samples), theirs(name, x, kernel, **tensors)
        for found, wanted in zip(*both, strict=True):
            np.testing.assert_array_equal(found, wanted, strict=True)


@pytest.mark.parametrize("name", ["relu", "relu6", "leaky_relu", "silu", "sigmoid", "tanh"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_activations(name: str, dtype: str) -> None:
    x, w = integers((2, 3, 6, 7), dtype), integers((4, 3, 3, 2), dtype, 1)
    w /= 8
    expected = theirs(name, theirs("conv2d", x, w))
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(ours("conv2d", x, w, activation=name), expected, rtol=4 * eps, atol=eps)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_modules_with_padding_modes(mode: str) -> None:
    x, w = integers((2, 3, 6, 7)), integers((4, 3, 3, 5), seed=1)
    layer = torch.nn.Conv2d(3, 4, (3, 5), padding=(1, 2), padding_mode=mode, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(w))
        expected = layer(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(ours("conv2d", x, w, padding=(1, 2), padding_mode=mode), expected)


def test_infinite_and_missing_values() -> None:
    x, w = integers((1, 2, 6, 7)), integers((3, 2, 3, 3), seed=1)
    x[0, 0, 2, 2], x[0, 1, 5, 6], w[1, 1, 0, 0] = np.inf, np.nan, -np.inf
    np.testing.assert_array_equal(ours("conv2d", x, w, padding=1), theirs("conv2d", x, w, None, 1, 1))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "complex128"])
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_pad(mode: str, dtype: str) -> None:
    for shape, pad in PADS if mode != "constant" else PADS + CONSTANT_PADS:
        x = integers(shape, dtype)
        if mode in ("reflect", "replicate") and dtype == "bool":  # which PyTorch lacks there
            x = x.astype(np.uint8)
        call = ("pad", x, pad, mode, 1 if mode == "constant" else None)
        np.testing.assert_array_equal(ours(*call), theirs(*call), strict=True)


@pytest.mark.parametrize("dtype", ["bool", "float16", "float32", "complex64"])
@pytest.mark.parametrize("columns", COLUMNS, ids=str)
def test_unfold_and_fold(columns: tuple[Any, ...], dtype: str) -> None:
    shape, *arguments = columns
    call = ("unfold", integers(shape, dtype), *arguments)
    unfolded = ours(*call)
    np.testing.assert_array_equal(unfolded, theirs(*call), strict=True)
    folded = ("fold", unfolded, shape[-2:], *arguments)
    np.testing.assert_array_equal(ours(*folded), theirs(*folded), strict=True)
