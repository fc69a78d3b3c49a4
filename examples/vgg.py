"""VGG trained in stages: the weights of VGG-11 start VGG-13, as the paper did it.

On 64 drawn pictures of 32x32. The deeper net begins where the shallower one ended: its first
loss shows it.
"""

from _common import check, options

import pycnn
from pycnn import models


def train(model, x, y, epochs):
    model.compile(
        pycnn.optimizers.Adam(pycnn.optimizers.schedules.CosineDecay(0.0002, 2 * epochs)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x, y, batch_size=32, epochs=epochs, verbose=2)
    return model.evaluate(x, y, verbose=0)[1]


def main():
    chosen = options(__doc__, epochs=45)
    x, y = pycnn.datasets.coloured_shapes(64, seed=1)
    x = x / 255 - 0.5
    shallow = models.vgg11((32, 32, 3), classes=10)
    shallow.summary()
    train(shallow, x, y, chosen.epochs)
    deep = models.vgg13((32, 32, 3), classes=10)
    print("Copied into VGG-13:", ", ".join(models.start_from(deep, shallow)))
    check(train(deep, x, y, chosen.epochs), chosen.target)


if __name__ == "__main__":
    main()
