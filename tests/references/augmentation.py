"""Part of `reference`: pictures moved, turned, scaled, mirrored and brightened at random.

The core follows each pixel of the result back by a formula. Here the picture's own way is written
down, one matrix for each move, and inverted; and a pixel sees all pixels of the picture, each with
a weight that falls to 0 at a distance of 1.
"""

import math

import numpy as np

from references.arrays import as_f32, as_f64
from references.regularization import philox4x32
from references.windows import pair


def augment_words(images, seed=0, node=0, step=0):
    """The eight random words of each image."""
    index = np.arange(2 * images, dtype=np.uint64)
    stream = 2**61 + node * 2**40 + step
    counter = (index % 2**32, index // 2**32, stream % 2**32, stream // 2**32)
    return philox4x32(counter, (seed % 2**32, seed // 2**32)).reshape(images, 8).tolist()


def moved_by(rows, columns):
    return np.array([[1.0, 0.0, rows], [0.0, 1.0, columns], [0.0, 0.0, 1.0]])


def augment_way(
    size, word, shift=0, padding=0, crop=None, horizontal_flip=False, rotation=0.0, scale=(1, 1)
):
    """Size of the result, and where a pixel (row, column, 1) of the picture goes in it."""
    out = size if crop is None else pair(crop)
    spread = math.radians(rotation)
    turn = spread * (2 * word[1] / 2**32 - 1)
    factor = scale[0] + (scale[1] - scale[0]) * word[2] / 2**32
    moves = [(2 * n + 1) * w // 2**32 - n for n, w in zip(pair(shift), word[3:5], strict=True)]
    windows = [
        (n + 2 * p - o + 1) * w // 2**32 - p
        for n, p, o, w in zip(size, pair(padding), out, word[5:7], strict=True)
    ]
    middle = [(n - 1) / 2 for n in size]
    mirror = np.diag([1.0, -1.0 if horizontal_flip and word[0] >= 2**31 else 1.0, 1.0])
    rotate = factor * np.array(
        [[math.cos(turn), math.sin(turn), 0], [-math.sin(turn), math.cos(turn), 0], [0, 0, 0]]
    )
    rotate[2, 2] = 1.0
    there, back = moved_by(-middle[0], -middle[1]), moved_by(*middle)
    return out, moved_by(-windows[0], -windows[1]) @ moved_by(*moves) @ (
        back @ rotate @ mirror @ there
    )


def augment_sources(size, out, way):
    """Where each pixel of the result comes from: rows and columns in the picture."""
    pixels = np.stack([*np.mgrid[: out[0], : out[1]].reshape(2, -1), np.ones(out[0] * out[1])])
    rows, columns, _ = np.linalg.inv(way) @ pixels
    return np.round(rows, 10), np.round(columns, 10)  # whole moves are whole


def augment_weights(shape, seed=0, node=0, step=0, reach=0.0, **options):
    """For each image: size of the result, weights (pixels of it, pixels of the picture).

    `reach`: so much farther than 1 a pixel still counts.
    """
    height, width = shape[1:3]
    for word in augment_words(shape[0], seed, node, step):
        out, way = augment_way((height, width), word, **options)
        rows, columns = augment_sources((height, width), out, way)
        by_row = np.maximum(0, 1 + reach - np.abs(rows[:, None] - np.arange(height)))
        by_column = np.maximum(0, 1 + reach - np.abs(columns[:, None] - np.arange(width)))
        yield out, (by_row[:, :, None] * by_column[:, None, :]).reshape(len(rows), -1)


def augment_brightness(images, brightness, seed=0, node=0, step=0):
    words = augment_words(images, seed, node, step)
    return [as_f32(as_f32(brightness) * (2 * word[7] / 2**32 - 1)) for word in words]


def augment(x, brightness=0.0, fill=0.0, seed=0, node=0, step=0, **options):
    x, fill = as_f64(x), as_f32(fill)
    y = []
    parts = augment_weights(x.shape, seed, node, step, **options)
    light = augment_brightness(len(x), brightness, seed, node, step)
    for picture, (out, weights), more in zip(x, parts, light, strict=True):
        flat = picture.reshape(-1, x.shape[3])
        outside = 1 - weights.sum(axis=1, keepdims=True)
        y.append((weights @ flat + outside * fill + more).reshape(*out, -1))
    return np.stack(y)


def augment_backward(dy, x, brightness=0.0, fill=0.0, seed=0, **options):
    dy, shape = as_f64(dy), np.shape(x)
    parts = augment_weights(shape, seed, **options)
    dx = [w.T @ d.reshape(-1, shape[3]) for d, (_, w) in zip(dy, parts, strict=True)]
    return np.stack(dx).reshape(shape)
