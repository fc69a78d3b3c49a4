"""Rows of `cases`: batch normalization and local response normalization."""

import numpy as np

from case_rows.case import SHAPES, Case
from case_rows.elementwise import unary


def batch_norm(shape, training, gamma=True, beta=True, offset=0.0, **options) -> Case:
    """A row of batch normalization; `offset` moves x away from 0, where rounding shows."""

    def make(rng, draw):
        channels = shape[-1:]
        arrays = {"x": draw(shape) + np.float32(offset)}
        if gamma:
            arrays["gamma"] = draw(channels)
        if beta:
            arrays["beta"] = draw(channels)
        if not training:
            arrays["mean"] = draw(channels) + np.float32(offset)
            arrays["variance"] = rng.uniform(0.1, 3.0, channels).astype(np.float32)
        return arrays

    label = "x".join(map(str, shape)) + ("" if gamma else "-nogamma") + ("" if beta else "-nobeta")
    label += f"-from{offset:g}" if offset else ""
    label += "".join(f"-{name}{value:g}" for name, value in options.items())
    op = "batch_normalization_training" if training else "batch_normalization"
    return Case(op, label, make, options, exact=False)


def batch_norm_cases() -> list[Case]:
    shapes = [(1, 4), (15, 3), (16, 17), (17, 4, 5, 6), (33, 3, 3, 16), (64, 2, 2, 33)]
    shapes += [(3, 7, 6, 65), (1, 5, 5, 1), (2, 4, 3, 5), (48, 1, 1, 7), (5, 2, 3, 2, 4)]
    return [
        *(batch_norm(shape, training) for shape in shapes for training in (False, True)),
        *(batch_norm((17, 4, 4, 3), t, offset=30.0) for t in (False, True)),
        *(batch_norm((17, 4, 4, 3), t, epsilon=0.5) for t in (False, True)),
        *(batch_norm((15, 3, 2, 9), t, gamma=False) for t in (False, True)),
        *(batch_norm((15, 3, 2, 9), t, beta=False) for t in (False, True)),
        *(batch_norm((31, 9), t, gamma=False, beta=False) for t in (False, True)),
    ]


def local_response_cases() -> list[Case]:
    op = "local_response_norm"
    strong = {"alpha": 0.5, "beta": 0.75}  # the defaults leave numbers near 1 almost alone
    cases = [unary(op, shape, exact=False, **strong) for shape in SHAPES]
    cases += [unary(op, (16, 3, 3, 17), 100.0, exact=False)]  # AlexNet's, on large activations
    for n in (1, 2, 3, 4, 7, 40):  # 40: more than there are channels
        cases.append(unary(op, (15, 2, 3, 9), exact=False, n=n, **strong))
    cases += [unary(op, (2, 2, 3), 1e-4, exact=False, k=1e-3, **strong)]
    for beta in (0.5, 1.0, -1.0, 3.0):
        cases.append(unary(op, (3, 5, 6), exact=False, k=1.0, alpha=0.25, beta=beta))
    return cases
