"""The demo's work in other libraries: in each the call that its users would write for the same result.

No copy between layouts is timed: every library gets the image in the layout it likes, made beforehand.
"""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastconv.cli import demo
from fastconv.cli.demo import BILINEAR, GAUSSIAN, REACH, SOBEL, WINDOW, Demo
from fastconv.cli.race import Contender, Race

__all__ = ["LIBRARIES", "TITLES", "installed_peers", "races"]

#: What is timed.
TITLES = {
    "blur": "blur 9×9",
    "edges": "edges 3×3",
    "max_pool": "max pool 8×8",
    "avg_pool": "average pool 8×8",
    "upsample": "transposed conv ×8",
    "matrix_build": "build K'",
    "matrix_product": "K' times image",
}

_Ways = Iterator[tuple[str, Contender]]


def races(it: Demo, libraries: dict[str, Any], threads: int) -> list[Race]:
    """Everything that is timed, each with fastconv first and then the libraries given.

    Parameters
    ----------
    it : Demo
        What was computed, which the races compute again.
    libraries : dict of str to module
        As `installed_peers` gives them.
    threads : int
        For the libraries that can be told.

    Returns
    -------
    list of Race
    """
    entrants: dict[str, list[Contender]] = {name: [] for name in TITLES}
    ways = {"NumPy": _numpy, "SciPy": _scipy, "PyTorch": _torch, "OpenCV": _opencv}
    for name, contender in _fastconv(it):
        entrants[name].append(contender)
    for library, module in libraries.items():
        for name, contender in ways[library](it, module, threads):
            entrants[name].append(contender)
    return [Race(name, TITLES[name], tuple(contenders)) for name, contenders in entrants.items()]


#: Peers in the order of the table: their name, the module, the distributions that may bring it.
LIBRARIES = {
    "NumPy": ("numpy", ("numpy",)),
    "SciPy": ("scipy", ("scipy",)),
    "PyTorch": ("torch", ("torch",)),
    "OpenCV": ("cv2", ("opencv-python-headless", "opencv-python", "opencv-contrib-python")),
}


def installed_peers() -> tuple[dict[str, Any], dict[str, str]]:
    """The peers that import, and why those do not that are installed nevertheless."""
    found, broken = {}, {}
    for library, (module, _) in LIBRARIES.items():
        if importlib.util.find_spec(module) is None:
            continue
        try:
            found[library] = importlib.import_module(module)
        except Exception as error:  # a broken installation may raise anything, and is no concern of ours
            broken[library] = f"{type(error).__name__}: {error}".splitlines()[0]
    return found, broken


def _fastconv(it: Demo) -> _Ways:
    small, v, size = it.subjects["avg_pool"].output, it.gray.ravel(), it.gray.shape[1:]
    for name, function, given in (
        ("blur", demo.blur, it.x),
        ("edges", demo.edges, it.gray),
        ("max_pool", demo.max_pool, it.x),
        ("avg_pool", demo.avg_pool, it.x),
        ("upsample", demo.upsample, small),
    ):
        yield name, Contender("fastconv", it.subjects[name].call, lambda f=function, x=given: f(x))  # type: ignore[misc]
    call = 'conv_matrix(gaussian9, (H, W), padding=4, padding_mode="reflect")'
    yield "matrix_build", Contender("fastconv", call, lambda: demo.blur_matrix(size), lambda a: a @ v)
    yield "matrix_product", Contender("fastconv", it.subjects["matrix"].call, lambda: it.matrix @ v)


def _pad(x: NDArray[np.float32], width: int, mode: Any) -> NDArray[np.float32]:
    return np.pad(x, ((0, 0), (width, width), (width, width)), mode=mode)


def _windows(x: NDArray[np.float32]) -> NDArray[np.float32]:
    channels, height, width = x.shape
    rows, columns = height // WINDOW, width // WINDOW
    return x[:, : rows * WINDOW, : columns * WINDOW].reshape(channels, rows, WINDOW, columns, WINDOW)


