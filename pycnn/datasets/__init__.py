"""Data sets: real ones, downloaded once and checked, and drawn ones."""

from pycnn.datasets import mnist
from pycnn.datasets.synthetic import synthetic_digits

__all__ = ["mnist", "synthetic_digits"]
