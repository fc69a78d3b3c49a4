"""Device, threads and seed of the process: the core's functions behind checks of users' values."""

import operator
from typing import Any

from pycnn import _core

# The core's limit.
_MOST_THREADS = 1024


def set_num_threads(count: int) -> None:
    """Sets how many threads share the work; results do not depend on it.

    Args:
        count: from 1 to 1024.

    Raises:
        TypeError: no integer.
        ValueError: out of range.
        RuntimeError: the system lets fewer be started; those are used from then on.
    """
    number = _index(count, "the number of threads")
    if not 1 <= number <= _MOST_THREADS:
        raise ValueError(
            f"the number of threads must be from 1 to {_MOST_THREADS}; received {number}"
        )
    _core.set_num_threads(number)


def set_device(device: str) -> None:
    """Sets where models run that are made from now on, and `pycnn.ops`.

    Args:
        device: "cpu", "cuda", or "auto" (as it is at first): the GPU where there is one. The
            environment variable PYCNN_DEVICE sets it from outside.

    Raises:
        ValueError: another name.
        RuntimeError: "cuda" where it is not to be had; the message says what is missing.
    """
    _core.set_default_device(checked_device(device))


def device() -> str:
    """The device of models that are made now: "cpu" or "cuda"."""
    return _core.default_device()


def checked_device(device: object) -> str:
    """A device's own name: "cpu" or "cuda"."""
    if not isinstance(device, str):
        raise TypeError(f"device must be a name: 'auto', 'cpu' or 'cuda'; received {device!r}")
    return _core.resolve_device(device)


def set_float32_precision(precision: str) -> None:
    """Sets in which numbers convolutions and dense layers multiply on a GPU.

    Sums and everything else stay in float32, and so does all work on the CPU, and the training of
    small networks by kernels of their own (docs/cuda.md).

    Args:
        precision: "float32" (at first); "tf32" or "bf16", which round what is multiplied to 11 or
            8 bits of mantissa and use tensor cores, on GPUs of compute capability 8.0 and later.

    Raises:
        TypeError: no string.
        ValueError: another name.
    """
    if not isinstance(precision, str):
        raise TypeError(
            f"precision must be a name: 'float32', 'tf32' or 'bf16'; received {precision!r}"
        )
    _core.set_float32_precision(precision)


def float32_precision() -> str:
    """What `set_float32_precision` has set."""
    return _core.float32_precision()


def set_random_seed(seed: int) -> None:
    """Seeds everything random that comes after: weights and shuffles.

    Args:
        seed: from 0 to 2**64 - 1.

    Raises:
        TypeError: no integer.
        ValueError: out of range.
    """
    number = _index(seed, "the seed")
    if not 0 <= number < 2**64:
        raise ValueError(f"the seed must be from 0 to 2**64 - 1; received {number}")
    _core.set_random_seed(number)


def _index(value: Any, name: str) -> int:
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an integer; received {value!r}")
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer; received {value!r}") from None
