"""Loading photographs: orientation, alpha, depth, size, and files that are none."""

import numpy as np
import pytest

from fastconv.cli.extras import Stop
from fastconv.cli.image import LEAST_SIDE, MOST_PIXELS, load_photograph

Image = pytest.importorskip("PIL.Image")


def save(path, array, mode=None, **options):
    Image.fromarray(array, mode).save(path, **options) if mode else Image.fromarray(array).save(path, **options)
    return str(path)


def test_colour_and_scale(tmp_path):
    array = np.zeros((20, 30, 3), np.uint8)
    array[..., 0], array[..., 1] = 255, 51
    photograph = load_photograph(save(tmp_path / "a.png", array))
    assert photograph.name == "a.png"
    assert photograph.pixels.shape == (3, 20, 30)
    assert photograph.pixels.dtype == np.float32
    assert photograph.pixels.flags.c_contiguous
    np.testing.assert_allclose(photograph.pixels[:, 3, 4], [1, 0.2, 0], rtol=1e-6)
    assert not photograph.reduced


def test_alpha_is_dropped(tmp_path):
    array = np.full((16, 16, 4), 102, np.uint8)
    array[..., 3] = 0
    photograph = load_photograph(save(tmp_path / "a.png", array))
    np.testing.assert_allclose(photograph.pixels, 0.4, rtol=1e-6)


def test_exif_orientation(tmp_path):
    array = np.zeros((20, 40, 3), np.uint8)
    array[:, :20] = 255  # bright on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees clockwise to be upright: left becomes top
    photograph = load_photograph(save(tmp_path / "a.jpg", array, exif=exif))
    assert photograph.size == photograph.original_size == (40, 20)
    assert photograph.pixels[:, :15].min() > 0.9
    assert photograph.pixels[:, 25:].max() < 0.1


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_deep_gray_uses_its_whole_range(tmp_path, dtype):
    array = np.linspace(0, 60000, 20 * 20).reshape(20, 20).astype(dtype)
    photograph = load_photograph(save(tmp_path / "a.tiff", array))
    assert photograph.pixels.min() == 0
    assert photograph.pixels.max() == 1
    assert 0.45 < photograph.pixels[:, 10, 0].mean() < 0.55


def test_large_images_are_reduced(tmp_path):
    photograph = load_photograph(save(tmp_path / "a.png", np.full((1000, 1600, 3), 128, np.uint8)))
    assert photograph.reduced
    assert photograph.original_size == (1000, 1600)
    rows, columns = photograph.size
    assert 0.98 * MOST_PIXELS < rows * columns <= MOST_PIXELS
    assert columns / rows == pytest.approx(1.6, rel=0.01)


def test_sample_photograph():
    pytest.importorskip("matplotlib")
    photograph = load_photograph()
    assert photograph.name == "grace_hopper.jpg"
    assert photograph.size == photograph.original_size == (600, 512)


def test_too_small(tmp_path):
    with pytest.raises(Stop, match=f"{LEAST_SIDE} on each side"):
        load_photograph(save(tmp_path / "a.png", np.zeros((LEAST_SIDE - 1, 40, 3), np.uint8)))


def test_truncated(tmp_path):
    whole = tmp_path / "a.png"
    save(whole, np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    broken = tmp_path / "b.png"
    broken.write_bytes(whole.read_bytes()[:3000])
    with pytest.raises(Stop, match="not an image that Pillow can read"):
        load_photograph(str(broken))
