"""Rows of `cases`: one step of an optimizer."""

import numpy as np

from case_rows.case import Case


def sgd(shape, exact=False, velocity=True, **options) -> Case:
    def make(rng, draw):
        arrays = {"parameter": draw(shape), "gradient": draw(shape)}
        return arrays | ({"velocity": draw(shape)} if velocity else {})

    label = "x".join(map(str, shape)) + "".join(f"-{k}{v:g}" for k, v in options.items())
    return Case("sgd", label + ("" if velocity else "-start"), make, options, exact)


def sgd_cases() -> list[Case]:
    return [
        sgd((7,), exact=True, velocity=False, learning_rate=0.5),
        sgd((3, 3, 6, 17), exact=True, learning_rate=0.5, momentum=0.5),
        sgd((5, 4), exact=True, learning_rate=0.25, momentum=0.5, nesterov=True),
        sgd((33,), exact=True, learning_rate=0.5, momentum=0.75, weight_decay=0.25),
        sgd((16,), velocity=False),
        sgd((1,), learning_rate=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4),
        sgd((100, 37), learning_rate=0.1, momentum=0.9),
    ]


def adaptive(op, shape, arrays=0, **options) -> Case:
    """A row of adam or rmsprop; `arrays` of state, 0 for the first step.

    A mean square that has seen gradients is no smaller than the square of the mean, and rounding
    must not decide between them: see the bound.
    """

    def make(rng, draw):
        drawn = {"parameter": draw(shape), "gradient": draw(shape)}
        if arrays == 0:
            return drawn
        state = np.stack([draw(shape) for _ in range(arrays)])
        squares = slice(1, None) if op == "adam" else slice(0, 1)
        state[squares] = state[squares] ** 2 + 1.5
        if op == "rmsprop":
            state[1:] *= 0.25
        return drawn | {"state": state}

    label = "x".join(map(str, shape)) + "".join(f"-{k}{v:g}" for k, v in options.items())
    return Case(op, label + ("" if arrays else "-start"), make, options, exact=False)


def adaptive_cases() -> list[Case]:
    return [
        adaptive("adam", (7,)),
        adaptive("adam", (3, 3, 6, 17), 2, step=5),
        adaptive("adam", (33,), 2, step=1000, learning_rate=0.05, weight_decay=0.004),
        adaptive("adam", (5, 4), 3, step=17, amsgrad=True),
        adaptive("adam", (16,), 2, step=2, beta_1=0.5, beta_2=0.75, epsilon=0.1),
        adaptive("rmsprop", (7,)),
        adaptive("rmsprop", (3, 3, 6, 17), 1),
        adaptive("rmsprop", (33,), 2, momentum=0.9, learning_rate=0.05),
        adaptive("rmsprop", (5, 4), 2, centered=True, weight_decay=0.01),
        adaptive("rmsprop", (16,), 3, centered=True, momentum=0.5, rho=0.75, epsilon=0.01),
    ]
