"""GoogLeNet with its two auxiliary outputs on 64 drawn pictures of 96x96."""

from _common import check, options

import pycnn
from pycnn import models


def main():
    chosen = options(__doc__, epochs=60)
    print(f"The published net has {models.googlenet().count_params():,} weights.")
    for reduced in (False, True):
        module = models.inception_module(reduced=reduced)
        work = pycnn.analysis.multiply_adds(module)
        print(f"{module.name}: {work / 1e6:.0f}M multiplications")
    x, y = pycnn.datasets.coloured_shapes(64, seed=1, size=96)
    x = x / 255 - 0.5
    model = models.googlenet((96, 96, 3), classes=10, auxiliary=True)
    model.compile(
        pycnn.optimizers.Adam(pycnn.optimizers.schedules.CosineDecay(0.0003, 2 * chosen.epochs)),
        loss=["sparse_categorical_crossentropy"] * 3,
        loss_weights=[1.0, 0.3, 0.3],
        metrics=[["accuracy"]] * 3,
    )
    model.fit(x, [y, y, y], batch_size=32, epochs=chosen.epochs, verbose=2)
    guesses = model.predict(x, verbose=0)[0].argmax(axis=1)
    check(float((guesses == y).mean()), chosen.target)


if __name__ == "__main__":
    main()
