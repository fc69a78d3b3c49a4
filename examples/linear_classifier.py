"""The linear classifier, f = W x + b, and its two-layer form on 32x32x3 pictures.

The pictures are ten kinds of coloured shapes, drawn by the program. A single template per kind
cannot tell them apart wherever they stand; hidden templates do better.
"""

from _common import check, options

import pycnn
from pycnn import models


def train(model, data, test, epochs):
    model.compile(
        pycnn.optimizers.Adam(0.001),
        loss=pycnn.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(*data, batch_size=100, epochs=epochs, verbose=2)
    return model.evaluate(*test, verbose=0)[1]


def main():
    chosen = options(__doc__, epochs=12)
    x, y = pycnn.datasets.coloured_shapes(8_000, seed=1)
    data, test = (x[:7_000] / 255, y[:7_000]), (x[7_000:] / 255, y[7_000:])
    linear = models.linear_classifier()
    linear.summary()
    one = train(linear, data, test, chosen.epochs)
    two = train(models.two_layer_classifier(hidden=200), data, test, chosen.epochs)
    print(f"f = W x + b: {one:.2%}; f = W2 max(0, W1 x): {two:.2%}; guessing: 10 %")
    check(two, chosen.target)


if __name__ == "__main__":
    main()
