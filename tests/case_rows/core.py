"""Rows of `cases`: the fully connected layer."""

from case_rows.case import BATCHES, Case


def dense(batch, features, units, use_bias=True) -> Case:
    def make(rng, draw):
        arrays = {"x": draw((batch, features)), "kernel": draw((features, units))}
        return arrays | ({"bias": draw((units,))} if use_bias else {})

    label = f"{batch}x{features}-to{units}{'' if use_bias else '-nobias'}"
    return Case("dense", label, make)


def dense_cases() -> list[Case]:
    sizes = [(1, 1), (1, 10), (3, 33), (17, 1), (17, 17), (16, 16), (84, 10), (120, 84), (400, 120)]
    return [
        *(dense(batch, *size) for batch in BATCHES for size in sizes),
        dense(15, 33, 31, use_bias=False),
        dense(100, 784, 10, use_bias=False),  # the lecture's one-layer network
    ]
