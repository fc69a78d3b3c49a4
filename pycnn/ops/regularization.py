"""Part of `pycnn.ops`: what is random in training."""

from __future__ import annotations

import numpy.typing as npt

from pycnn import _core
from pycnn.ops._single_layer import (
    AddLayer,
    Array,
    as_float32,
    as_number,
    as_numpy,
    build,
)


def dropout(x: npt.ArrayLike, rate: float, seed: int = 0) -> Array:
    """Inverted dropout as in a first training step: 0 for a random share `rate`, else scaled.

    What is kept is x / (1 - rate) (Srivastava et al., JMLR 15, 2014). Element e of image i goes by
    word e % 4 of Philox4x32-10 with key `seed` and counter (i * ceil(elements / 4) + e / 4,
    stream), stream 2^62 + 2^40 * node + step with node and step 0 here; it is kept when the word
    is at least rate * 2^32.

    Args:
        x: (batch, ...).
        rate: at least 0, below 1; 0 changes nothing.
        seed: of the mask, at least 0.

    Raises:
        ValueError: the rate is out of its range, the batch is empty.
    """
    array = as_float32(x)
    network = build("Dropout", array, _dropout_layer(rate), [], seed)
    return as_numpy(network.predict([_core.Tensor(array)], len(array), training=True)[0])


def dropout_backward(dy: npt.ArrayLike, x: npt.ArrayLike, rate: float, seed: int = 0) -> Array:
    """Gradient of `dropout`: dy / (1 - rate) where x was kept, else 0. Only x's shape matters."""
    array = as_float32(x)
    network = build("Dropout", array, _dropout_layer(rate), [], seed)
    upstream = _core.Tensor(as_float32(dy))
    return as_numpy(network.backward([_core.Tensor(array)], [upstream], training=True)[0][0])


def _dropout_layer(rate: float) -> AddLayer:
    return lambda graph, value: graph.dropout(value, rate=as_number(rate, "Dropout", "rate"))
