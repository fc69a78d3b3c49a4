"""LeNet-5 learns: drawn digits always, real MNIST where it is at hand."""

from typing import Any

import numpy as np
from small_models import lenet5

import pycnn


def accuracy_after(train: Any, test: Any, epochs: int) -> float:
    model = lenet5()
    steps = epochs * -(-len(train[0]) // 64)

    def one_cycle(step: int) -> float:
        return 0.05 * float(np.interp(step / steps, (0, 0.3, 1), (0.04, 1, 0)))

    model.compile(
        pycnn.optimizers.SGD(one_cycle, momentum=0.9, nesterov=True),
        "sparse_categorical_crossentropy",
        ["accuracy"],
    )
    model.fit(*train, batch_size=64, epochs=epochs, verbose=0)
    logs = model.evaluate(*test, verbose=0, return_dict=True)
    assert isinstance(logs, dict)
    return logs["accuracy"]


def test_drawn_digits() -> None:
    digits = pycnn.datasets.synthetic_digits
    assert accuracy_after(digits(4000, seed=1), digits(1000, seed=2), epochs=3) >= 0.97


def test_mnist(mnist: Any) -> None:
    assert accuracy_after(*mnist, epochs=1) >= 0.975
