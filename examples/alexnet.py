"""AlexNet on 64 drawn pictures: it learns them by heart, which shows that all of it works.

The pictures are 64x64 here, not 224x224, so that it takes seconds; no dropout, since learning by
heart is what dropout prevents.
"""

from _common import check, options

import pycnn
from pycnn import models


def main():
    chosen = options(__doc__, epochs=60, size=64)
    x, y = pycnn.datasets.coloured_shapes(64, seed=1, size=chosen.size)
    print(f"The published net has {models.alexnet().count_params():,} weights.")
    model = models.alexnet((chosen.size, chosen.size, 3), classes=10, dropout=0.0)
    model.summary()
    model.compile(
        pycnn.optimizers.Adam(pycnn.optimizers.schedules.CosineDecay(0.0003, 2 * chosen.epochs)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x / 255 - 0.5, y, batch_size=32, epochs=chosen.epochs, verbose=2)
    check(model.evaluate(x / 255 - 0.5, y, verbose=0)[1], chosen.target)


if __name__ == "__main__":
    main()
