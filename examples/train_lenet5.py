"""LeNet-5 (LeCun et al., 1998) learns MNIST: `python examples/train_lenet5.py`.

With --target 0.99 it is a check as well: it exits with 1 when the test accuracy is lower.
"""

import argparse
import math
import sys

import pycnn
from pycnn import layers
from pycnn.optimizers import SGD, schedules

BATCH = 64
PEAK_RATE = 0.05


def load_digits():
    """MNIST, or drawn digits when it cannot be had."""
    try:
        return pycnn.datasets.mnist.load_data()
    except OSError as error:
        print(f"{error}\nGoing on with drawn digits instead of MNIST.", file=sys.stderr)
        draw = pycnn.datasets.synthetic_digits
        return draw(20_000, seed=1), draw(4_000, seed=2)


def lenet5():
    return pycnn.Sequential(
        [
            pycnn.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ],
        name="lenet5",
    )


def main():
    parser = argparse.ArgumentParser(description="Trains LeNet-5 on MNIST.")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", type=float, help="least test accuracy, e.g. 0.99")
    parser.add_argument("--save", default="lenet5.safetensors", help="file of the trained model")
    options = parser.parse_args()
    if options.target is not None and not math.isfinite(options.target):
        parser.error("--target must be a number")

    pycnn.set_random_seed(options.seed)
    (x_train, y_train), (x_test, y_test) = load_digits()
    model = lenet5()
    model.summary()
    steps = options.epochs * math.ceil(len(x_train) / BATCH)
    model.compile(
        SGD(schedules.OneCycle(PEAK_RATE, steps), momentum=0.9, nesterov=True),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x_train, y_train, BATCH, options.epochs, validation_data=(x_test, y_test))
    guesses = model.predict(x_test, verbose=0).argmax(axis=1)
    print("Confusion matrix (row: the digit, column: what was read):")
    print(pycnn.metrics.confusion_matrix(y_test, guesses, classes=10))
    accuracy = float((guesses == y_test).mean())
    model.save(options.save)
    print(f"Test accuracy {accuracy:.2%}; model saved to {options.save}")
    if options.target is not None and accuracy < options.target:
        sys.exit(f"The target of {options.target:.2%} is missed.")


if __name__ == "__main__":
    main()
