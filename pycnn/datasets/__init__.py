"""Data sets: real ones, downloaded once and checked, and drawn ones."""

from pycnn.datasets import mnist
from pycnn.datasets.figures import coloured_shapes, x_and_o
from pycnn.datasets.synthetic import synthetic_digits

__all__ = ["coloured_shapes", "mnist", "synthetic_digits", "x_and_o"]
