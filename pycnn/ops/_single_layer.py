"""Behind `pycnn.ops`: networks of one layer, and the conversion of what they are given."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Sequence
from typing import SupportsIndex, TypeAlias

import numpy as np
import numpy.typing as npt

from pycnn import _arrays, _core

Array: TypeAlias = npt.NDArray[np.float32]
Size: TypeAlias = int | Sequence[int]
Padding: TypeAlias = str | Sequence[Sequence[int]]
AddLayer: TypeAlias = Callable[[_core.Graph, int], int]
MergeLayers: TypeAlias = Callable[[_core.Graph, Sequence[int]], int]


def build(
    op: str, x: Array, add: AddLayer, parameters: Sequence[Array], seed: int = 0
) -> _core.Network:
    _check_batch(op, x)
    graph = _core.Graph(x.shape[1:])
    network = _core.Network(graph, [add(graph, graph.input)], as_seed(seed, op))
    for index, value in enumerate(parameters):
        network.set_parameter(index, _core.Tensor(value))
    return network


def forward(
    op: str, x: Array, add: AddLayer, parameters: Sequence[Array] = (), training: bool = False
) -> Array:
    network = build(op, x, add, parameters)
    return as_numpy(network.predict([_core.Tensor(x)], len(x), training)[0])


def backward(
    op: str,
    dy: npt.ArrayLike,
    x: Array,
    add: AddLayer,
    parameters: Sequence[Array] = (),
    training: bool = False,
) -> tuple[Array, list[Array]]:
    network = build(op, x, add, parameters)
    dx, gradients = network.backward(
        [_core.Tensor(x)], [_core.Tensor(as_float32(dy, "dy"))], training
    )
    return as_numpy(dx[0]), [as_numpy(gradient) for gradient in gradients]


def forward_of_many(op: str, xs: Sequence[Array], merge: MergeLayers) -> Array:
    """Forward for ops with several inputs."""
    network = _build_of_many(op, xs, merge)
    return as_numpy(network.predict([_core.Tensor(x) for x in xs], len(xs[0]))[0])


def backward_of_many(
    op: str, dy: npt.ArrayLike, xs: Sequence[Array], merge: MergeLayers
) -> tuple[Array, ...]:
    network = _build_of_many(op, xs, merge)
    tensors = [_core.Tensor(x) for x in xs]
    gradients, _ = network.backward(tensors, [_core.Tensor(as_float32(dy, "dy"))])
    return tuple(as_numpy(gradient) for gradient in gradients)


def _build_of_many(op: str, xs: Sequence[Array], merge: MergeLayers) -> _core.Network:
    graph = _core.Graph()
    for x in xs:
        _check_batch(op, x)
        if len(x) != len(xs[0]):
            raise ValueError(f"[{op}] the batches differ: {len(xs[0])} and {len(x)} images")
    values = [graph.add_input(x.shape[1:]) for x in xs]
    return _core.Network(graph, [merge(graph, values)], 0)


def _check_batch(op: str, x: Array) -> None:
    if x.ndim < 2:
        raise ValueError(f"[{op}] expected a batch: shape (batch, ...); received shape {x.shape}")
    if x.size == 0:
        raise ValueError(f"[{op}] no data; received shape {x.shape}")


def elementwise(op: str, x: npt.ArrayLike, add: AddLayer) -> Array:
    """Forward for ops that take arrays of any shape."""
    array = as_float32(x)
    return forward(op, as_batch(array), add).reshape(array.shape)


def elementwise_backward(op: str, dy: npt.ArrayLike, x: npt.ArrayLike, add: AddLayer) -> Array:
    array, upstream = as_float32(x), as_float32(dy, "dy")
    if upstream.shape != array.shape:
        raise ValueError(f"[{op}] dy has shape {upstream.shape}, x has {array.shape}")
    return backward(op, as_batch(upstream), as_batch(array), add)[0].reshape(array.shape)


def as_float32(value: npt.ArrayLike, name: str = "x") -> Array:
    return _arrays.float32(value, name)


def as_kernel(value: npt.ArrayLike, rank: int, op: str) -> Array:
    kernel = as_float32(value, "kernel")
    if kernel.ndim != rank:
        wanted = "(height, width, in, out)" if rank == 4 else "(in, out)"
        raise ValueError(f"[{op}] kernel must be {wanted}; received shape {kernel.shape}")
    return kernel


def as_pair(value: Size, op: str, name: str) -> tuple[int, int]:
    try:
        if not isinstance(value, Sequence):
            return _index(value), _index(value)
        first, second = (_index(number) for number in value)
    except (TypeError, ValueError):
        raise ValueError(
            f"[{op}] {name} must be an integer or a pair of integers, below 2^31; got {value!r}"
        ) from None
    return first, second


def as_int(value: int, op: str, name: str) -> int:
    try:
        return _index(value)
    except (TypeError, ValueError):
        raise ValueError(f"[{op}] {name} must be an integer, below 2^31; got {value!r}") from None


def as_number(value: float, op: str, name: str) -> float:
    if not isinstance(value, (bool, str, bytes)):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            return float(value)
    raise ValueError(f"[{op}] {name} must be a number; got {value!r}")


def as_flag(value: bool, op: str, name: str) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise ValueError(f"[{op}] {name} must be True or False; got {value!r}")


def as_seed(value: int, op: str) -> int:
    with contextlib.suppress(TypeError):
        seed = operator.index(value)
        if 0 <= seed < 2**64:
            return seed
    raise ValueError(f"[{op}] seed must be an integer from 0 to 2^64 - 1; got {value!r}")


def as_padding(padding: Padding, op: str) -> str | tuple[tuple[int, int], tuple[int, int]]:
    if isinstance(padding, str):
        return padding
    try:
        (top, bottom), (left, right) = ((_index(n) for n in pair) for pair in padding)
    except (TypeError, ValueError):
        raise ValueError(
            f"[{op}] padding must be 'valid', 'same' or ((top, bottom), (left, right)), numbers "
            f"below 2^31; got {padding!r}"
        ) from None
    return (top, bottom), (left, right)


def as_sides(
    padding: int | Sequence[int] | Sequence[Sequence[int]], op: str
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Padding of all four sides from one number, (vertical, horizontal) or two pairs."""
    try:
        sides = padding if isinstance(padding, Sequence) else (padding, padding)
        vertical, horizontal = (as_pair(side, op, "padding") for side in sides)
    except (TypeError, ValueError):
        raise ValueError(
            f"[{op}] padding must be an integer, (vertical, horizontal) or ((top, bottom), "
            f"(left, right)), numbers below 2^31; got {padding!r}"
        ) from None
    return vertical, horizontal


def as_integers(value: Sequence[int], op: str, name: str) -> tuple[int, ...]:
    try:
        return tuple(_index(number) for number in value)
    except (TypeError, ValueError):
        raise ValueError(
            f"[{op}] {name} must be a list of integers, below 2^31; got {value!r}"
        ) from None


def _index(number: SupportsIndex) -> int:
    """An int that the core can take (32 bits there)."""
    value = operator.index(number)
    if not -(2**31) <= value < 2**31:
        raise ValueError
    return value


def as_batch(x: Array) -> Array:
    """Any shape as one that a layer takes, the last axis kept: softmax runs over it."""
    if x.size == 0 or 2 <= x.ndim <= 4:
        return x
    return x.reshape(-1, x.shape[-1]) if x.ndim else x.reshape(1, 1)


def format_shape(x: Array) -> str:
    return f"(None, {', '.join(map(str, x.shape[1:]))})"


def as_numpy(tensor: _core.Tensor) -> Array:
    return np.asarray(tensor.numpy(), dtype=np.float32)
