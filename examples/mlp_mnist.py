"""A deeper network on MNIST: sigmoid neurons first, then what the lecture adds to them.

He initialization, ReLU, Adam, dropout, and a learning rate that starts fast and decays:
0.01 * 0.6^epoch, set by a callback.
"""

from _common import check, load_digits, options

import pycnn
from pycnn import layers, models


def sigmoid_network():
    return pycnn.Sequential(
        [
            layers.Rescaling(1 / 255, input_shape=(28, 28)),
            layers.Flatten(),
            layers.Dense(128, activation="sigmoid"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def train(model, optimizer, data, test, epochs, callbacks=None):
    model.compile(
        optimizer=optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        callbacks=callbacks,
    )
    model.fit(*data, batch_size=100, epochs=epochs, verbose=2)
    return model.evaluate(*test, verbose=0)[1]


def main():
    chosen = options(__doc__, epochs=10)
    data, test = load_digits()
    before = train(sigmoid_network(), "sgd", data, test, chosen.epochs)
    decay = pycnn.callbacks.LearningRateScheduler(lambda epoch: 0.01 * 0.6**epoch)
    after = train(models.mlp_mnist(), "adam", data, test, chosen.epochs, [decay])
    print(f"Sigmoid and plain SGD: {before:.2%}; with all of the above: {after:.2%}")
    check(after, chosen.target)


if __name__ == "__main__":
    main()
