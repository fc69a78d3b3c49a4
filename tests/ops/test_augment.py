"""Augmentation: the table (draw for draw the reference's Philox), its ranges, and bad options."""

import cases
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import assert_close, assert_exact

from pycnn import _core, ops

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("case", [c for c in cases.rows("augment") if c.exact], ids=str)
def test_whole_moves_copy_pixels(case):
    assert_exact(case)


@pytest.mark.parametrize("case", cases.rows("augment"), ids=str)
def test_numbers_are_within_the_bound(case):
    assert_close(case)


def marked(images, height, width):
    """Pictures whose pixels tell their row and column: 100 row + column + 1."""
    picture = 100.0 * np.arange(height)[:, None] + np.arange(width) + 1
    return np.broadcast_to(picture[..., None], (images, height, width, 1))


def test_every_shift_comes_equally_often():
    size, images = 7, 7000
    y = ops.augment(marked(images, size, size), shift=(1, 2), fill=-1)[..., 0]
    middle = y[:, 3, 3] - 1  # always shows the picture
    moves = np.stack([3 - middle // 100, 3 - middle % 100]).astype(int).T
    found, counts = np.unique(moves, axis=0, return_counts=True)
    assert found.tolist() == [[r, c] for r in (-1, 0, 1) for c in (-2, -1, 0, 1, 2)]
    mean = images / 15
    assert np.abs(counts - mean).max() < 5 * np.sqrt(mean)


def test_every_window_comes_equally_often():
    images = 4000
    y = ops.augment(marked(images, 4, 5), crop=(5, 4), padding=1)[..., 0]
    corner = y[:, 1, 1] - 1  # the row and column of a pixel that no window lacks
    windows, counts = np.unique(corner, return_counts=True)
    assert windows.tolist() == [100 * r + c for r in (0, 1) for c in (0, 1, 2, 3)]
    assert np.abs(counts - images / 8).max() < 5 * np.sqrt(images / 8)


def test_half_of_the_pictures_are_mirrored():
    x = marked(2000, 3, 4)
    y = ops.augment(x, horizontal_flip=True, seed=1)
    mirrored = (y == x[:, :, ::-1]).all(axis=(1, 2, 3))
    assert ((y == x).all(axis=(1, 2, 3)) | mirrored).all()
    assert abs(mirrored.mean() - 0.5) < 5 * np.sqrt(0.25 / 2000)


def test_brightness_and_angles_fill_their_ranges():
    more = ops.augment(np.zeros((3000, 2, 2, 1)), brightness=0.3)
    assert (more == more[:, :1, :1]).all()
    edges = np.histogram(more[:, 0, 0, 0], bins=6, range=(-0.3, 0.3))[0]
    assert edges.sum() == 3000
    assert np.abs(edges - 500).max() < 5 * np.sqrt(500)
    # A ramp's slope tells the angle.
    x = np.broadcast_to(np.arange(9.0)[:, None, None] - 4, (3000, 9, 9, 1))
    y = ops.augment(x, rotation=40.0)
    angle = np.degrees(np.arctan2(y[:, 4, 3, 0] - y[:, 4, 5, 0], y[:, 5, 4, 0] - y[:, 3, 4, 0]))
    edges = np.histogram(angle, bins=6, range=(-40.001, 40.001))[0]
    assert edges.sum() == 3000
    assert np.abs(edges - 500).max() < 5 * np.sqrt(500)


def test_a_picture_turned_and_scaled_by_hand():
    """A dot at a known place goes where trigonometry says."""
    x = np.zeros((200, 21, 21, 1), np.float32)
    x[:, 10, 16] = 1.0  # six to the right of the centre
    y = ops.augment(x, rotation=90.0, scale=(1.0, 1.5), seed=2)[..., 0]
    rows, columns = np.mgrid[-10:11, -10:11]
    total = y.sum(axis=(1, 2))
    row, column = (y * rows).sum(axis=(1, 2)) / total, (y * columns).sum(axis=(1, 2)) / total
    words = np.array(reference.augment_words(200, seed=2)) / 2.0**32
    angle, factor = np.radians(180 * words[:, 1] - 90), 1 + 0.5 * words[:, 2]
    np.testing.assert_allclose(row, 6 * factor * np.sin(angle), atol=0.3)
    np.testing.assert_allclose(column, 6 * factor * np.cos(angle), atol=0.3)


def test_pictures_follow_the_seed_and_none_repeats_another():
    x = np.random.default_rng(0).standard_normal((40, 9, 9, 1)).astype(np.float32)
    options = {"shift": 2, "rotation": 20.0, "scale": (0.8, 1.2)}
    same = np.broadcast_to(x[:1], x.shape)
    first = ops.augment(same, seed=1, **options)
    np.testing.assert_array_equal(first, ops.augment(same, seed=1, **options))
    assert (first != ops.augment(same, seed=2, **options)).any()
    assert len({picture.tobytes() for picture in first}) == 40


def test_whole_moves_copy_what_is_not_finite():
    x = np.full((20, 4, 4, 1), np.inf, np.float32)
    x[:, 1] = np.nan
    y = ops.augment(x, shift=2, horizontal_flip=True)
    assert set(np.unique(y).tolist()[:2]) == {0.0, np.inf}
    assert np.isnan(y).any()


def test_all_instruction_sets_copy_the_same_pixels():
    x = np.random.default_rng(3).standard_normal((33, 9, 8, 3)).astype(np.float32)
    options = {"crop": 8, "padding": 2, "horizontal_flip": True, "seed": 5}
    results, before = set(), _core.cpu_isa()
    for isa in _core.available_cpu_isas():
        _core.set_cpu_isa(isa)
        results.add(ops.augment(x, **options).tobytes())
    _core.set_cpu_isa(before)
    assert len(results) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shift": -1}, "shift and padding must not be negative; got -1x-1 and 0x0"),
        ({"shift": (4, 0)}, "can leave nothing of the picture"),
        ({"shift": (0, 6)}, "can leave nothing of the picture"),
        ({"crop": 3, "padding": 3}, "can leave nothing of the picture"),
        ({"crop": 3, "padding": 1, "shift": 2}, "can leave nothing of the picture"),
        ({"shift": 3, "scale": (0.25, 1.0)}, "can leave nothing of the picture"),
        ({"crop": (4, 1), "rotation": 90.0}, "can leave nothing of the picture"),
        ({"scale": (0.2, 1.0)}, "scale 0.2 makes the picture of 4x6 smaller than a pixel"),
        ({"crop": (5, 6)}, "crop must be from 1x1 to the padded picture's 4x6; got 5x6"),
        ({"crop": (7, 8), "padding": 1}, "crop must be from 1x1 to the padded picture's 6x8"),
        ({"crop": 0}, "crop must be from 1x1"),
        ({"padding": 1}, "padding 1x1 is for what crop is cut from; without crop use shift"),
        ({"rotation": -1.0}, "rotation must be from 0 to 180 degrees; got -1"),
        ({"rotation": np.nan}, "rotation must be from 0 to 180 degrees; got nan"),
        ({"rotation": np.inf}, "rotation must be from 0 to 180 degrees; got inf"),
        ({"scale": (0.0, 1.0)}, "scale must be two finite numbers above 0"),
        ({"scale": (2.0, 1.0)}, "the lower first; got 2 and 1"),
        ({"scale": (1.0, np.inf)}, "scale must be two finite numbers above 0"),
        ({"scale": (np.nan, 1.0)}, "scale must be two finite numbers above 0"),
        ({"brightness": -0.5}, "brightness must be finite and not negative; got -0.5"),
        ({"brightness": np.inf}, "brightness must be finite"),
        ({"fill": np.nan}, "fill must be finite; got nan"),
        ({"shift": (1, 2, 3)}, "shift must be an integer or a pair"),
        ({"scale": 0.5}, "scale must be a pair of numbers, .low, high.; got 0.5"),
        ({"scale": (1, 2, 3)}, "scale must be a pair of numbers"),
        ({"crop": 2**31}, "crop must be an integer or a pair of integers, below"),
    ],
    ids=str,
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=rf"^\[Augmentation\] .*{message}"):
        ops.augment(np.zeros((1, 4, 6, 1)), **options)


