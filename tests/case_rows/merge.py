"""Rows of `cases`: ops with several inputs."""

from case_rows.case import SHAPES, Case


def add(shape) -> Case:
    make = lambda rng, draw: {"a": draw(shape), "b": draw(shape)}  # noqa: E731
    return Case("add", "x".join(map(str, shape)), make)


def concatenate(shape, lengths, axis=-1) -> Case:
    """`lengths` of the arrays along `axis`; their other sizes are those of `shape`."""

    def make(rng, draw):
        arrays = {}
        for name, length in zip("abc", lengths, strict=False):
            sizes = list(shape)
            sizes[axis] = length
            arrays[name] = draw(tuple(sizes))
        return arrays

    label = f"{'x'.join(map(str, shape))}-{'and'.join(map(str, lengths))}-axis{axis}"
    return Case("concatenate", label, make, {"axis": axis})


def merge_cases() -> list[Case]:
    return [
        *(add(shape) for shape in [*SHAPES, (33, 5, 5, 3)]),
        concatenate((1, 1), (2, 3)),
        concatenate((15, 4, 3, 1), (3, 1, 17)),
        concatenate((16, 4, 3, 5), (2, 3, 1), axis=2),
        concatenate((17, 4, 3, 5), (1, 4), axis=1),
        concatenate((33, 4, 3, 5), (1, 4), axis=-3),
        concatenate((64, 3, 2), (6, 2, 1), axis=2),
        concatenate((64, 3, 2), (2, 2), axis=1),
        concatenate((17, 2, 3, 2, 5), (1, 2), axis=1),  # rank 5: the first axis
        concatenate((3, 2, 3, 2, 5), (1, 2), axis=3),
        concatenate((2, 7, 7, 1), (64, 128, 32)),  # GoogLeNet's kind
    ]
