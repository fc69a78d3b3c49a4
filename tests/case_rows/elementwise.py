"""Rows of `cases`: ops that take an array of any shape."""

import numpy as np

from case_rows.case import SHAPES, Case


def unary(op, shape, factor=1.0, exact=True, **options) -> Case:
    label = "x".join(map(str, shape)) + ("" if factor == 1.0 else f"-times{factor:g}")
    label += "".join(f"-{name}{value:g}" for name, value in options.items())
    scale = np.float32(factor)
    return Case(op, label, lambda rng, draw: {"x": draw(shape) * scale}, options, exact)


def unary_cases() -> list[Case]:
    cases = [unary(op, shape) for op in ("relu", "flatten") for shape in SHAPES]
    for op in ("sigmoid", "tanh", "softmax"):  # far out, too: an overflow of exp would show
        cases += [unary(op, shape, exact=False) for shape in SHAPES]
        cases += [unary(op, (17, 12), factor, exact=False) for factor in (1e-4, 30.0, 1000.0)]
    for options in ({}, {"negative_slope": 0.5}, {"negative_slope": 0.0}, {"negative_slope": 2.0}):
        exact = bool(options)  # the default, 0.2, is no binary fraction
        cases += [unary("leaky_relu", shape, exact=exact, **options) for shape in SHAPES]
    for op, choices in (
        ("elu", ({}, {"alpha": 0.3}, {"alpha": 0.0}, {"alpha": 2.0})),
        ("gelu", ({}, {"approximate": True})),
    ):
        for options in choices:
            cases += [unary(op, shape, exact=False, **options) for shape in SHAPES]
            cases += [
                unary(op, (17, 12), factor, exact=False, **options)
                for factor in (1e-4, 3.0, 30.0, 1000.0)
            ]
    cases += [unary("rescale", shape, scale=0.5, offset=-2.0) for shape in SHAPES]
    cases += [unary("rescale", (16, 4, 4, 3), exact=False, scale=1 / 255, offset=0.1)]
    return [*cases, unary("rescale", (2, 5), scale=3.0)]


def dropout_cases() -> list[Case]:
    cases = [unary("dropout", shape, rate=0.5) for shape in SHAPES]
    for rate in (0.0, 0.25, 0.1, 0.9, 0.999):
        exact = rate in (0.0, 0.5)
        cases += [unary("dropout", (17, 3, 7), exact=exact, rate=rate, seed=3)]
        cases += [unary("dropout", (64, 33), exact=exact, rate=rate, seed=2**64 - 1)]
    return cases
