"""Part of `reference`: one step of an optimizer."""

import numpy as np

from references.arrays import as_f64


def sgd(
    parameter,
    gradient,
    velocity=None,
    learning_rate=0.01,
    momentum=0.0,
    nesterov=False,
    weight_decay=0.0,
):
    w, g = as_f64(parameter), as_f64(gradient)
    v = np.zeros_like(w) if velocity is None else as_f64(velocity)
    w = w - learning_rate * weight_decay * w
    v = momentum * v - learning_rate * g
    return (w + momentum * v - learning_rate * g if nesterov else w + v), v


def adam(
    parameter,
    gradient,
    state=None,
    step=1,
    learning_rate=0.001,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-7,
    amsgrad=False,
    weight_decay=0.0,
):
    """As in the paper: Keras's epsilon is corrected along."""
    w, g = as_f64(parameter), as_f64(gradient)
    arrays = np.zeros((3 if amsgrad else 2, *w.shape)) if state is None else as_f64(state)
    w = w * (1 - learning_rate * weight_decay)
    m = beta_1 * arrays[0] + (1 - beta_1) * g
    v = beta_2 * arrays[1] + (1 - beta_2) * g**2
    new = [m, v, np.maximum(v, arrays[2])] if amsgrad else [m, v]
    correction = np.sqrt(1 - beta_2**step)
    root = np.sqrt(new[-1]) / correction
    w = w - learning_rate * m / (1 - beta_1**step) / (root + epsilon / correction)
    return w, np.stack(new)


def rmsprop(
    parameter,
    gradient,
    state=None,
    learning_rate=0.001,
    rho=0.9,
    momentum=0.0,
    epsilon=1e-7,
    centered=False,
    weight_decay=0.0,
):
    w, g = as_f64(parameter), as_f64(gradient)
    count = 1 + bool(centered) + (momentum > 0)
    arrays = list(np.zeros((count, *w.shape)) if state is None else as_f64(state))
    new = [rho * arrays[0] + (1 - rho) * g**2]
    variance = new[0]
    if centered:
        new.append(rho * arrays[1] + (1 - rho) * g)
        variance = np.maximum(variance - new[1] ** 2, 0.0)
    change = learning_rate * g / np.sqrt(variance + epsilon)
    if momentum > 0:
        change = momentum * arrays[-1] + change
        new.append(change)
    return w * (1 - learning_rate * weight_decay) - change, np.stack(new)
