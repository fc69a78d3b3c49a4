"""The lecture's CNN for MNIST: 32 and 64 kernels of 5x5, then 1024 and 10 neurons."""

from _common import check, load_digits, options

import pycnn
from pycnn import models


def main():
    chosen = options(__doc__, epochs=3)
    (x_train, y_train), (x_test, y_test) = load_digits()
    model = models.cnn_mnist()
    model.summary()
    steps = chosen.epochs * -(-len(x_train) // 100)
    model.compile(
        pycnn.optimizers.SGD(
            pycnn.optimizers.schedules.OneCycle(0.05, steps), momentum=0.9, nesterov=True
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x_train, y_train, batch_size=100, epochs=chosen.epochs)
    check(model.evaluate(x_test, y_test, verbose=0)[1], chosen.target)


if __name__ == "__main__":
    main()
