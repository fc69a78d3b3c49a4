"""User data to the native core's tensors: converted where that is safe, refused where not.

Nothing here changes the user's arrays. uint8 and float32 data in C order are passed on without
a copy, those on the GPU as well; all that a conversion or a check must read comes to the host.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pycnn import _core

Array = npt.NDArray[Any]

# Every integer up to here has a float32 of its own.
_EXACT_IN_FLOAT32 = 2**24

_READY_DTYPES = frozenset([np.dtype(np.float32), np.dtype(np.uint8)])


def as_array(data: Any, name: str) -> Array:
    """Returns `data` as a NumPy array of numbers or bools, without a copy where that can be.

    Raises:
        TypeError: no data, or not real numbers (object, string, complex, dates).
        ValueError: rows of different lengths, masked elements, or no data in it.
    """
    array = _real_array(data, name)
    if array.size == 0:
        raise ValueError(f"{name} is empty; received shape {array.shape}")
    return array


def float32(data: Any, name: str) -> npt.NDArray[np.float32]:
    """Returns `data`, which may be empty, as a float32 array in C order.

    Raises:
        TypeError: not real numbers.
        ValueError: masked elements, or numbers that float32 cannot hold.
    """
    return _dense(_to_float32(_real_array(data, name), name))


def _real_array(data: Any, name: str) -> Array:
    if data is None:
        raise TypeError(f"{name} is missing; received None")
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise ValueError(
            f"{name} has masked elements, which would be taken as numbers; fill them first, e.g. "
            f"with {name}.filled(0)"
        )
    data = _on_host(data)
    try:
        dlpack_only = hasattr(data, "__dlpack__") and not hasattr(data, "__array__")
        array = np.from_dlpack(data) if dlpack_only else np.asarray(data)
    except ValueError as error:
        raise ValueError(f"{name} cannot be made an array: {error}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must hold real numbers; received dtype {array.dtype} "
            f"({type(data).__name__}). Convert it first, e.g. with np.asarray({name}, "
            "dtype='float32')"
        )
    return array


def _on_host(data: Any) -> Any:
    """A GPU's array as a copy, a tensor as an array, all else as it is."""
    tensor = _core.gpu_tensor(data)
    if tensor is not None:
        data = tensor.to("cpu")
    return data.numpy() if isinstance(data, _core.Tensor) else data


def numbers(data: Any, name: str) -> Array:
    """Returns `data` as a float32 or uint8 array, in C order and native byte order.

    uint8 and bool become uint8, all else float32.

    Raises:
        TypeError: not real numbers.
        ValueError: empty; or numbers that float32 cannot hold.
    """
    array = as_array(data, name)
    if array.dtype == np.bool_:
        array = array.view(np.uint8)
    elif array.dtype != np.uint8:
        array = _to_float32(array, name)
    return _dense(array)


def numbers_in_place(
    data: Any, name: str, dtypes: Sequence[str] = ("float32", "uint8")
) -> Array | _core.Tensor:
    """Returns `data` as `numbers` does; but as a tensor where it is, if that is on the GPU.

    Arrays on the GPU that are not of one of the `dtypes` are converted on the host.

    Raises:
        TypeError, ValueError: as `numbers`; and for an array on the GPU with strides, or of a type
            that a tensor cannot hold.
    """
    tensor = _core.gpu_tensor(data)
    if tensor is None:
        return numbers(data, name)
    return tensor if tensor.dtype in dtypes and tensor.size else numbers(tensor, name)


