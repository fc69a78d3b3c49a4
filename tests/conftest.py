"""What every test begins with: a fixed seed, and data small enough to be quick."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

# `python -m pytest` puts the source folder first, whose package has no built core; the package
# under test is the installed one.
_ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != _ROOT]

import pycnn  # noqa: E402

Data = tuple[np.ndarray, np.ndarray]


@pytest.fixture(autouse=True)
def fixed_seed() -> Iterator[None]:
    threads = pycnn.num_threads()
    pycnn.set_random_seed(0)
    yield
    pycnn.set_num_threads(threads)


@pytest.fixture(scope="session")
def digits() -> Data:
    """Drawn digits: uint8 (320, 28, 28) and labels (320,)."""
    return pycnn.datasets.synthetic_digits(320, seed=7)


@pytest.fixture
def blobs() -> Data:
    """Four float features whose largest says the class: (96, 4) and labels (96,)."""
    random = np.random.default_rng(3)
    x = random.normal(size=(96, 4)).astype(np.float32)
    return x, x.argmax(axis=1)


@pytest.fixture(scope="session")
def mnist() -> tuple[Data, Data]:
    """Real MNIST, where PYCNN_DATA_DIR has it."""
    folder = os.environ.get("PYCNN_DATA_DIR")
    if not folder or not (Path(folder) / "mnist").is_dir():
        pytest.skip("PYCNN_DATA_DIR has no MNIST")
    return pycnn.datasets.mnist.load_data()
