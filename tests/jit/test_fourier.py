"""Butterflies: their meaning, and the machine code."""

from typing import Any

import numpy as np
import pytest
from numba import njit

from fastconv.jit import fourier as module
from fastconv.jit.machine import machine

TURNED = {"threes": 3, "fours": 4, "fives": 5}
COUNTS = {"split_fours": 4, "join_fours": 4, "split_eights": 8, "join_eights": 8}
COUNTS |= {f"{what}_{name}_turned": count for what in ("split", "join") for name, count in TURNED.items()}
MEANINGS = {
    "split_fours": module._plain_meaning(module._FOURS),
    "join_fours": module._plain_meaning(module._FOURS.conj()),
    "split_eights": module._plain_meaning(module._EIGHTS),
    "join_eights": module._plain_meaning(module._EIGHTS.conj().T),
    **{f"split_{name}_turned": module._turned_meaning(count, back=False) for name, count in TURNED.items()},
    **{f"join_{name}_turned": module._turned_meaning(count, back=True) for name, count in TURNED.items()},
    "split_two_real": module._split_two_real_meaning,
    "join_two_real": module._join_two_real_meaning,
}
PAIRS = ("split_two_real", "join_two_real")
BY_ROWS = {
    f"{what}_{name}{ending}": module._by_rows_meaning(matrix, *kind)
    for name, matrix in (("fours", module._FOURS), ("eights", module._EIGHTS))
    for (what, ending), kind in zip(
        (("split", "_by_rows"), ("join", "_by_rows"), ("multiply", "")), module._BY_ROWS, strict=True
    )
}
COUNTS |= {name: 4 if "fours" in name else 8 for name in BY_ROWS}


def compiled(name: str, boundscheck: bool = False) -> Any:
    combine = getattr(module, name)
    if name in PAIRS:

        @njit(boundscheck=boundscheck)
        def run(a, b, c, d, e, f):
            combine(a, b, c, d, e, f)

    elif name.endswith("s_turned") or name in BY_ROWS:

        @njit(boundscheck=boundscheck)
        def run(work, at, step, roots, root):
            combine(work, at, step, roots, root)

    else:

        @njit(boundscheck=boundscheck)
        def run(work, at, step):
            combine(work, at, step)

    return run


def arguments(name: str, dtype: str) -> dict[str, Any]:
    """Arrays of small whole numbers of which the last element is touched, and where to begin."""
    rng, n = np.random.default_rng(0), machine().vector_bytes // np.dtype(dtype).itemsize

    def whole(size: int) -> np.ndarray:
        return rng.integers(-9, 9, size).astype(dtype)

    if name == "split_two_real":
        return {"work": whole(7 + 2 * n), "at": 2, "other": 7, "first": whole(3 + 2 * n)} | {
            "second": whole(3 + 2 * n),
            "to": 3,
        }
    if name == "join_two_real":
        return {"first": whole(3 + 2 * n), "second": whole(3 + 2 * n), "place": 3} | {
            "work": whole(7 + 4 * n),
            "at": 2,
            "other": 7 + 2 * n,
        }
    step = 2 * n + 5
    room = (COUNTS[name] - 1) * step + 2 * n
    found = {"work": whole(3 + room), "at": 3, "step": step}
    if name in BY_ROWS:
        return found | {"factors": whole(1 + room), "factor": 1}
    return found | {"roots": whole(2 * COUNTS[name]), "root": 2} if name.endswith("turned") else found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*COUNTS, *PAIRS])
def test_compiled_butterfly_is_its_meaning(name: str, dtype: str) -> None:
    given, expected = arguments(name, dtype), arguments(name, dtype)
    (MEANINGS | BY_ROWS)[name](*expected.values())
    compiled(name)(*given.values())
    changed = ("first", "second") if name == "split_two_real" else ("work",)
    for array in changed:
        rounding = 1e-5 if any(count in name for count in ("threes", "fives", "eights")) else 0
        np.testing.assert_allclose(given[array], expected[array], 0, (1000 if name in BY_ROWS else 100) * rounding)
        assert (given[array] != arguments(name, dtype)[array]).any()


@pytest.mark.parametrize("name", [*COUNTS, *PAIRS])
def test_checked_butterfly_goes_to_the_last_element_and_no_further(name: str) -> None:
    run, given = compiled(name, boundscheck=True), arguments(name, "float32")
    run(*given.values())
    for short in given:
        if isinstance(given[short], np.ndarray):
            less = given | {short: given[short][:-1]}
            with pytest.raises(IndexError, match="out of bounds"):
                run(*less.values())


@pytest.mark.parametrize(("name", "count"), TURNED.items())
def test_joining_undoes_splitting(name: str, count: int) -> None:
    given = arguments(f"split_{name}_turned", "float64")
    given["roots"][2:] = [0.6, 0.8, -0.8, 0.6, 0, 1, 1, 0][: 2 * count - 2]
    before = given["work"].copy()
    module._turned_meaning(count, back=False)(*given.values())
    module._turned_meaning(count, back=True)(*given.values())
    n = machine().vector_bytes // 8
    for i in range(count):
        row = slice(3 + i * given["step"], 3 + i * given["step"] + 2 * n)
        np.testing.assert_allclose(given["work"][row], count * before[row], atol=1e-12)


def test_joining_undoes_splitting_of_two_real_transforms() -> None:
    x, y = np.random.default_rng(0).standard_normal((2, 8))
    both, n = np.fft.fft(x + 1j * y), machine().vector_bytes // 8
    work = np.array([np.full((2, n), [[value.real], [value.imag]]) for value in both]).reshape(-1)
    first, second = np.zeros((2, 2 * n))
    for k in range(5):
        module._split_two_real_meaning(work, 2 * n * k, 2 * n * (-k % 8), first, second, 0)
        for found, signal in ((first, x), (second, y)):
            np.testing.assert_allclose(found[0] + 1j * found[n], 2 * np.fft.fft(signal)[k], atol=1e-12)
        again = np.zeros_like(work)
        module._join_two_real_meaning(first, second, 0, again, 2 * n * k, 2 * n * (-k % 8))
        for place in (k, -k % 8):
            row = slice(2 * n * place, 2 * n * (place + 1))
            np.testing.assert_allclose(again[row], 2 * work[row], atol=1e-12)


@pytest.mark.parametrize(("name", "matrix"), [("fours", module._FOURS), ("eights", module._EIGHTS)])
def test_rows_times_rows_are_what_butterflies_and_products_make_of_them(name: str, matrix: np.ndarray) -> None:
    """Joining undoes splitting where factors are of size 1; the product of spectra is a circular convolution."""
    n, count = machine().vector_bytes // 8, len(matrix)
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, count, n)) + 1j * rng.standard_normal((2, count, n))

    def strip(rows: np.ndarray) -> np.ndarray:
        return np.stack([rows.real, rows.imag], 1).reshape(-1)

    unit = w / np.abs(w)
    work = strip(x)
    BY_ROWS[f"split_{name}_by_rows"](work, 0, 2 * n, strip(unit), 0)
    np.testing.assert_allclose(work, strip(unit * (matrix @ x)), atol=1e-12)
    BY_ROWS[f"join_{name}_by_rows"](work, 0, 2 * n, strip(unit), 0)
    np.testing.assert_allclose(work, count * strip(x), atol=1e-12)
    BY_ROWS[f"multiply_{name}"](work, 0, 2 * n, strip(matrix @ w), 0)
    turned = np.array([sum(x[k] * w[(i - k) % count] for k in range(count)) for i in range(count)])
    np.testing.assert_allclose(work, count**2 * strip(turned), atol=1e-10)
