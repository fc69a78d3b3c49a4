"""Threads and the seed of the process: the core's functions behind checks of what users give."""

import operator
from typing import Any

from pycnn import _core
from pycnn._checks import positive_int


def set_num_threads(count: int) -> None:
    """Sets how many threads share the work; results do not depend on it.

    Args:
        count: from 1 to 1024.

    Raises:
        TypeError: no integer.
        ValueError: out of range.
        RuntimeError: the system lets fewer be started; those are used from then on.
    """
    _core.set_num_threads(positive_int(count, "the number of threads"))


def set_random_seed(seed: int) -> None:
    """Seeds everything random that comes after: weights and shuffles.

    Args:
        seed: from 0 to 2**64 - 1.

    Raises:
        TypeError: no integer.
        ValueError: out of range.
    """
    number = _index(seed)
    if not 0 <= number < 2**64:
        raise ValueError(f"the seed must be from 0 to 2**64 - 1; received {number}")
    _core.set_random_seed(number)


def _index(seed: Any) -> int:
    try:
        return operator.index(seed)
    except TypeError:
        raise TypeError(f"the seed must be an integer; received {seed!r}") from None