def _numpy(it: Demo, module: Any, threads: int) -> _Ways:
    x, gray, small = it.x, it.gray, it.subjects["avg_pool"].output
    _, height, width = x.shape

    def blur_slices() -> Any:
        padded, y = _pad(x, REACH, "reflect"), np.zeros_like(x)
        for (i, j), tap in np.ndenumerate(GAUSSIAN):
            y += tap * padded[:, i : i + height, j : j + width]
        return y

    def blur_windows() -> Any:
        view = np.lib.stride_tricks.sliding_window_view(_pad(x, REACH, "reflect"), GAUSSIAN.shape, axis=(1, 2))
        return np.einsum("chwij,ij->chw", view, GAUSSIAN)

    def edges() -> Any:
        p = _pad(gray, 1, "reflect")[0]
        down, right = p[:-2] + 2 * p[1:-1] + p[2:], p[:, :-2] + 2 * p[:, 1:-1] + p[:, 2:]
        return np.stack([down[:, 2:] - down[:, :-2], right[2:] - right[:-2]])

    def upsample() -> Any:
        p = _pad(small, 1, "edge")
        channels, rows, columns = p.shape
        y = np.zeros((channels, (rows + 1) * WINDOW, (columns + 1) * WINDOW), np.float32)
        for (i, j), tap in np.ndenumerate(BILINEAR):
            y[:, i : i + rows * WINDOW : WINDOW, j : j + columns * WINDOW : WINDOW] += tap * p
        cut = slice(WINDOW + WINDOW // 2, -WINDOW - WINDOW // 2)
        return y[:, cut, cut]

    yield "blur", Contender("NumPy", "sum over 81 shifted slices", blur_slices)
    yield "blur", Contender("NumPy", "einsum of sliding_window_view", blur_windows)
    yield "edges", Contender("NumPy", "shifted slices, separably", edges)
    yield "max_pool", Contender("NumPy", "reshape, max(axis=2).max(axis=-1)", lambda: _windows(x).max(2).max(-1))
    yield "avg_pool", Contender("NumPy", "reshape, mean(axis=2).mean(axis=-1)", lambda: _windows(x).mean(2).mean(-1))
    yield "upsample", Contender("NumPy", "sum into 256 strided slices", upsample)


def _scipy(it: Demo, module: Any, threads: int) -> _Ways:
    from scipy import ndimage, signal, sparse

    x, gray, small, v = it.x, it.gray, it.subjects["avg_pool"].output, it.gray.ravel()
    _, rows, columns = small.shape
    flipped, theirs = GAUSSIAN[None, ::-1, ::-1], it.matrix.to_scipy()

    def fft() -> Any:
        return signal.fftconvolve(_pad(x, REACH, "reflect"), flipped, mode="valid", axes=(1, 2))

    def edges() -> Any:
        return np.stack([ndimage.sobel(gray[0], axis=1, mode="mirror"), ndimage.sobel(gray[0], axis=0, mode="mirror")])

    def every(filtered: Any) -> Any:
        return filtered[:, WINDOW // 2 :: WINDOW, WINDOW // 2 :: WINDOW][:, :rows, :columns]

    def selections(n: int) -> list[Any]:
        """For each tap the matrix that picks its pixel, mirrored at the borders, for every output."""
        picked = np.pad(np.arange(n, dtype=np.int32), REACH, mode="reflect")
        ones, starts = np.ones(n, np.float32), np.arange(n + 1, dtype=np.int32)
        return [sparse.csr_array((ones, picked[t : t + n], starts), shape=(n, n)) for t in range(len(GAUSSIAN))]

    def build() -> Any:
        down, right = selections(gray.shape[1]), selections(gray.shape[2])
        lines = [sum(tap * s for tap, s in zip(taps, right, strict=True)) for taps in GAUSSIAN]
        return sum(sparse.kron(d, line, format="csr") for d, line in zip(down, lines, strict=True))

    window, up = (1, WINDOW, WINDOW), {"order": 1, "mode": "nearest", "grid_mode": True}
    yield "blur", Contender("SciPy", "ndimage.correlate", lambda: ndimage.correlate(x, GAUSSIAN[None], mode="mirror"))
    yield "blur", Contender("SciPy", "signal.fftconvolve of the padded image", fft)
    yield "edges", Contender("SciPy", "ndimage.sobel, twice", edges)
    call = "ndimage.maximum_filter(x, 8)[4::8, 4::8]"
    yield "max_pool", Contender("SciPy", call, lambda: every(ndimage.maximum_filter(x, window)))
    call = "ndimage.uniform_filter(x, 8)[4::8, 4::8]"
    yield "avg_pool", Contender("SciPy", call, lambda: every(ndimage.uniform_filter(x, window)))
    yield "upsample", Contender("SciPy", "ndimage.zoom(order=1)", lambda: ndimage.zoom(small, window, **up))
    yield "matrix_build", Contender("SciPy", "sum of sparse.kron", build, lambda a: a @ v)
    yield "matrix_product", Contender("SciPy", "csr_array @ v", lambda: theirs @ v)


def _torch(it: Demo, torch: Any, threads: int) -> _Ways:
    functional = torch.nn.functional
    torch.set_num_threads(threads)
    x, gray = torch.from_numpy(it.x), torch.from_numpy(it.gray)
    small, v = torch.from_numpy(it.subjects["avg_pool"].output), torch.from_numpy(it.gray.ravel())
    gaussian, bilinear = (torch.from_numpy(np.repeat(k[None, None], 3, axis=0)) for k in (GAUSSIAN, BILINEAR))
    sobel = torch.from_numpy(SOBEL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sparse tensors are in beta
        a = it.matrix.to_scipy()
        k = torch.sparse_csr_tensor(*(torch.from_numpy(part) for part in (a.indptr, a.indices, a.data)), size=a.shape)

    def mirrored(image: Any, width: int) -> Any:
        return functional.pad(image[None], (width,) * 4, mode="reflect")

    def upsample() -> Any:
        framed = functional.pad(small[None], (1,) * 4, mode="replicate")
        return functional.conv_transpose2d(framed, bilinear, stride=WINDOW, padding=WINDOW * 3 // 2, groups=3)[0]

    works: dict[str, tuple[str, Callable[[], Any]]] = {
        "blur": ("F.conv2d of F.pad", lambda: functional.conv2d(mirrored(x, REACH), gaussian, groups=3)[0]),
        "edges": ("F.conv2d of F.pad", lambda: functional.conv2d(mirrored(gray, 1), sobel)[0]),
        "max_pool": ("F.max_pool2d", lambda: functional.max_pool2d(x, WINDOW)),
        "avg_pool": ("F.avg_pool2d", lambda: functional.avg_pool2d(x, WINDOW)),
        "upsample": ("F.conv_transpose2d of F.pad", upsample),
        "matrix_product": ("sparse_csr_tensor @ v", lambda: k @ v),
    }
    for name, (call, function) in works.items():
        yield name, Contender("PyTorch", call, function)


def _opencv(it: Demo, cv2: Any, threads: int) -> _Ways:
    cv2.setNumThreads(threads)
    small = np.ascontiguousarray(it.subjects["avg_pool"].output.transpose(1, 2, 0))
    _, rows, columns = it.subjects["avg_pool"].output.shape
    x, gray = np.ascontiguousarray(it.x.transpose(1, 2, 0)), it.gray[0]
    cropped = np.ascontiguousarray(x[: rows * WINDOW, : columns * WINDOW])
    box = np.ones((WINDOW, WINDOW), np.uint8)

    def planes(y: Any) -> Any:
        return np.moveaxis(y, -1, 0)

    def blur() -> Any:
        return cv2.filter2D(x, -1, GAUSSIAN, borderType=cv2.BORDER_REFLECT_101)

    def edges() -> Any:
        return cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)

    def max_pool() -> Any:
        return cv2.dilate(cropped, box)[WINDOW // 2 :: WINDOW, WINDOW // 2 :: WINDOW]

    def avg_pool() -> Any:
        return cv2.resize(cropped, (columns, rows), interpolation=cv2.INTER_AREA)

    def upsample() -> Any:
        return cv2.resize(small, (columns * WINDOW, rows * WINDOW), interpolation=cv2.INTER_LINEAR)

    yield "blur", Contender("OpenCV", "filter2D", blur, planes)
    yield "edges", Contender("OpenCV", "Sobel, twice", edges)
    yield "max_pool", Contender("OpenCV", "dilate(x, box8)[4::8, 4::8]", max_pool, planes)
    yield "avg_pool", Contender("OpenCV", "resize(INTER_AREA)", avg_pool, planes)
    yield "upsample", Contender("OpenCV", "resize(INTER_LINEAR)", upsample, planes)
