"""Drawn digits: like MNIST to a network, without a download."""

import numpy as np
import numpy.typing as npt

from pycnn._checks import positive_int

Array = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_SIZE = 28
_CHUNK = 256

# Strokes of each digit as points x,y in a square of 100, x to the right, y down; "/" lifts the pen.
_DIGITS = (
    "50,8 30,18 22,50 30,82 50,92 70,82 78,50 70,18 50,8",
    "34,26 54,8 54,92",
    "24,28 32,13 50,8 70,16 72,36 54,60 24,90 78,90",
    "26,15 50,8 71,18 68,38 46,48 72,60 73,80 50,92 24,84",
    "58,8 20,64 82,64 / 62,38 62,92",
    "74,9 32,9 29,45 50,40 72,52 74,73 54,91 25,85",
    "68,11 43,28 28,58 31,82 50,92 70,82 71,63 53,53 31,64",
    "22,10 78,10 44,92",
    "50,8 31,18 34,38 66,58 72,78 50,92 28,78 34,58 66,38 69,18 50,8",
    "71,34 52,48 31,38 32,17 52,8 69,17 71,34 66,66 54,92",
)
_STROKES = [
    [
        np.array([point.split(",") for point in stroke.split()], np.float32) / 100 - 0.5
        for stroke in digit.split("/")
    ]
    for digit in _DIGITS
]


def synthetic_digits(n: int, seed: int = 0) -> tuple[Bytes, Bytes]:
    """Draws digits: strokes, moved, turned, sheared, scaled, of changing width, with noise.

    Args:
        n: number of images.
        seed: the same seed gives the same images.

    Returns:
        images uint8 ``(n, 28, 28)``, 0 to 255, and their labels uint8 ``(n,)``, 0 to 9.

    Raises:
        ValueError: `n` is below 1.
        TypeError: `n` or `seed` is no integer.
    """
    n = positive_int(n, "n")
    random = np.random.default_rng(positive_int(seed, "seed", minimum=0))
    labels = random.integers(0, 10, n).astype(np.uint8)
    images = np.empty((n, _SIZE, _SIZE), np.uint8)
    for digit in range(10):
        places = np.flatnonzero(labels == digit)
        for start in range(0, len(places), _CHUNK):
            chunk = places[start : start + _CHUNK]
            images[chunk] = _draw(digit, len(chunk), random)
    return images, labels


def _draw(digit: int, count: int, random: np.random.Generator) -> Bytes:
    """Draws one digit `count` times: ink where a stroke is nearer than half its width."""
    transform, centre = _transforms(count, random)
    width = random.uniform(0.8, 1.6, (count, 1)).astype(np.float32)
    distance = np.full((count, _SIZE * _SIZE), np.inf, np.float32)
    for points in _STROKES[digit]:
        bent = points + random.normal(0, 0.02, (count, *points.shape)).astype(np.float32)
        placed = (bent @ transform + centre).astype(np.float32, copy=False)
        for last in range(1, len(points)):
            np.minimum(distance, _distance(placed[:, last - 1], placed[:, last]), out=distance)
    ink = np.clip(width + 0.5 - distance, 0, 1) * random.uniform(180, 255, (count, 1))
    noisy = np.clip(ink + random.normal(0, 12, ink.shape), 0, 255)
    images: Bytes = noisy.astype(np.uint8).reshape(count, _SIZE, _SIZE)
    return images


def _transforms(count: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Returns matrices ``(count, 2, 2)`` and centres ``(count, 1, 2)``, in pixels."""
    angle = random.uniform(-0.25, 0.25, count)
    shear = random.uniform(-0.2, 0.2, count)
    scale = random.uniform(17, 22, (2, count))
    cos, sin = np.cos(angle), np.sin(angle)
    rows = [[scale[0] * cos, scale[0] * sin], [scale[1] * (shear - sin), scale[1] * cos]]
    centre = _SIZE / 2 - 0.5 + random.uniform(-2, 2, (count, 1, 2))
    return np.array(rows).transpose(2, 0, 1).astype(np.float32), centre.astype(np.float32)


def _distance(start: Array, end: Array) -> Array:
    """Returns each pixel's distance to a segment, ``(count, 784)``; points ``(count, 2)``."""
    y, x = np.divmod(np.arange(_SIZE * _SIZE, dtype=np.float32), _SIZE)
    along = end - start
    from_x, from_y = x - start[:, :1], y - start[:, 1:]
    length = np.maximum((along * along).sum(axis=1, keepdims=True), 1e-6)
    t = np.clip((from_x * along[:, :1] + from_y * along[:, 1:]) / length, 0, 1)
    distance: Array = np.hypot(from_x - t * along[:, :1], from_y - t * along[:, 1:])
    return distance
