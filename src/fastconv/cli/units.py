"""Numbers as people read them."""

from __future__ import annotations

import math

__all__ = ["duration", "megabytes", "multiple", "power_of_ten", "shape_text", "three_figures"]


def duration(seconds: float) -> str:
    """A time with three figures: 12.3 µs, 1.23 ms, 1.23 s."""
    scale, unit = (1, "s") if seconds >= 0.9995 else (1e3, "ms") if seconds >= 99.5e-6 else (1e6, "µs")
    return f"{three_figures(seconds * scale)} {unit}"


def three_figures(value: float) -> str:
    """A positive number with three figures, or as many as its whole part has, and two decimals at most."""
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"


def multiple(value: float) -> str:
    """How many times: 0.36×, 2.5×, 25×."""
    return f"{value:.{2 if value < 0.995 else 1 if value < 9.95 else 0}f}×"


def megabytes(size: int) -> str:
    """A size in memory, in decimal units."""
    return f"{size / 1e6:.0f} MB" if size >= 10e6 else f"{size / 1e6:.2f} MB"


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as people write it: 3 × 600 × 512."""
    return " × ".join(f"{n:,}" for n in shape)


def power_of_ten(value: float) -> str:
    """A small number: 4.2 × 10⁻⁷."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
