"""Rows of `cases`: pooling."""

import numpy as np
import reference

from case_rows.case import BATCHES, Case, name_of


def pool(op, batch, shape, pool_size=2, strides=None, padding="valid") -> Case:
    """A row of max_pool2d or avg_pool2d; small integers give the maximum many ties."""
    options = {"pool_size": pool_size, "strides": strides, "padding": padding}
    counts = reference.pool_counts((1, *shape), **options).astype(int)
    halved = bool(np.all(counts & (counts - 1) == 0))  # dividing by a power of two is exact
    label = (
        f"{batch}x{'x'.join(map(str, shape))}-w{name_of(pool_size)}"
        f"-s{name_of(pool_size if strides is None else strides)}-{padding}".replace(" ", "")
    )
    return Case(
        op,
        label,
        lambda rng, draw: {"x": draw((batch, *shape))},
        options,
        exact=halved or op == "max_pool2d",
    )


def pool_cases(op: str) -> list[Case]:
    windows = [
        (2, None),
        (3, None),
        (1, None),
        (1, 2),  # stride larger than the window: some pixels are never seen
        (2, 1),
        (3, 1),
        (3, 2),  # AlexNet's overlapping windows
        (2, 3),
        ((2, 3), None),
        ((3, 2), (1, 2)),
        ((1, 4), (2, 1)),
        (5, 2),
    ]
    shapes = [(5, 5, 1), (7, 6, 3), (9, 8, 6), (6, 11, 17)]
    cases = [
        pool(op, BATCHES[(i + j) % 5], shape, size, strides, padding)
        for i, (size, strides) in enumerate(windows)
        for j, shape in enumerate(shapes)
        for padding in ("valid", "same")
    ]
    return [
        *cases,
        pool(op, 17, (28, 28, 6)),
        pool(op, 64, (10, 10, 16)),
        pool(op, 3, (7, 7, 33), 7, 1),  # global pooling
        pool(op, 2, (2, 3, 3), 5, 1, "same"),  # a window larger than the image
        pool(op, 1, (1, 1, 1), 1),
        pool(op, 1, (31, 33, 17), 3, 2, "same"),
        pool(op, 15, (5, 6, 3), 3, 2, ((1, 1), (1, 1))),  # GoogLeNet's
        pool(op, 17, (4, 5, 6), (2, 3), 1, ((0, 1), (2, 0))),
        pool(op, 16, (2, 2, 1), 4, 3, ((3, 2), (1, 3))),
    ]


def global_pool(op, batch, shape, keepdims=False) -> Case:
    places = shape[0] * shape[1]
    label = f"{batch}x{'x'.join(map(str, shape))}{'-keepdims' if keepdims else ''}"
    return Case(
        op,
        label,
        lambda rng, draw: {"x": draw((batch, *shape))},
        {"keepdims": keepdims},
        exact=places & (places - 1) == 0 or op == "global_max_pool2d",
    )


def global_pool_cases(op: str) -> list[Case]:
    shapes = [(1, 1, 1), (2, 2, 3), (7, 7, 17), (4, 8, 33), (5, 3, 8), (16, 16, 24), (1, 9, 25)]
    return [
        global_pool(op, (*BATCHES, 33)[i % 6], shape, keepdims)
        for i, shape in enumerate(shapes)
        for keepdims in (False, True)
    ]
