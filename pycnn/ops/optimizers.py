"""Part of `pycnn.ops`: one step of an optimizer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycnn import _core
from pycnn.ops._single_layer import (
    Array,
    as_flag,
    as_float32,
    as_int,
    as_number,
    as_numpy,
)


def sgd(
    parameter: npt.ArrayLike,
    gradient: npt.ArrayLike,
    velocity: npt.ArrayLike | None = None,
    learning_rate: float = 0.01,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> tuple[Array, Array]:
    """One step of stochastic gradient descent by Keras's rule: (new parameter, new velocity).

    w <- w - rate * decay * w; v <- momentum * v - rate * g; then w <- w + v, or with Nesterov
    w <- w + momentum * v - rate * g. The three arrays have one shape; velocity None means zeros.

    Raises:
        ValueError: momentum outside [0, 1), Nesterov without momentum, a negative decay, shapes
            that differ.
    """
    speed = None if velocity is None else as_float32(velocity, "velocity")[np.newaxis]
    rule = _core.SGD(
        momentum=as_number(momentum, "SGD", "momentum"),
        nesterov=as_flag(nesterov, "SGD", "nesterov"),
        weight_decay=as_number(weight_decay, "SGD", "weight_decay"),
    )
    weights, state = _update(rule, 1, parameter, gradient, speed, learning_rate, 1)
    return weights, state[0]


def adam(
    parameter: npt.ArrayLike,
    gradient: npt.ArrayLike,
    state: npt.ArrayLike | None = None,
    step: int = 1,
    learning_rate: float = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    amsgrad: bool = False,
    weight_decay: float = 0.0,
) -> tuple[Array, Array]:
    """One step of Adam by Keras's rule, with a decay that of AdamW: (new parameter, new state).

    w <- w - rate * decay * w; m <- m + (1 - beta_1) * (g - m); v <- v + (1 - beta_2) * (g^2 - v);
    w <- w - rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon).
    Sources: Kingma and Ba (2015); Loshchilov and Hutter (2019).

    Args:
        parameter: w, of any shape.
        gradient: g, of the same shape.
        state: (2, *shape): m and v; with amsgrad (3, *shape), the largest v so far for the third,
            which then takes the place of v in the step. None means zeros.
        step: t, from 1.
        learning_rate: the rate.
        beta_1: in [0, 1).
        beta_2: in [0, 1).
        epsilon: positive.
        amsgrad: see state.
        weight_decay: not negative.

    Raises:
        ValueError: an option out of its range, shapes that do not agree.
    """
    rule = _core.Adam(
        beta_1=as_number(beta_1, "Adam", "beta_1"),
        beta_2=as_number(beta_2, "Adam", "beta_2"),
        epsilon=as_number(epsilon, "Adam", "epsilon"),
        amsgrad=as_flag(amsgrad, "Adam", "amsgrad"),
        weight_decay=as_number(weight_decay, "Adam", "weight_decay"),
    )
    return _update(rule, 3 if amsgrad else 2, parameter, gradient, state, learning_rate, step)


def rmsprop(
    parameter: npt.ArrayLike,
    gradient: npt.ArrayLike,
    state: npt.ArrayLike | None = None,
    learning_rate: float = 0.001,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
    centered: bool = False,
    weight_decay: float = 0.0,
) -> tuple[Array, Array]:
    """One step of RMSprop by Keras's rule: (new parameter, new state).

    w <- w - rate * decay * w; v <- rho * v + (1 - rho) * g^2; s = rate * g / sqrt(v + epsilon);
    then w <- w - s, or with momentum b <- momentum * b + s; w <- w - b. Centered: with
    a <- rho * a + (1 - rho) * g, max(v - a^2, 0) takes the place of v in the root.
    Sources: Tieleman and Hinton (2012); Graves (2013).

    Args:
        parameter: w, of any shape.
        gradient: g, of the same shape.
        state: (arrays, *shape): v, then a if centered, then b with momentum. None means zeros.
        learning_rate: the rate.
        rho: in [0, 1).
        momentum: in [0, 1).
        epsilon: positive.
        centered: see above.
        weight_decay: not negative.

    Raises:
        ValueError: an option out of its range, shapes that do not agree.
    """
    rule = _core.RMSprop(
        rho=as_number(rho, "RMSprop", "rho"),
        momentum=as_number(momentum, "RMSprop", "momentum"),
        epsilon=as_number(epsilon, "RMSprop", "epsilon"),
        centered=as_flag(centered, "RMSprop", "centered"),
        weight_decay=as_number(weight_decay, "RMSprop", "weight_decay"),
    )
    arrays = 1 + rule.centered + (rule.momentum != 0)
    return _update(rule, arrays, parameter, gradient, state, learning_rate, 1)


def _update(
    rule: _core.SGD | _core.Adam | _core.RMSprop,
    arrays: int,
    parameter: npt.ArrayLike,
    gradient: npt.ArrayLike,
    state: npt.ArrayLike | None,
    learning_rate: float,
    step: int,
) -> tuple[Array, Array]:
    """A step of any rule; `state` None is so many arrays of zeros."""
    weights = as_float32(parameter, "parameter")
    before = np.zeros((arrays, *weights.shape)) if state is None else state
    new_parameter, new_state = _core.update_parameter(
        rule,
        _core.Tensor(weights),
        _core.Tensor(as_float32(gradient, "gradient")),
        _core.Tensor(as_float32(before, "state")),
        as_number(learning_rate, "optimizer", "learning_rate"),
        as_int(step, "optimizer", "step"),
    )
    return as_numpy(new_parameter), as_numpy(new_state)
