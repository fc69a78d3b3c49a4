"""Drawn figures: the lecture's X and O, and coloured shapes for networks that want pictures."""

import numpy as np
import numpy.typing as npt

from pycnn._checks import positive_int

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_SIDE = 9


def x_and_o(n: int, seed: int = 0, *, tricky: bool = True) -> tuple[Floats, Bytes]:
    """Draws crosses and rings on 9x9 pictures, as in the lecture: +1 on the figure, -1 elsewhere.

    Args:
        n: number of pictures.
        seed: the same seed gives the same pictures.
        tricky: shifted, scaled and turned figures; otherwise only the two plain ones.

    Returns:
        pictures float32 ``(n, 9, 9, 1)`` and labels uint8 ``(n,)``: 0 is X, 1 is O.

    Raises:
        ValueError: `n` is below 1.
        TypeError: `n` or `seed` is no integer.
    """
    n = positive_int(n, "n")
    random = np.random.default_rng(positive_int(seed, "seed", minimum=0))
    labels = random.integers(0, 2, n).astype(np.uint8)
    scale = random.uniform(0.65, 1.0, n) if tricky else np.ones(n)
    angle = random.uniform(-0.6, 0.6, n) if tricky else np.zeros(n)
    shift = random.uniform(-1.0, 1.0, (2, n)) if tricky else np.zeros((2, n))
    # Each pixel's place in the figure's own square, where the figure reaches from -1 to 1.
    rows, columns = np.mgrid[0:_SIDE, 0:_SIDE] - (_SIDE - 1) / 2
    y = rows[None] - shift[0, :, None, None]
    x = columns[None] - shift[1, :, None, None]
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    reach = 3.0 * scale[:, None, None]
    u, v = (cos * x + sin * y) / reach, (cos * y - sin * x) / reach
    inside = np.maximum(abs(u), abs(v)) <= 1.15
    cross = inside & (np.minimum(abs(u - v), abs(u + v)) <= 0.9 / reach)
    ring = abs(np.hypot(u, v) - 1.0) <= 0.75 / reach
    figure = np.where((labels == 0)[:, None, None], cross, ring)
    return np.where(figure, 1.0, -1.0).astype(np.float32)[..., None], labels


def coloured_shapes(n: int, seed: int = 0, *, size: int = 32) -> tuple[Bytes, Bytes]:
    """Draws ten kinds of coloured shapes on noisy grounds, for networks made for photographs.

    The kinds: disc, ring, square, frame, diamond, plus, cross, rows, columns, checkers.

    Args:
        n: number of pictures.
        seed: the same seed gives the same pictures.
        size: height and width in pixels, at least 16.

    Returns:
        pictures uint8 ``(n, size, size, 3)`` and labels uint8 ``(n,)``, 0 to 9.

    Raises:
        ValueError: `n` is below 1 or `size` below 16.
        TypeError: an argument is no integer.
    """
    n = positive_int(n, "n")
    size = positive_int(size, "size", minimum=16)
    random = np.random.default_rng(positive_int(seed, "seed", minimum=0))
    labels = random.integers(0, 10, n).astype(np.uint8)
    pictures = np.empty((n, size, size, 3), np.uint8)
    for i, kind in enumerate(labels):
        mask = _shape(int(kind), size, random)
        ground, colour = random.uniform(0, 110, 3), random.uniform(140, 255, 3)
        picture = np.where(mask[..., None], colour, ground) + random.normal(0, 18, (size, size, 3))
        pictures[i] = np.clip(picture, 0, 255).astype(np.uint8)
    return pictures, labels


def _shape(kind: int, size: int, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Where the figure is; it fills 50 to 90 % of the picture's side, a little off the middle."""
    reach = random.uniform(0.25, 0.45) * size
    rows, columns = np.mgrid[0:size, 0:size] - (size - 1) / 2
    y = (rows - random.uniform(-0.08, 0.08) * size) / reach
    x = (columns - random.uniform(-0.08, 0.08) * size) / reach
    radius, edge = np.hypot(x, y), np.maximum(abs(x), abs(y))
    thin, stripe = 0.28, 2.5
    figures = (
        lambda: radius <= 1,
        lambda: abs(radius - 0.85) <= thin / 1.5,
        lambda: edge <= 0.9,
        lambda: (edge <= 1) & (edge >= 1 - thin),
        lambda: abs(x) + abs(y) <= 1,
        lambda: (edge <= 1) & (np.minimum(abs(x), abs(y)) <= thin),
        lambda: (edge <= 1) & (np.minimum(abs(x - y), abs(x + y)) <= thin * 1.4),
        lambda: (edge <= 1) & (np.sin(y * stripe * np.pi) > 0),
        lambda: (edge <= 1) & (np.sin(x * stripe * np.pi) > 0),
        lambda: (edge <= 1) & (np.sin(x * stripe * np.pi) * np.sin(y * stripe * np.pi) > 0),
    )
    return np.asarray(figures[kind](), dtype=np.bool_)
