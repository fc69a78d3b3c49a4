"""Checks of the options that users give to layers and to fit."""

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

# The core counts single dimensions in 32 bits.
_MOST = 2**31 - 1
# What is above it, by half a step at most, still rounds to it; 1e300 does not.
_LARGEST_FLOAT32 = (2.0 - 2.0**-23) * 2.0**127


def positive_int(value: Any, name: str, where: str = "", minimum: int = 1) -> int:
    """Returns `value` as an int of at least `minimum`.

    Raises:
        TypeError: `value` is no integer (a bool and a float are none).
        ValueError: `value` is below `minimum`, or too large for the core.
    """
    if isinstance(value, bool):
        raise TypeError(f"{where}{name} must be an integer; received {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{where}{name} must be an integer; received {value!r}") from None
    if number < minimum:
        raise ValueError(f"{where}{name} must be at least {minimum}; received {number}")
    if number > _MOST:
        raise ValueError(f"{where}{name} must be at most {_MOST}; received {number}")
    return number


def int_pair(value: Any, name: str, where: str = "", minimum: int = 1) -> tuple[int, int]:
    """Returns ``(height, width)`` from an integer or a pair of integers."""
    if not isinstance(value, (Sequence, int)) and hasattr(value, "tolist"):
        value = value.tolist()  # NumPy's scalars and arrays
    if not isinstance(value, Sequence) or isinstance(value, str):
        number = positive_int(value, name, where, minimum)
        return number, number
    if len(value) != 2:
        raise ValueError(
            f"{where}{name} must be an integer or a pair (height, width); received {value!r}"
        )
    first, second = (positive_int(item, name, where, minimum) for item in value)
    return first, second


def padding_sides(
    value: Any, where: str = "", names: str = ""
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns ``((top, bottom), (left, right))`` from a number, a pair, or two pairs.

    Args:
        value: what the user gave.
        where: the layer, for messages.
        names: what else the option may be, for messages.

    Raises:
        TypeError: something else, or no integers in it.
        ValueError: another number of sides, or a negative one.
    """
    expected = (
        f"{where}padding must be {names}an integer, (height, width) or "
        f"((top, bottom), (left, right)); received {value!r}"
    )
    if not isinstance(value, Sequence) and hasattr(value, "tolist"):
        value = value.tolist()  # NumPy's scalars and arrays
    if isinstance(value, (bool, bytes)) or not isinstance(value, (int, Sequence)):
        raise TypeError(expected)
    sides = (value, value) if isinstance(value, int) else tuple(value)
    if isinstance(value, str) or len(sides) != 2:
        raise ValueError(expected)
    height, width = (int_pair(side, "padding", where, minimum=0) for side in sides)
    return height, width


def finite_float(value: Any, name: str, where: str = "") -> float:
    """Returns `value` as a float.

    Raises:
        TypeError: `value` is no number.
        ValueError: `value` is infinite or not a number.
    """
    if isinstance(value, (bool, str, bytes)):
        raise TypeError(f"{where}{name} must be a number; received {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{where}{name} must be a number; received {value!r}") from None
    if not math.isfinite(number):
        raise ValueError(f"{where}{name} must be finite; received {number}")
    return number


def float32_number(value: Any, name: str, where: str = "") -> float:
    """Returns `value` as a float that is finite in the core's float32 too.

    Raises:
        TypeError: `value` is no number.
        ValueError: `value` is not finite, or too large for float32.
    """
    number = finite_float(value, name, where)
    if abs(number) > _LARGEST_FLOAT32:
        raise ValueError(f"{where}{name} is out of float32's range; received {number}")
    return number


def boolean(value: Any, name: str, where: str = "") -> bool:
    """Returns `value`, True or False (Python's or NumPy's), as a bool.

    Raises:
        TypeError: it is something else; a string like "no" would count as True.
    """
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise TypeError(f"{where}{name} must be True or False; received {value!r}")


def shape_tuple(value: Any, name: str, where: str = "") -> tuple[int, ...]:
    """Returns a shape without the batch dimension as a tuple of positive integers."""
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise TypeError(f"{where}{name} must be a tuple like (28, 28, 1); received {value!r}")
    dimensions = tuple(value)
    if not dimensions:
        raise ValueError(f"{where}{name} must have at least one dimension; received ()")
    if any(item is None for item in dimensions):
        raise ValueError(
            f"{where}{name} must be known in every dimension and leave out the batch; "
            f"received {dimensions}"
        )
    return tuple(positive_int(item, name, where) for item in dimensions)
