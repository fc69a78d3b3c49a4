"""Part of `reference`: numbers as the references take them."""

import numpy as np


def as_f64(value):
    return np.asarray(value, dtype=np.float64)


def as_f32(number):
    """An option as the core has it, rounded to float32."""
    return float(np.float32(number))
