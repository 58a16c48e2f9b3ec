"""Numbers as people read them."""

import pytest

from fastconv.cli import units


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2.346, "2.35 s"),
        (0.9999, "1.00 s"),
        (0.1234, "123 ms"),
        (0.00567, "5.67 ms"),
        (1e-4, "0.10 ms"),
        (4.2e-6, "4.20 µs"),
    ],
)
def test_duration(seconds, text):
    assert units.duration(seconds) == text


def test_small_texts():
    assert units.power_of_ten(4.2e-7) == "4.2 × 10⁻⁷"
    assert units.power_of_ten(0.0) == "0"
    assert [units.multiple(value) for value in (0.361, 1.0, 9.96, 123.4)] == ["0.36×", "1.0×", "10×", "123×"]
    assert units.megabytes(198_696_324) == "199 MB"
    assert units.shape_text((3, 1200, 5)) == "3 × 1,200 × 5"