def labels(data: Any, name: str) -> npt.NDArray[np.int64]:
    """Returns class labels as int64 ``(images,)`` from ``(images,)`` or ``(images, 1)``.

    Floats are taken when every one of them is a whole number.

    Raises:
        TypeError: not real numbers.
        ValueError: empty, of another rank, or not whole numbers.
    """
    array = as_array(data, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        hint = ""
        if array.ndim == 2:
            hint = "; for one-hot labels use the loss 'categorical_crossentropy'"
        raise ValueError(
            f"{name} must be integer labels of shape (images,); received shape {array.shape}{hint}"
        )
    if array.dtype.kind == "f":
        whole = np.isfinite(array) & (array == np.trunc(array)) & (np.abs(array) < 2.0**63)
        if not whole.all():
            first = int(np.argmin(whole))
            raise ValueError(
                f"{name} must be integer labels; received {array[first]} at index {first}"
            )
    elif array.dtype.kind == "u" and array.dtype.itemsize == 8 and array.max() >= 2**63:
        raise ValueError(f"{name} must fit in 64 bits with a sign; received {array.max()}")
    return _dense(array.astype(np.int64, copy=False))


def is_ready(x: Any, input_shape: tuple[int, ...]) -> bool:
    """Whether `x` is a batch of images that the core reads as it is.

    A quick look for what is the usual case; all else goes through `inputs`.
    """
    return (
        type(x) is np.ndarray
        and x.shape[1:] == input_shape
        and x.dtype in _READY_DTYPES
        and x.size > 0
        and x.flags.c_contiguous
        and x.flags.aligned
    )


def inputs(x: Any, input_shape: Sequence[int], where: str, name: str = "x") -> _core.Tensor:
    """Returns a batch of images for a model that takes `input_shape` (without batch).

    As in Keras a last dimension of 1 may be left out of `x`, or be there once too often.

    Raises:
        TypeError: not real numbers.
        ValueError: empty or of another shape; `where` names the layer that expected it.
    """
    array = numbers_in_place(x, name)
    expected = tuple(input_shape)
    if (*array.shape[1:], 1) == expected or array.shape[1:] == (*expected, 1):
        array = array.reshape(array.shape[:1] + expected)
    if array.ndim == 0 or array.shape[1:] != expected:
        raise ValueError(
            f"{where}expected {name} of shape {_batched(expected)}; received shape "
            f"{array.shape}{_shape_hint(array.shape, expected)}"
        )
    return _core.Tensor(array)


def targets(
    y: Any, loss_kind: str, output_shape: Sequence[int], name: str = "y", where: str = ""
) -> _core.Tensor:
    """Returns the targets of a loss: int64 labels for a sparse one, else float32.

    Raises:
        TypeError: not real numbers.
        ValueError: empty, of another shape, or labels that are no whole numbers.
    """
    expected = tuple(output_shape)
    if loss_kind == "sparse_categorical_crossentropy":
        classes = labels(y, name)
        if len(expected) == 1:
            check_range(classes, expected[0], name, where)
        return _core.Tensor(classes)
    array = numbers_in_place(y, name, ["float32"])
    if (*array.shape[1:], 1) == expected:
        array = array.reshape(array.shape[:1] + expected)
    if array.ndim == 0 or array.shape[1:] != expected:
        hint = ""
        if loss_kind == "categorical_crossentropy" and array.shape[1:] in ((), (1,)):
            hint = "; for integer labels use the loss 'sparse_categorical_crossentropy'"
        raise ValueError(
            f"{where}expected {name} of shape {_batched(expected)} for the loss {loss_kind!r}; "
            f"received shape {array.shape}{hint}"
        )
    if isinstance(array, _core.Tensor):
        return array
    return _core.Tensor(_dense(array.astype(np.float32, copy=False)))


def check_range(values: npt.NDArray[np.int64], classes: int, name: str, where: str = "") -> None:
    """Refuses labels outside of [0, classes).

    Raises:
        ValueError: with the first such label and its place.
    """
    outside = (values < 0) | (values >= classes)
    if outside.any():
        first = int(outside.argmax())
        raise ValueError(
            f"{where}{name} must be labels in [0, {classes}); "
            f"received {values[first]} at index {first}"
        )


def check_lengths(x: Any, y: Any, x_name: str = "x", y_name: str = "y") -> None:
    """Refuses two sets of different lengths.

    Raises:
        ValueError: with both lengths.
    """
    if len(x) != len(y):
        raise ValueError(
            f"{x_name} and {y_name} must have the same number of images; "
            f"received {len(x)} and {len(y)}"
        )


def _to_float32(array: Array, name: str) -> Array:
    if array.dtype.kind in "iu" and array.dtype.itemsize > 2 and array.size:
        low, high = int(array.min()), int(array.max())
        if low < -_EXACT_IN_FLOAT32 or high > _EXACT_IN_FLOAT32:
            raise ValueError(
                f"{name} holds integers from {low} to {high}, which float32 cannot hold "
                f"exactly; scale them or convert them yourself"
            )
    with np.errstate(over="ignore"):
        converted = array.astype(np.float32, copy=False)
    if array.dtype.kind == "f" and array.dtype.itemsize > 4:
        lost = np.isinf(converted) & np.isfinite(array)
        if lost.any():
            raise ValueError(f"{name} holds {array[lost][0]}, which is out of float32's range")
    return converted


def _dense(array: Array) -> Array:
    """C order and aligned; a copy only when the array is not that already."""
    return np.require(array, requirements=["C", "A"])


def _batched(shape: tuple[int, ...]) -> str:
    return f"({', '.join(['None', *map(str, shape)])}{',' if not shape else ''})"


def _shape_hint(came: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if len(expected) == 3 and came[1:] == (expected[2], expected[0], expected[1]):
        return (
            ". The data are channels-first; this model takes channels-last: "
            "np.transpose(x, (0, 2, 3, 1))"
        )
    if came == expected:
        return ". For a single image give a batch of one: x[None]"
    return ""