@pytest.mark.parametrize(
    "options",
    [
        {"shift": (3, 5)},
        {"crop": 3, "padding": 2},
        {"crop": (4, 1), "rotation": 80.0},
        {"crop": 3, "padding": 1, "shift": 1},
        {"scale": (0.21, 1.0)},
        {"rotation": 180.0, "scale": (1.0, 1e300)},
    ],
    ids=str,
)
def test_options_at_the_limit_leave_a_pixel(options):
    y = ops.augment(np.ones((3000, 4, 6, 1)), **options)
    assert (y > 0).any(axis=(1, 2, 3)).all()


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    size=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    crop=st.none() | st.tuples(st.integers(1, 9), st.integers(1, 9)),
    padding=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    shift=st.tuples(st.integers(0, 7), st.integers(0, 7)),
    rotation=st.sampled_from([0.0, 5.0, 30.0, 90.0, 180.0]),
    low=st.sampled_from([0.3, 0.7, 1.0, 2.0]),
)
def test_what_is_accepted_never_empties_a_picture(size, crop, padding, shift, rotation, low):
    options = {"shift": shift, "rotation": rotation, "scale": (low, low)}
    if crop is not None:
        options |= {"crop": crop, "padding": padding}
    try:
        y = ops.augment(np.ones((500, *size, 1)), **options)
    except ValueError:
        return
    assert (y > 0).any(axis=(1, 2, 3)).all()


def test_not_a_picture():
    with pytest.raises(ValueError, match=r"^\[Augmentation\] expected input of rank 4"):
        ops.augment(np.zeros((2, 5)), shift=1)
    graph = _core.Graph((2**28, 2, 1))
    with pytest.raises(ValueError, match=r"268435456x2 with scale 0\.5 is larger than"):
        graph.augment(graph.input, scale=(0.5, 1.0))
