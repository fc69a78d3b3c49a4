"""ImageNet's measures, top-1 and top-5 accuracy, of a small net on ten kinds of pictures."""

from _common import check, options

import pycnn
from pycnn import models


def main():
    chosen = options(__doc__, epochs=4)
    train, test = (pycnn.datasets.coloured_shapes(n, seed=n) for n in (2_000, 500))
    model = models.lenet5((32, 32, 3))
    model.compile(
        pycnn.optimizers.Adam(0.001),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy", pycnn.metrics.SparseTopKCategoricalAccuracy(k=5, name="top_5")],
    )
    model.fit(*train, batch_size=50, epochs=chosen.epochs, verbose=2)
    measured = model.evaluate(*test, verbose=0, return_dict=True)
    print(
        f"top-1 {measured['accuracy']:.2%}, top-5 {measured['top_5']:.2%}; guessing: 10 % and 50 %"
    )
    check(measured["top_5"], chosen.target)


if __name__ == "__main__":
    main()
