"""One softmax layer on MNIST, as in the lecture's code: pixels 0 to 255, batches of 100.

Then the same with the pixels scaled to 0..1, which plain gradient descent likes better; it also
bears a learning rate of 0.1 then, where the lecture's "sgd" has 0.01.
"""

from _common import check, load_digits, options

import pycnn
from pycnn import models


def main():
    chosen = options(__doc__, epochs=10)
    (x_train, y_train), (x_test, y_test) = load_digits()
    reached = {}
    for scaled in (False, True):
        model = models.softmax_mnist(scaled=scaled)
        model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x_train, y_train, batch_size=100, epochs=chosen.epochs, verbose=2)
        reached[scaled] = model.evaluate(x_test, y_test, verbose=0)[1]
    print(f"Pixels as they come: {reached[False]:.2%}; scaled: {reached[True]:.2%}")
    guesses = model.predict(x_test, verbose=0).argmax(axis=1)
    print(pycnn.metrics.confusion_matrix(y_test, guesses, classes=10))
    check(reached[True], chosen.target)


if __name__ == "__main__":
    main()
