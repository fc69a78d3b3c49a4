"""Threads and the seed of the process: the core's functions behind checks of what users give."""

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
