"""The same bits for any number of threads, from run to run, through the Python API."""

import threading

import numpy as np
import pytest
from small_models import conv_model

import pycnn
from pycnn import _core, layers

Data = tuple[np.ndarray, np.ndarray]


def trained(digits: Data, threads: int) -> list[bytes]:
    pycnn.set_num_threads(threads)
    pycnn.set_random_seed(11)
    model = conv_model()
    history = model.fit(*digits, batch_size=48, epochs=2, verbose=0).history
    predictions = model.predict(digits[0], verbose=0)
    weights = [weight.tobytes() for weight in model.get_weights()]
    return [*weights, predictions.tobytes(), repr(history).encode()]


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(digits: Data, threads: int) -> None:
    assert trained(digits, threads) == trained(digits, 1)


@pytest.mark.parametrize("lanes", ["images", "channels"])
@pytest.mark.parametrize("size", [1, 12, 13, 17, 33, 100, 128, 129, 131, 140, 141, 257, 268])
def test_any_batch_gives_the_same_bits(lanes: str, size: int) -> None:
    """Sizes around those at which kernels cut their work up in another way."""
    random = np.random.default_rng(size)
    x = random.random((size, 6, 6, 3), np.float32)
    y = random.integers(0, 10, size)

    def weights(threads: int) -> list[bytes]:
        pycnn.set_num_threads(threads)
        pycnn.set_random_seed(1)
        model = pycnn.Sequential(
            [
                layers.Conv2D(20, 3, padding="same", input_shape=(6, 6, 3), activation="relu"),
                layers.BatchNormalization(),
                layers.Flatten(),
                layers.Dense(33, activation="relu"),
                layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        for _ in range(3):
            model.train_on_batch(x, y)
        return [weight.tobytes() for weight in model.get_weights()]

    before = _core.cpu_lanes()
    _core.set_cpu_lanes(lanes)
    try:
        alone = weights(1)
        for threads in (2, 3, 2, 2):
            assert weights(threads) == alone
    finally:
        _core.set_cpu_lanes(before)


def test_models_train_side_by_side(digits: Data) -> None:
    """Two models in two threads: each as if it were alone."""
    pycnn.set_random_seed(2)
    models = [conv_model(), conv_model()]
    starts = [model.get_weights() for model in models]

    def fit(model: pycnn.Sequential) -> None:
        model.fit(*digits, epochs=2, shuffle=False, verbose=0)

    workers = [threading.Thread(target=fit, args=(model,)) for model in models]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for model, start in zip(models, starts, strict=True):
        alone = conv_model()
        alone.set_weights(start)
        fit(alone)
        for one, other in zip(model.get_weights(), alone.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
