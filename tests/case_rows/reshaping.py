"""Rows of `cases`: zeros around an image, other shapes, other orders of the axes."""

import itertools

from case_rows.case import BATCHES, Case


def zero_pad(batch, shape, padding) -> Case:
    label = f"{batch}x{'x'.join(map(str, shape))}-{padding}".replace(" ", "")
    make = lambda rng, draw: {"x": draw((batch, *shape))}  # noqa: E731
    return Case("zero_pad2d", label, make, {"padding": padding})


def moved(op, sizes, **options) -> Case:
    """A row of reshape or permute; `sizes` with the batch."""
    label = "-".join("x".join(map(str, each)) for each in (sizes, *options.values()))
    return Case(op, label, lambda rng, draw: {"x": draw(sizes)}, options)


def shape_cases() -> list[Case]:
    pads = [0, 1, (2, 0), (0, 3), ((1, 0), (0, 2)), ((0, 4), (3, 1))]
    cases = [
        zero_pad((*BATCHES, 33)[(i + j) % 6], shape, padding)
        for i, padding in enumerate(pads)
        for j, shape in enumerate([(1, 1, 1), (3, 4, 3), (5, 2, 17)])
    ]
    cases += [
        moved("reshape", (1, 6), shape=(2, 3)),
        moved("reshape", (15, 12), shape=(-1, 2, 3)),
        moved("reshape", (16, 4, 5, 3), shape=(10, -1)),
        moved("reshape", (17, 784), shape=(28, 28, 1)),
        moved("reshape", (33, 2, 3, 4), shape=(24,)),
        moved("reshape", (64, 3, 4), shape=(1, 2, 2, 3, 1)),
    ]
    return [
        *cases,
        moved("permute", (1, 5), dims=(1,)),
        moved("permute", (15, 3, 4), dims=(2, 1)),
        *(
            moved("permute", (batch, 4, 5, 3), dims=dims)
            for batch, dims in zip((*BATCHES, 33), itertools.permutations((1, 2, 3)), strict=True)
        ),
        moved("permute", (17, 2, 3, 4, 5), dims=(4, 2, 1, 3)),
        moved("permute", (3, 2, 1, 3, 2, 2), dims=(3, 5, 1, 2, 4)),
    ]
